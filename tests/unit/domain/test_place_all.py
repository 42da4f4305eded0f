"""Booking a batch whole or not at all: rows see each other, and all that stand in the way are named."""

from __future__ import annotations

from copy import deepcopy
from datetime import time, timedelta

from core.domain.commands import Place, PlaceAll, RowToPlace
from core.domain.events import BookingPlaced, Event, UserCreated
from core.domain.refusals import CommandRefused, Refusal
from core.domain.values import Claim
from tests.support.values import (
    DESK,
    MONDAY,
    NOW,
    SUNDAY,
    booking,
    by_phone,
    counting_ids,
    decided,
    envelope,
    place,
    state,
)

NINE, TEN, ELEVEN = (place(at=time(hour), person=by_phone("555001")) for hour in (9, 10, 11))


def batch(*places: Place, refused: int = 0) -> PlaceAll:
    rows = tuple(RowToPlace(number, one) for number, one in enumerate(places, 1))
    return PlaceAll(rows, refused)


def in_the_way(events: tuple[Event, ...]) -> dict[int, Refusal]:
    (refused,) = events
    assert isinstance(refused, CommandRefused)
    assert refused.refusal is Refusal.BATCH_REFUSED
    return {row.row: row.why.refusal for row in refused.rows}


def test_every_row_is_booked_and_a_person_of_several_rows_is_made_once() -> None:
    events = decided(state(), envelope(batch(NINE, TEN, ELEVEN)))
    assert [type(event) for event in events] == [UserCreated, *[BookingPlaced] * 3]
    users = {event.booking.user_id for event in events if isinstance(event, BookingPlaced)}
    assert len(users) == 1


def test_one_row_in_the_way_keeps_all_from_being_booked() -> None:
    taken = booking(local_time=time(10))
    before = state(bookings=[taken], claims=[Claim(DESK.id, taken.starts_at, taken.ends_at, taken.id)])
    assert in_the_way(decided(before, envelope(batch(NINE, TEN, ELEVEN)))) == {2: Refusal.SLOT_TAKEN}
    assert set(before.bookings) == {1}
    assert "555001" not in before.users_by_phone


def test_every_row_that_stands_in_the_way_is_named_with_its_own_reason() -> None:
    rows = (NINE, place(SUNDAY), place(at=time(6)), place(at=time(9)), TEN)
    assert in_the_way(decided(state(), envelope(batch(*rows)))) == {
        2: Refusal.OFF_DAY,
        3: Refusal.OUTSIDE_WORKING_HOURS,
        4: Refusal.SLOT_TAKEN,
    }


def test_rows_refused_before_the_inbox_keep_the_others_from_being_booked() -> None:
    assert in_the_way(decided(state(), envelope(batch(NINE, TEN, refused=1)))) == {}
    assert in_the_way(decided(state(), envelope(batch(NINE, NINE, refused=1)))) == {2: Refusal.SLOT_TAKEN}


def test_a_batch_past_its_deadline_is_refused_as_one() -> None:
    late = envelope(batch(NINE, TEN), decide_before=NOW - timedelta(seconds=1))
    assert decided(state(), late) == (CommandRefused(Refusal.DECIDED_TOO_LATE),)


def test_what_is_tried_on_a_fork_of_the_state_leaves_the_state_as_it_was() -> None:
    before = state(bookings=[booking()])
    untouched = deepcopy(vars(before))
    fork = before.fork()
    ids = counting_ids()
    for number, day in enumerate((MONDAY, MONDAY + timedelta(days=1))):
        one = envelope(place(day, time(9), person=by_phone(f"55500{number}")))
        decided(fork, one, ids=ids)
    on_offer = {"timetable", "shared_slots", "near"}  # what both have together
    assert {name: vars(before)[name] for name in untouched.keys() - on_offer} == {
        name: value for name, value in untouched.items() if name not in on_offer
    }
    assert len(fork.bookings) == 3
