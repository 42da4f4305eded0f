"""Moving bookings of appointments, rooms and time slots: where they may go, and what stays as it was agreed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from core.domain.bookings.claims import claims_of
from core.domain.bookings.status import PaymentStatus, Status
from core.domain.commands import Actor, ActorKind, Command, MoveToSlot, MoveWithSlot, ReportVisit, Reschedule
from core.domain.events import BookingChanged, BookingUnchanged, Event, SlotAvailabilityChanged, SlotChanged
from core.domain.refusals import CommandRefused, Refusal
from core.domain.resources.local_time import Hours
from core.domain.state import State
from core.domain.values import Booking, Category, Claim, Policy, Resource, RoomDetails, SlotDetails, TimeSlot
from tests.support.values import (
    DESK,
    NOW,
    ROOM_RESOURCE,
    STAFF,
    booking,
    decided,
    envelope,
    room,
    rules,
    state,
)

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
TEN = datetime(2025, 10, 20, 10, tzinfo=UTC)
CLIENT, SOMEBODY_ELSE = Actor(ActorKind.USER, 1), Actor(ActorKind.USER, 5)
HALL = Resource(7, "category", "Hall", "Europe/Berlin")
CAT, DOG = Category(1, "Cat", HALL), Category(2, "Dog", HALL)
NEVER_CLOSED = rules(hours=Hours(0, 24 * 60, frozenset()))


def at(moment: datetime, **changes: Any) -> Booking:
    given = {"local_date": moment.date(), "local_time": moment.time().replace(tzinfo=None), "starts_at": moment}
    return booking(**{**given, **changes})


def known(*bookings: Booking, **changes: Any) -> State:
    before = state(**changes)
    for one in bookings:
        before.know_booking(one)
        for claim in claims_of(one):
            before.take(claim)
    return before


def do(before: State, command: Command, actor: Actor = STAFF, now: datetime = NOW) -> tuple[Event, ...]:
    return decided(before, envelope(command, actor), now)


def moved(before: State, command: Command, actor: Actor = STAFF, now: datetime = NOW) -> Booking:
    change = do(before, command, actor, now)[-1]
    assert isinstance(change, BookingChanged), change
    return change.booking


def refused(before: State, command: Command, actor: Actor = STAFF, now: datetime = NOW) -> Refusal | None:
    last = do(before, command, actor, now)[-1]
    return last.refusal if isinstance(last, CommandRefused) else None


# appointments, and what agents book


def test_a_moved_appointment_gives_its_old_time_back_and_takes_the_new_one_in_one_event() -> None:
    before = known(at(TEN))
    (change,) = do(before, Reschedule(1, TEN + 2 * HOUR))
    assert isinstance(change, BookingChanged)
    assert change.claims == (Claim(DESK.id, TEN + 2 * HOUR, TEN + 3 * HOUR, 1),)
    assert (change.moved_from, change.was, change.freed) == (at(TEN), Status.CONFIRMED, False)
    assert [claim.starts_at for claim in before.claims[DESK.id]] == [TEN + 2 * HOUR]
    assert (change.booking.version, change.booking.local_time) == (2, time(12))


def test_without_an_end_it_lasts_as_long_as_before_and_with_one_it_is_longer() -> None:
    assert moved(known(at(TEN)), Reschedule(1, TEN + HOUR)).duration_minutes == 60
    assert moved(known(at(TEN)), Reschedule(1, TEN, TEN + 3 * HOUR)).duration_minutes == 180


def test_it_may_overlap_the_time_that_it_had() -> None:
    assert moved(known(at(TEN)), Reschedule(1, TEN + 30 * MINUTE)).starts_at == TEN + 30 * MINUTE


def test_the_same_time_again_changes_nothing() -> None:
    assert do(known(at(TEN)), Reschedule(1, TEN)) == (BookingUnchanged(at(TEN)),)


def test_local_times_are_those_of_its_resource() -> None:
    spa = Resource(3, "service", "Spa", "Asia/Tokyo")
    before = known(at(TEN, resource_id=3), resources=[DESK, spa], rules_=NEVER_CLOSED)
    after = moved(before, Reschedule(1, TEN + 6 * HOUR))
    assert (after.local_date, after.local_time) == (date(2025, 10, 21), time(1))


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (Reschedule(1, TEN + 5 * HOUR), Refusal.SLOT_TAKEN),
        (Reschedule(1, TEN + 5 * HOUR - MINUTE), Refusal.SLOT_TAKEN),
        (Reschedule(1, TEN, TEN + 5 * HOUR + MINUTE), Refusal.SLOT_TAKEN),
        (Reschedule(1, TEN + 4 * HOUR), None),
        (Reschedule(1, TEN, TEN + 5 * HOUR), None),
        (Reschedule(1, TEN - 2 * HOUR), Refusal.OUTSIDE_WORKING_HOURS),
        (Reschedule(1, TEN + 6 * HOUR + MINUTE), Refusal.OUTSIDE_WORKING_HOURS),
        (Reschedule(1, TEN + 6 * HOUR), None),
        (Reschedule(1, TEN - DAY), Refusal.OFF_DAY),
        (Reschedule(1, TEN - 14 * DAY), Refusal.IN_THE_PAST),
        (Reschedule(1, NOW), Refusal.IN_THE_PAST),
        (Reschedule(1, NOW + MINUTE), None),
        (Reschedule(9, TEN), Refusal.BOOKING_NOT_FOUND),
        (Reschedule(1, TEN, room_id=1), Refusal.NOT_MOVABLE),
        (Reschedule(1, TEN + DAY), Refusal.CLOSED),
        (Reschedule(1, TEN + DAY - HOUR), None),
        (Reschedule(1, TEN + DAY - HOUR, TEN + DAY + MINUTE), Refusal.CLOSED),
    ],
)
def test_an_appointment_goes_where_one_could_be_booked(command: Reschedule, why: Refusal | None) -> None:
    before = known(at(TEN), at(TEN + 5 * HOUR, id_=2))
    before.take(Claim(DESK.id, TEN + DAY, TEN + DAY + HOUR, None, 1))
    assert refused(before, command) is why


def test_without_settings_nothing_is_moved() -> None:
    closed = known(at(TEN), rules_=rules(is_active=False))
    assert refused(closed, Reschedule(1, TEN + HOUR)) is Refusal.NO_SETTINGS


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (Status.CONFIRMED, None),
        (Status.HELD, None),
        (Status.COMPLETED, Refusal.INVALID_TRANSITION),
        (Status.CANCELLED, Refusal.INVALID_TRANSITION),
        (Status.EXPIRED, Refusal.INVALID_TRANSITION),
        (Status.NO_SHOW, Refusal.INVALID_TRANSITION),
    ],
)
def test_only_what_takes_time_is_moved_and_a_refusal_says_what_it_is(status: Status, why: Refusal | None) -> None:
    before = known(at(TEN, status=status, hold_expires_at=NOW + HOUR))
    last = do(before, Reschedule(1, TEN + HOUR))[-1]
    assert (last.refusal if isinstance(last, CommandRefused) else None) is why
    assert why is None or (isinstance(last, CommandRefused) and last.present is status)


def test_a_hold_that_has_run_out_is_not_moved_and_makes_way_for_others() -> None:
    lapsed = at(TEN + HOUR, id_=2, status=Status.HELD, hold_expires_at=NOW)
    assert refused(known(lapsed), Reschedule(2, TEN)) is Refusal.HOLD_ENDED
    expired, change = do(known(at(TEN), lapsed), Reschedule(1, TEN + HOUR))
    assert isinstance(expired, BookingChanged)
    assert (expired.booking.status, isinstance(change, BookingChanged)) == (Status.EXPIRED, True)


def test_a_moved_hold_ends_when_it_would_have_ended() -> None:
    held = at(TEN, status=Status.HELD, hold_expires_at=NOW + HOUR)
    assert moved(known(held), Reschedule(1, TEN + HOUR)).hold_expires_at == NOW + HOUR


def test_what_has_begun_keeps_its_start_and_may_end_later_than_now() -> None:
    before, now = known(at(TEN)), TEN + 30 * MINUTE
    assert refused(before, Reschedule(1, TEN + HOUR), now=now) is Refusal.ALREADY_BEGUN
    assert refused(before, Reschedule(1, TEN, now), now=now) is Refusal.IN_THE_PAST
    assert moved(before, Reschedule(1, TEN, TEN + 2 * HOUR), now=now).ends_at == TEN + 2 * HOUR
    assert refused(before, Reschedule(1, TEN, TEN + 3 * HOUR), CLIENT, now) is not None


# whose it is


def test_clients_move_their_own_free_booking_until_it_begins() -> None:
    just_before, begun = TEN - MINUTE, TEN
    assert moved(known(at(TEN)), Reschedule(1, TEN + HOUR), CLIENT, just_before).starts_at == TEN + HOUR
    assert refused(known(at(TEN)), Reschedule(1, TEN + HOUR), CLIENT, begun) is Refusal.ALREADY_BEGUN
    assert refused(known(at(TEN)), Reschedule(1, TEN + HOUR), SOMEBODY_ELSE) is Refusal.BOOKING_NOT_FOUND
    assert refused(known(at(TEN)), Reschedule(1, TEN + HOUR), Actor(ActorKind.ANONYMOUS)) is Refusal.BOOKING_NOT_FOUND


def test_clients_keep_the_length_and_the_room() -> None:
    assert refused(known(at(TEN)), Reschedule(1, TEN, TEN + 2 * HOUR), CLIENT) is Refusal.VERB_FORBIDDEN
    assert refused(in_room(), Reschedule(1, TEN, room_id=2), CLIENT) is Refusal.VERB_FORBIDDEN


def test_clients_move_what_costs_something_only_while_a_cancellation_would_cost_nothing() -> None:
    notice = timedelta(seconds=Policy().refund_notice_s)
    assert refused(in_room(), Reschedule(1, TEN + HOUR), CLIENT, TEN - notice) is None
    assert refused(in_room(), Reschedule(1, TEN + HOUR), CLIENT, TEN - notice + MINUTE) is Refusal.TOO_LATE_TO_MOVE
    assert refused(in_room(), Reschedule(1, TEN + HOUR), STAFF, TEN - notice + MINUTE) is None


# rooms

ROOMS = [
    room(1),
    room(2, resource_id=3, slot_minutes=60, price_minor=9000, capacity=2),
    room(3, resource_id=4, is_available=False),
]
RESOURCES = [DESK, ROOM_RESOURCE, Resource(3, "room", "Room 2", "UTC"), Resource(4, "room", "Room 3", "UTC")]


def in_room(*others: Booking, **changes: Any) -> State:
    """Room 1 from ten to eleven, paid."""
    given = {
        "contract": "rooms",
        "resource_id": ROOM_RESOURCE.id,
        "service_name": "Room 1",
        "price_minor": 10_000,
        "payment_status": PaymentStatus.SUCCEEDED,
        "details": RoomDetails(1, time(11), 2, 2),
    }
    return known(at(TEN, **{**given, **changes}), *others, resources=RESOURCES, rooms=ROOMS)


def test_a_paid_room_goes_to_another_time_at_the_agreed_price() -> None:
    after = moved(in_room(), Reschedule(1, TEN + DAY))
    assert (after.starts_at, after.price_minor, after.payment_status) == (TEN + DAY, 10_000, PaymentStatus.SUCCEEDED)
    assert after.details == RoomDetails(1, time(11), 2, 2)


def test_another_room_has_its_own_slots_and_the_price_stays() -> None:
    after = moved(in_room(), Reschedule(1, TEN, room_id=2))
    assert (after.resource_id, after.service_name, after.price_minor) == (3, "Room 2", 10_000)
    assert after.details == RoomDetails(2, time(11), 2, 1)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (Reschedule(1, TEN, TEN + 2 * HOUR), Refusal.LENGTH_IS_PRICED),
        (Reschedule(1, TEN + 15 * MINUTE), Refusal.OFF_GRID),
        (Reschedule(1, TEN, TEN + 75 * MINUTE), Refusal.OFF_GRID),
        (Reschedule(1, TEN + 30 * MINUTE, room_id=2), Refusal.OFF_GRID),
        (Reschedule(1, TEN - 2 * HOUR), Refusal.OUTSIDE_WORKING_HOURS),
        (Reschedule(1, TEN + 8 * HOUR), Refusal.OUTSIDE_WORKING_HOURS),
        (Reschedule(1, TEN + 13 * HOUR + 30 * MINUTE), Refusal.OUTSIDE_WORKING_HOURS),
        (Reschedule(1, TEN - 14 * DAY), Refusal.IN_THE_PAST),
        (Reschedule(1, TEN, room_id=3), Refusal.ROOM_NOT_FOUND),
        (Reschedule(1, TEN, room_id=9), Refusal.ROOM_NOT_FOUND),
        (Reschedule(1, TEN + HOUR), Refusal.SLOT_TAKEN),
    ],
)
def test_a_room_s_booking_goes_where_its_room_could_be_booked(command: Reschedule, why: Refusal) -> None:
    other = at(TEN + HOUR, id_=2, resource_id=ROOM_RESOURCE.id, details=RoomDetails(1, time(12), 1, 2))
    assert refused(in_room(other), command) is why


def test_more_guests_than_the_other_room_holds_stay_where_they_are() -> None:
    before = in_room(details=RoomDetails(1, time(11), 3, 2))
    assert refused(before, Reschedule(1, TEN, room_id=2)) is Refusal.TOO_MANY_GUESTS


def test_a_free_room_may_be_had_for_longer() -> None:
    after = moved(in_room(price_minor=0), Reschedule(1, TEN, TEN + 2 * HOUR))
    assert after.details == RoomDetails(1, time(12), 2, 4)


def test_a_room_in_use_keeps_its_start() -> None:
    now = TEN + MINUTE
    assert refused(in_room(status=Status.IN_PROGRESS), Reschedule(1, TEN + HOUR), now=now) is Refusal.ALREADY_BEGUN
    longer = moved(in_room(status=Status.IN_PROGRESS, price_minor=0), Reschedule(1, TEN, TEN + 2 * HOUR), now=now)
    assert (longer.status, longer.ends_at) == (Status.IN_PROGRESS, TEN + 2 * HOUR)


def test_a_room_ends_with_its_day() -> None:
    night = [room(1, hours=Hours(0, 24 * 60, frozenset()))]
    before = in_room()
    before.rooms = {one.id: one for one in night}
    after = moved(before, Reschedule(1, TEN + 13 * HOUR))
    assert isinstance(after.details, RoomDetails)
    assert (after.details.ends, after.ends_at) == (time(0), TEN + 14 * HOUR)
    assert refused(before, Reschedule(1, TEN + 13 * HOUR + 30 * MINUTE)) is Refusal.OUTSIDE_WORKING_HOURS


def test_a_room_is_had_for_as_long_as_the_clock_on_the_wall_shows() -> None:
    """In Berlin on 29 March 2026 the clocks go from two to three."""
    berlin = Resource(ROOM_RESOURCE.id, "room", "Room 1", "Europe/Berlin")
    at_one = datetime(2026, 3, 28, 0, tzinfo=UTC)
    one = at(
        at_one,
        local_time=time(1),
        duration_minutes=150,
        resource_id=berlin.id,
        price_minor=5000,
        details=RoomDetails(1, time(3, 30), 1, 5),
    )
    before = known(one, resources=[DESK, berlin], rooms=[room(1, hours=Hours(0, 24 * 60, frozenset()))])
    after = moved(before, Reschedule(1, at_one + DAY))
    assert (after.local_time, after.duration_minutes, after.details) == (time(1), 90, one.details)


# time slots

FIRST, LATER = TimeSlot(11, CAT, TEN, TEN + HOUR), TimeSlot(12, CAT, TEN + 2 * HOUR, TEN + 3 * HOUR)


def on_slot(*slots: TimeSlot, **changes: Any) -> State:
    """The first slot, booked; the others on offer."""
    before = state(rules_=NEVER_CLOSED, resources=[DESK, HALL], policy=changes.pop("policy", Policy()))
    before.categories = {1: CAT, 2: DOG}
    for slot in (FIRST, *slots):
        before.slots[slot.id] = slot
        before.timetable.add(slot)
        before.shared_slots.add(slot)
    given = {"contract": "calendar", "resource_id": HALL.id, "service_name": "Cat", "details": SlotDetails(CAT.id)}
    one = at(TEN, **{**given, "time_slot_id": FIRST.id, **changes})
    before.know_booking(one)
    before.take(Claim(HALL.id, one.starts_at, one.ends_at, one.id))
    return before


def test_a_booking_goes_to_another_slot_and_the_one_that_it_leaves_is_on_offer_again() -> None:
    before = on_slot(LATER)
    left, change = do(before, MoveToSlot(1, LATER.id))
    assert left == SlotAvailabilityChanged(FIRST, is_taken=False)
    assert isinstance(change, BookingChanged)
    assert (change.slot, change.booking.time_slot_id, change.booking.starts_at) == (LATER, LATER.id, LATER.starts_at)
    assert (before.holder_of(FIRST.id), before.holder_of(LATER.id)) == (None, change.booking)


def test_clients_go_to_another_slot_too() -> None:
    assert moved(on_slot(LATER), MoveToSlot(1, LATER.id), CLIENT).starts_at == LATER.starts_at
    assert refused(on_slot(LATER), MoveToSlot(1, LATER.id), SOMEBODY_ELSE) is Refusal.BOOKING_NOT_FOUND


def test_a_slot_that_another_category_offers_beside_is_told_by_what_is_there_afterwards() -> None:
    beside = TimeSlot(13, DOG, TEN + HOUR / 2, TEN + HOUR + HOUR / 2)
    left, change = do(on_slot(beside), MoveToSlot(1, beside.id))
    assert left == SlotAvailabilityChanged(FIRST, is_taken=True)
    assert isinstance(change, BookingChanged)
    assert (change.booking.service_name, change.booking.details) == ("Dog", SlotDetails(DOG.id))


def test_a_slot_that_somebody_has_is_taken_and_one_s_own_changes_nothing() -> None:
    before = on_slot(LATER)
    assert isinstance(do(before, MoveToSlot(1, FIRST.id))[-1], BookingUnchanged)
    before.take(Claim(HALL.id, LATER.starts_at, LATER.ends_at, 7))
    assert refused(before, MoveToSlot(1, LATER.id)) is Refusal.SLOT_TAKEN
    assert refused(before, MoveToSlot(1, 99)) is Refusal.TIME_SLOT_NOT_FOUND


def test_a_completed_booking_s_slot_stays_taken_though_its_time_is_free() -> None:
    before = on_slot(LATER)
    over = at(LATER.starts_at, id_=2, status=Status.COMPLETED, time_slot_id=LATER.id)
    before.know_booking(over)
    assert refused(before, MoveToSlot(1, LATER.id)) is Refusal.SLOT_TAKEN


def test_where_no_slot_is_on_offer_staff_move_the_slot_with_its_booking() -> None:
    before = on_slot()
    *_, change, slot = do(before, MoveWithSlot(1, CAT.id, TEN + 4 * HOUR, TEN + 6 * HOUR))
    assert isinstance(change, BookingChanged)
    assert isinstance(slot, SlotChanged)
    assert (slot.slot.id, slot.slot.ends_at, slot.booking) == (FIRST.id, TEN + 6 * HOUR, change.booking)


@pytest.mark.parametrize(
    ("command", "actor", "why"),
    [
        (MoveWithSlot(1, CAT.id, TEN + 5 * HOUR, TEN + 6 * HOUR), CLIENT, Refusal.NOT_MOVABLE),
        (MoveWithSlot(1, CAT.id, LATER.starts_at - HOUR / 2, LATER.ends_at), STAFF, Refusal.TIME_SLOT_OVERLAPS),
        (MoveWithSlot(1, 9, TEN + 5 * HOUR, TEN + 6 * HOUR), STAFF, Refusal.CATEGORY_NOT_FOUND),
        (MoveWithSlot(1, CAT.id, NOW - HOUR, NOW), STAFF, Refusal.IN_THE_PAST),
        (MoveWithSlot(1, CAT.id, TEN + 8 * HOUR, TEN + 9 * HOUR), STAFF, Refusal.SLOT_TAKEN),
        (MoveWithSlot(1, CAT.id, TEN + 10 * HOUR, TEN + 11 * HOUR), STAFF, Refusal.CLOSED),
        (Reschedule(1, TEN + HOUR), STAFF, Refusal.NOT_MOVABLE),
    ],
)
def test_a_slot_goes_with_its_booking_only_where_one_could_be_offered_and_booked(
    command: Command, actor: Actor, why: Refusal
) -> None:
    before = on_slot(LATER)
    before.take(Claim(HALL.id, TEN + 8 * HOUR, TEN + 9 * HOUR, 7))
    before.take(Claim(HALL.id, TEN + 10 * HOUR, TEN + 11 * HOUR, None, 1))
    assert refused(before, command, actor) is why


def test_the_same_slot_at_the_same_time_changes_nothing() -> None:
    assert isinstance(do(on_slot(), MoveWithSlot(1, CAT.id, TEN, TEN + HOUR))[-1], BookingUnchanged)


def test_only_a_booking_of_a_slot_goes_to_a_slot() -> None:
    before = on_slot(LATER, details=None)
    assert refused(before, MoveToSlot(1, LATER.id)) is Refusal.NOT_MOVABLE
    assert refused(before, MoveWithSlot(1, CAT.id, TEN, TEN + 2 * HOUR)) is Refusal.NOT_MOVABLE


# whether the client came


@pytest.mark.parametrize(("came", "status"), [(True, Status.COMPLETED), (False, Status.NO_SHOW)])
def test_whether_the_client_came_is_said_once_it_has_begun(*, came: bool, status: Status) -> None:
    before = known(at(TEN))
    assert refused(before, ReportVisit(1, came), now=TEN - MINUTE) is Refusal.NOT_BEGUN
    after = moved(before, ReportVisit(1, came), now=TEN)
    assert (after.status, list(before.claims[DESK.id])) == (status, [])
    assert isinstance(do(before, ReportVisit(1, came), now=TEN)[-1], BookingUnchanged)
    assert refused(before, ReportVisit(1, not came), now=TEN) is Refusal.INVALID_TRANSITION


def test_a_hold_is_neither_completed_nor_missed() -> None:
    held = at(TEN, status=Status.HELD, hold_expires_at=TEN + HOUR)
    assert refused(known(held), ReportVisit(1, came=False), now=TEN) is Refusal.INVALID_TRANSITION
