"""The life of a booking: every transition there is, and what it does to the time it takes."""

from __future__ import annotations

from itertools import product

import pytest

from core.domain.bookings.status import NEXT, TAKES_TIME, Status, may_become
from core.domain.commands import ENGINE, Actor, ActorKind, Cancel, ChangeStatus, Delete
from core.domain.events import BookingChanged, BookingDeleted, BookingUnchanged
from core.domain.refusals import CommandRefused, Refusal
from core.domain.values import Booking, Claim
from tests.support.values import STAFF, booking, decided, envelope, state, user

S = Status

DOCUMENTED = {
    # the marketplace document, "Valid Transitions"
    (S.DRAFT, S.HELD),
    (S.DRAFT, S.CANCELLED),
    (S.HELD, S.CONFIRMED),
    (S.HELD, S.CANCELLED),
    (S.CONFIRMED, S.IN_PROGRESS),
    (S.CONFIRMED, S.CANCELLED),
    (S.CONFIRMED, S.NO_SHOW),
    (S.IN_PROGRESS, S.COMPLETED),
    (S.IN_PROGRESS, S.NO_SHOW),
    # docs/contracts/README.md, "One status, five vocabularies": the additions anyone may ask for
    (S.HELD, S.EXPIRED),
    (S.CONFIRMED, S.COMPLETED),
}


@pytest.mark.parametrize(("present", "wanted"), list(product(Status, Status)))
def test_the_transition_table_is_exactly_the_documents(present: Status, wanted: Status) -> None:
    assert may_become(present, wanted) == ((present, wanted) in DOCUMENTED)


def test_every_status_has_its_line_in_the_table() -> None:
    assert set(NEXT) == set(Status)


ALREADY = {
    # a client of three words sees these as what it asks for; a hold is not to be confirmed unpaid
    (S.HELD, S.CONFIRMED),
    (S.IN_PROGRESS, S.CONFIRMED),
    (S.EXPIRED, S.CANCELLED),
    (S.NO_SHOW, S.CANCELLED),
}


def with_claim(one: Booking) -> list[Claim]:
    return [Claim(one.resource_id, one.starts_at, one.ends_at, one.id)] if one.status in TAKES_TIME else []


@pytest.mark.parametrize(("present", "wanted"), list(product(Status, Status)))
def test_a_change_is_made_exactly_where_the_table_allows_it(present: Status, wanted: Status) -> None:
    one = booking(status=present)
    before = state(bookings=[one], claims=with_claim(one))
    (event,) = decided(before, envelope(ChangeStatus(one.id, wanted), STAFF))
    if present is wanted or (present, wanted) in ALREADY:
        assert event == BookingUnchanged(one)
    elif may_become(present, wanted) and not (present is S.DRAFT and wanted in TAKES_TIME):
        assert isinstance(event, BookingChanged)
        assert (event.booking.status, event.was, event.booking.version) == (wanted, present, 2)
    else:
        assert event == CommandRefused(Refusal.INVALID_TRANSITION, present)


def test_a_draft_takes_its_time_by_being_scheduled_and_never_by_a_word_alone() -> None:
    """A hold made so would claim nothing and never end."""
    draft = booking(status=S.DRAFT)
    for wanted in TAKES_TIME:
        (event,) = decided(state(bookings=[draft]), envelope(ChangeStatus(draft.id, wanted), STAFF))
        assert event == CommandRefused(Refusal.INVALID_TRANSITION, S.DRAFT)


@pytest.mark.parametrize("wanted", [s for s in Status if s not in TAKES_TIME])
@pytest.mark.parametrize("present", sorted(TAKES_TIME))
def test_a_booking_that_ends_gives_its_time_back(present: Status, wanted: Status) -> None:
    if not may_become(present, wanted):
        return
    one = booking(status=present)
    before = state(bookings=[one], claims=with_claim(one))
    (event,) = decided(before, envelope(ChangeStatus(one.id, wanted), STAFF))
    assert isinstance(event, BookingChanged)
    assert event.freed
    assert not before.is_taken(one.resource_id, one.starts_at, one.ends_at)


def test_starting_a_booking_keeps_its_time() -> None:
    one = booking()
    before = state(bookings=[one], claims=with_claim(one))
    (event,) = decided(before, envelope(ChangeStatus(one.id, S.IN_PROGRESS), STAFF))
    assert isinstance(event, BookingChanged)
    assert not event.freed
    assert before.is_taken(one.resource_id, one.starts_at, one.ends_at)


def test_a_booking_that_does_not_exist_is_not_found() -> None:
    (event,) = decided(state(), envelope(ChangeStatus(404, S.CANCELLED), STAFF))
    assert event == CommandRefused(Refusal.BOOKING_NOT_FOUND)


@pytest.mark.parametrize(
    ("actor", "may"),
    [
        (Actor(ActorKind.USER, 1), True),
        (Actor(ActorKind.USER, 3), False),
        (Actor(ActorKind.ANONYMOUS), False),
        (Actor(ActorKind.AGENT, key_id=1), False),
        (STAFF, True),
        (ENGINE, True),
    ],
)
def test_somebody_elses_booking_does_not_exist_for_who_cancels_it(actor: Actor, may: bool) -> None:  # noqa: FBT001 - a table
    one = booking(user_id=1)
    (event,) = decided(state(bookings=[one], users=[user(1), user(3)]), envelope(Cancel(one.id, "ill"), actor))
    if may:
        assert isinstance(event, BookingChanged)
        assert (event.booking.status, event.reason, event.by) == (S.CANCELLED, "ill", actor.kind)
    else:
        assert event == CommandRefused(Refusal.BOOKING_NOT_FOUND)


def test_cancelling_twice_answers_unchanged() -> None:
    before = state(bookings=[booking()])
    decided(before, envelope(Cancel(1), STAFF))
    (event,) = decided(before, envelope(Cancel(1), STAFF))
    assert isinstance(event, BookingUnchanged)


@pytest.mark.parametrize("present", list(Status))
def test_a_delete_first_cancels_what_can_be_cancelled(present: Status) -> None:
    one = booking(status=present)
    before = state(bookings=[one], claims=with_claim(one))
    events = decided(before, envelope(Delete(one.id), STAFF))
    assert isinstance(events[-1], BookingDeleted)
    assert isinstance(events[0], BookingChanged) == may_become(present, S.CANCELLED)
    assert one.id not in before.bookings
    assert not before.is_taken(one.resource_id, one.starts_at, one.ends_at)


def test_a_deleted_booking_is_gone_for_the_next_command() -> None:
    before = state(bookings=[booking()])
    decided(before, envelope(Delete(1), STAFF))
    (event,) = decided(before, envelope(Delete(1), STAFF))
    assert event == CommandRefused(Refusal.BOOKING_NOT_FOUND)
