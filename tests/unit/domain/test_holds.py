"""Holds and the clock: what a hold is, when it ends, how many one may have, and what begins and ends by itself."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from core.domain.bookings.claims import claims_of
from core.domain.bookings.holds import extended
from core.domain.bookings.status import PaymentStatus, Status
from core.domain.commands import ENGINE, Actor, ActorKind, BookRoom, ExpireDue, MoveOn
from core.domain.events import BookingChanged, BookingPlaced, NothingDue
from core.domain.refusals import CommandRefused, Refusal
from core.domain.state import State
from core.domain.values import Booking, Policy
from core.store.feed_events import event_rows
from tests.support.values import (
    DESK,
    NOW,
    ROOM_RESOURCE,
    book_room,
    booking,
    decided,
    envelope,
    place,
    room,
    state,
    user,
)

UMA = Actor(ActorKind.USER, 1)
MINUTE = timedelta(minutes=1)


def hold(id_: int = 1, *, expires_at: datetime = NOW + 30 * MINUTE, **changes: object) -> Booking:
    return booking(id_, contract="rooms", status=Status.HELD, hold_expires_at=expires_at, price_minor=1, **changes)


def with_room(*holds: Booking, **changes: object) -> State:
    claims = [claim for one in holds for claim in claims_of(one)]
    return state(resources=[DESK, ROOM_RESOURCE], rooms=[room()], bookings=holds, claims=claims, **changes)  # type: ignore[arg-type]


def test_a_lapsed_hold_makes_way_for_who_wants_its_time_and_the_engine_ended_it() -> None:
    known = with_room(hold(resource_id=ROOM_RESOURCE.id, local_time=time(9), expires_at=NOW, user_id=2))
    one = envelope(book_room(), UMA, contract="rooms")
    ended, placed = decided(known, one)
    assert isinstance(ended, BookingChanged)
    assert isinstance(placed, BookingPlaced)
    assert (ended.booking.id, ended.booking.status, ended.freed) == (1, Status.EXPIRED, True)
    news = event_rows(one, (ended, placed))
    assert [(row.actor, row.is_final) for row in news] == [("engine", False), ("user:1", True)]


def test_a_lapsed_hold_makes_way_for_an_appointment_too() -> None:
    *_, placed = decided(with_room(hold(expires_at=NOW)), envelope(place()))
    assert isinstance(placed, BookingPlaced)


def test_a_live_hold_does_not_make_way_even_beside_a_lapsed_one() -> None:
    lapsed = hold(1, resource_id=2, local_time=time(9), duration_minutes=30, expires_at=NOW)
    live = hold(2, resource_id=2, local_time=time(9, 30), duration_minutes=30)
    known = with_room(lapsed, live)
    assert decided(known, envelope(book_room(), UMA, contract="rooms")) == (CommandRefused(Refusal.SLOT_TAKEN),)
    assert known.bookings[1].status is Status.HELD


@pytest.mark.parametrize(("live", "limit", "refused"), [(4, 5, False), (5, 5, True), (6, 5, True), (9, 0, False)])
def test_somebody_may_hold_as_many_as_the_policy_says(live: int, limit: int, refused: bool) -> None:  # noqa: FBT001 - a table
    known = with_room(policy=Policy(max_holds_per_user=limit))
    known.holds[1] = {1000 + n: NOW + MINUTE for n in range(live)} | {2000: NOW, 2001: NOW - MINUTE}
    (event,) = decided(known, envelope(book_room(), UMA, contract="rooms"))
    assert (event == CommandRefused(Refusal.TOO_MANY_HOLDS)) is refused


def test_the_holds_of_one_batch_count() -> None:
    known = with_room(policy=Policy(max_holds_per_user=1))
    wishes = [book_room(time(9), time(10)), book_room(time(10), time(11))]
    first, second = (decided(known, envelope(wish, UMA, contract="rooms")) for wish in wishes)
    assert isinstance(first[0], BookingPlaced)
    assert second == (CommandRefused(Refusal.TOO_MANY_HOLDS),)


def test_expiry_ends_only_what_has_lapsed() -> None:
    known = with_room(hold(1, expires_at=NOW), hold(2, resource_id=2), booking(3, local_time=time(16)))
    events = decided(known, envelope(ExpireDue((1, 2, 3, 4)), ENGINE, contract="engine"))
    assert [(e.booking.id, e.booking.status) for e in events if isinstance(e, BookingChanged)] == [(1, Status.EXPIRED)]
    assert decided(known, envelope(ExpireDue((1, 2)), ENGINE, contract="engine")) == (NothingDue(),)


def test_a_hold_is_extended_once() -> None:
    policy = Policy(hold_extension_s=600)
    once = extended(hold(), policy)
    assert once.hold_expires_at == NOW + 40 * MINUTE
    assert extended(once, policy) == once
    assert extended(booking(), policy) == booking()


@pytest.mark.parametrize(
    ("contract", "status", "after_start", "becomes"),
    [
        ("rooms", Status.CONFIRMED, timedelta(seconds=-1), None),
        ("rooms", Status.CONFIRMED, timedelta(0), Status.IN_PROGRESS),
        ("rooms", Status.CONFIRMED, 60 * MINUTE, Status.COMPLETED),
        ("rooms", Status.IN_PROGRESS, 59 * MINUTE, None),
        ("marketplace", Status.IN_PROGRESS, 60 * MINUTE, Status.COMPLETED),
        ("rooms", Status.CANCELLED, 60 * MINUTE, None),
        ("rooms", Status.HELD, 60 * MINUTE, None),
        ("appointments", Status.CONFIRMED, 60 * MINUTE, None),
        ("agent", Status.CONFIRMED, 60 * MINUTE, None),
        ("calendar", Status.CONFIRMED, 60 * MINUTE, None),
    ],
)
def test_the_clock_moves_on_what_it_may(
    contract: str, status: Status, after_start: timedelta, becomes: Status | None
) -> None:
    one = booking(contract=contract, status=status)
    (event,) = decided(
        state(bookings=[one]), envelope(MoveOn((1,)), ENGINE, contract="engine"), one.starts_at + after_start
    )
    assert event == NothingDue() if becomes is None else isinstance(event, BookingChanged)
    if isinstance(event, BookingChanged):
        assert (event.booking.status, event.by) == (becomes, ActorKind.ENGINE)


def test_the_clock_does_not_move_what_was_past_when_it_was_made() -> None:
    one = booking(contract="rooms", created_at=NOW + timedelta(days=30))
    assert decided(state(bookings=[one]), envelope(MoveOn((1,)), ENGINE), NOW + timedelta(days=31)) == (NothingDue(),)


def test_a_hold_costs_what_its_slots_cost_then() -> None:
    (event,) = decided(with_room(users=[user(1)]), envelope(book_room(time(9), time(10, 30)), UMA, contract="rooms"))
    assert isinstance(event, BookingPlaced)
    assert (event.booking.price_minor, event.booking.payment_status) == (15000, PaymentStatus.PENDING)


def test_time_that_has_begun_cannot_be_held_unless_the_installation_allows_it() -> None:
    wish, begun = envelope(book_room(), UMA, contract="rooms"), datetime(2025, 10, 20, 9, tzinfo=UTC)
    assert decided(with_room(), wish, begun) == (CommandRefused(Refusal.IN_THE_PAST),)
    assert isinstance(decided(with_room(), wish, begun - timedelta(seconds=1))[0], BookingPlaced)
    assert isinstance(decided(with_room(policy=Policy(allow_past=True)), wish, begun)[0], BookingPlaced)


def test_an_unknown_person_cannot_hold() -> None:
    wish = BookRoom(404, 1, book_room().date, time(9), time(10))
    assert decided(with_room(), envelope(wish, ENGINE, contract="rooms")) == (CommandRefused(Refusal.USER_NOT_FOUND),)
