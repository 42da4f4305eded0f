"""The weight of each command, and how batches are cut by weight."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

from core.domain.command_table import HEAVIEST, own_weight
from core.domain.commands import (
    Canary,
    Command,
    CommandClass,
    ExpireDue,
    OfferWeekly,
    PlaceAll,
    RowToPlace,
)
from core.domain.marketplace.commands import BookCourse, BookPackage, CancelSession, OfferSeats, Part
from core.domain.steps import STEP_BOOKINGS
from core.store.inbox.lane_batches import BATCH_COMMANDS, BULK_MOST, BULK_SHARE, EXPIRY_SHARE, cut_batch
from core.store.inbox.reading import Waiting
from tests.support.values import envelope, place

DAY = date(2040, 1, 2)


def test_a_command_weighs_what_it_makes_or_names() -> None:
    rows = tuple(RowToPlace(n, place()) for n in range(7))
    weekly = OfferWeekly(1, DAY, DAY + timedelta(days=13), (0, 1), 540, 660, 60)
    weights: dict[Command, int] = {
        place(): 1,
        PlaceAll(rows): 7,
        ExpireDue((1, 2, 3)): 3,
        weekly: 8,
        BookCourse(1, 2, 200): 201,
        BookPackage(1, 2, (Part(1), Part(2))): 3,
        OfferSeats(1, 250): 250,
        CancelSession(1): STEP_BOOKINGS,
        Canary(): 1,
    }
    assert {command: own_weight(command) for command in weights} == weights
    assert own_weight(PlaceAll(rows * 9_000)) == HEAVIEST


def waiting(*weights: int, class_: CommandClass = CommandClass.INTERACTIVE) -> list[Waiting]:
    found = [envelope(Canary(), id=uuid4(), seq=seq) for seq, _ in enumerate(weights)]
    return [Waiting(0, one, class_, 0, weight) for one, weight in zip(found, weights, strict=True)]


def taken(*lanes: list[Waiting]) -> list[int]:
    return [one.weight for one in cut_batch(lanes)]


def test_two_hundred_buyers_of_a_long_course_are_as_many_batches() -> None:
    assert taken(waiting(*[201] * BATCH_COMMANDS)) == [201]


def test_a_batch_ends_before_what_does_not_fit_it() -> None:
    assert taken(waiting(1, 1, 201, 1)) == [1, 1], "in order: what comes after it waits too"
    assert taken(waiting(150, 50, 1)) == [150, 50]


def test_each_class_has_its_share_by_weight() -> None:
    people = waiting(*[1] * BATCH_COMMANDS)
    expiry = waiting(20, 20, 20, class_=CommandClass.EXPIRY)
    bulk = waiting(30, 5, 5, 5, class_=CommandClass.BULK)
    found = cut_batch([people, expiry, bulk])
    by_class = {class_: sum(one.weight for one in found if one.command_class is class_) for class_ in CommandClass}
    assert by_class[CommandClass.EXPIRY] == EXPIRY_SHARE
    assert by_class[CommandClass.BULK] == BULK_SHARE
    assert sum(by_class.values()) == BATCH_COMMANDS


def test_what_is_heavier_than_its_share_gets_its_turn() -> None:
    people = waiting(*[1] * BATCH_COMMANDS)
    expiry = waiting(250, 1, class_=CommandClass.EXPIRY)
    bulk = waiting(10_000, 1, class_=CommandClass.BULK)
    assert taken(people, expiry, bulk)[-2:] == [250, 10_000]


def test_bulk_alone_has_what_is_its_most() -> None:
    assert sum(taken(waiting(*[1] * 150, class_=CommandClass.BULK))) == BULK_MOST
