"""Time slots: offered, changed, removed; taken by one person at a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.domain.bookings.status import Status
from core.domain.commands import (
    Actor,
    ActorKind,
    BookSlot,
    Cancel,
    ChangeSlot,
    ChangeStatus,
    Command,
    Delete,
    IfBooked,
    OfferSlot,
    OfferWeekly,
    PersonById,
    RemoveSlot,
)
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    Event,
    SlotChanged,
    SlotOffered,
    SlotRemoved,
    SlotUnchanged,
    WeeklyOffered,
    WhySkipped,
)
from core.domain.refusals import CommandRefused, Refusal
from core.domain.state import State
from core.domain.values import Category, Claim, Policy, Resource, TimeSlot
from tests.support.values import NOW, STAFF, booking, counting_ids, decided, envelope, rules, user

HALL = Resource(7, "category", "Hall", "Europe/Berlin")
CAT, DOG = Category(1, "Cat 1", HALL), Category(2, "Cat 2", HALL)
HOUR = timedelta(hours=1)
TEN = datetime(2025, 10, 20, 10, tzinfo=UTC)
SLOT = TimeSlot(11, CAT, TEN, TEN + HOUR)
UMA, CLARA = Actor(ActorKind.USER, 1), Actor(ActorKind.USER, 5)


def known(slots: Iterable[TimeSlot] = (SLOT,), **changes: Any) -> State:
    given: dict[str, Any] = {"rules": rules(), "users": [user(1), user(5)], "categories": [CAT, DOG], "slots": slots}
    state = State(**{**given, **changes})
    for slot in state.slots.values():
        state.timetable.add(slot)
    return state


def do(state: State, command: Command, actor: Actor = STAFF, now: datetime = NOW) -> tuple[Event, ...]:
    first = 100 + len(state.bookings) + (len(state.slots) if len(state.slots) > 2 else 0)  # fresh ones for slots too
    return decided(state, envelope(command, actor, contract="calendar"), now, counting_ids(first))


def refused(state: State, command: Command, actor: Actor = STAFF, now: datetime = NOW) -> Refusal | None:
    (*_, last) = do(state, command, actor, now)
    return last.refusal if isinstance(last, CommandRefused) else None


def by(actor: Actor, slot: TimeSlot = SLOT) -> BookSlot:
    return BookSlot(slot.id, PersonById(actor.user_id or 0))


def book(state: State, actor: Actor = UMA) -> BookingPlaced:
    (placed,) = do(state, by(actor), actor)
    assert isinstance(placed, BookingPlaced)
    return placed


def test_a_booked_slot_takes_its_resource_s_time_and_says_where_it_is_local() -> None:
    placed = book(known())
    booking = placed.booking
    assert placed.claims == (Claim(HALL.id, TEN, TEN + HOUR, booking.id),)
    assert (str(booking.local_date), str(booking.local_time)) == ("2025-10-20", "12:00:00")
    assert (booking.service_name, booking.duration_minutes, booking.time_slot_id) == ("Cat 1", 60, 11)
    assert placed.slot == SLOT


def test_of_two_people_who_want_one_slot_one_gets_it() -> None:
    state = known()
    book(state)
    assert refused(state, by(CLARA), CLARA) is Refusal.SLOT_TAKEN


def test_a_slot_cannot_be_booked_for_somebody_else() -> None:
    assert refused(known(), by(CLARA), UMA) is Refusal.FORBIDDEN


def test_a_slot_whose_resource_is_taken_otherwise_cannot_be_booked() -> None:
    state = known(claims=[Claim(HALL.id, TEN + HOUR / 2, TEN + 2 * HOUR, 9)])
    assert refused(state, by(UMA), UMA) is Refusal.SLOT_TAKEN


def test_a_lapsed_hold_of_the_resource_is_not_in_the_way() -> None:
    lapsed = booking(9, status=Status.HELD, resource_id=HALL.id, hold_expires_at=NOW)
    state = known(bookings=[lapsed], claims=[Claim(HALL.id, TEN, TEN + HOUR, 9)])
    expired, placed = do(state, by(UMA), UMA)
    assert isinstance(expired, BookingChanged)
    assert expired.booking.status is Status.EXPIRED
    assert isinstance(placed, BookingPlaced)


def test_a_slot_of_another_category_at_the_same_time_shares_the_resource() -> None:
    other = TimeSlot(12, DOG, TEN, TEN + HOUR)
    state = known([SLOT, other])
    book(state)
    assert refused(state, by(CLARA, other), CLARA) is Refusal.SLOT_TAKEN


def test_a_slot_in_the_past_cannot_be_booked_unless_the_installation_allows_it() -> None:
    assert refused(known(), by(UMA), UMA, now=TEN) is Refusal.IN_THE_PAST
    assert refused(known(policy=Policy(allow_past=True)), by(UMA), UMA, now=TEN) is None


@pytest.mark.parametrize("command", [by(UMA, TimeSlot(99, CAT, TEN, TEN)), RemoveSlot(99)])
def test_a_slot_that_is_not_there_is_not_found(command: Command) -> None:
    assert refused(known(), command) is Refusal.TIME_SLOT_NOT_FOUND


@pytest.mark.parametrize("ending", [Cancel(100), ChangeStatus(100, Status.CANCELLED), Delete(100)])
def test_a_slot_whose_booking_ends_is_on_offer_again_and_the_event_names_it(ending: Command) -> None:
    state = known()
    assert book(state).booking.id == 100
    first, *_ = do(state, ending)
    assert isinstance(first, BookingChanged)
    assert first.slot == SLOT
    book(state, CLARA)


def test_a_slot_whose_booking_is_completed_stays_booked_until_that_is_deleted() -> None:
    state = known()
    book(state)
    do(state, ChangeStatus(100, Status.COMPLETED))
    assert refused(state, by(CLARA), CLARA) is Refusal.SLOT_TAKEN
    (deleted,) = do(state, Delete(100))
    assert isinstance(deleted, BookingDeleted)
    assert deleted.slot == SLOT
    book(state, CLARA)


def offered(start: datetime, end: datetime, category: Category = CAT) -> OfferSlot:
    return OfferSlot(category.id, start, end)


@pytest.mark.parametrize(
    ("start", "end"),
    [(TEN, TEN + HOUR), (TEN - HOUR, TEN + HOUR / 60), (TEN + HOUR / 2, TEN + 2 * HOUR), (TEN - HOUR, TEN + 2 * HOUR)],
)
def test_slots_of_one_category_may_not_overlap(start: datetime, end: datetime) -> None:
    assert refused(known(), offered(start, end)) is Refusal.TIME_SLOT_OVERLAPS
    assert refused(known(), offered(start, end, DOG)) is None


def test_slots_may_touch() -> None:
    state = known()
    assert refused(state, offered(TEN - HOUR, TEN)) is None
    assert refused(state, offered(TEN + HOUR, TEN + 2 * HOUR)) is None


def test_a_slot_that_was_offered_can_be_booked_in_the_same_batch() -> None:
    state = known([])
    (made,) = do(state, offered(TEN, TEN + HOUR))
    assert isinstance(made, SlotOffered)
    (placed,) = do(state, by(UMA, made.slot), UMA)
    assert isinstance(placed, BookingPlaced)
    assert placed.slot == made.slot


def test_a_slot_of_an_unknown_category_or_of_the_past_is_not_offered() -> None:
    assert refused(known(), OfferSlot(9, TEN, TEN + HOUR)) is Refusal.CATEGORY_NOT_FOUND
    assert refused(known([]), offered(NOW, NOW + HOUR)) is Refusal.IN_THE_PAST


def moved(if_booked: IfBooked = IfBooked.REFUSE, by_: timedelta = HOUR / 2, category: Category = CAT) -> ChangeSlot:
    """May overlap the slot's own old time."""
    return ChangeSlot(SLOT.id, category.id, TEN + by_, TEN + HOUR + by_, if_booked)


def test_a_free_slot_moves_also_into_its_own_old_time() -> None:
    state = known()
    (changed,) = do(state, moved())
    assert isinstance(changed, SlotChanged)
    assert (changed.slot.starts_at, changed.booking) == (TEN + HOUR / 2, None)
    assert refused(state, offered(TEN, TEN + HOUR)) is Refusal.TIME_SLOT_OVERLAPS
    assert refused(state, offered(TEN, TEN + HOUR / 2)) is None


def test_a_slot_does_not_move_onto_another() -> None:
    state = known([SLOT, TimeSlot(12, CAT, TEN + HOUR, TEN + 2 * HOUR)])
    assert refused(state, moved()) is Refusal.TIME_SLOT_OVERLAPS


def test_a_slot_that_is_as_asked_for_already_is_unchanged_booked_or_not() -> None:
    state = known()
    book(state)
    (last,) = do(state, moved(by_=timedelta()))
    assert isinstance(last, SlotUnchanged)


def test_changing_a_booked_slot_is_refused_unless_told_what_becomes_of_the_booking() -> None:
    state = known()
    book(state)
    assert refused(state, moved()) is Refusal.TIME_SLOT_BOOKED


def test_a_booking_moves_with_its_slot_and_takes_the_new_time() -> None:
    state = known()
    before = book(state).booking
    change, slot = do(state, moved(IfBooked.MOVE, category=DOG))
    assert isinstance(change, BookingChanged)
    assert isinstance(slot, SlotChanged)
    assert (change.booking.starts_at, change.booking.service_name) == (TEN + HOUR / 2, "Cat 2")
    assert (change.booking.status, change.booking.version) == (before.status, before.version + 1)
    assert list(state.claims[HALL.id]) == [Claim(HALL.id, TEN + HOUR / 2, TEN + HOUR * 3 / 2, before.id)]
    assert slot.booking == change.booking


def test_a_booking_does_not_move_where_the_resource_is_taken() -> None:
    state = known(claims=[Claim(HALL.id, TEN + HOUR, TEN + 2 * HOUR, 9)])
    book(state)
    assert refused(state, moved(IfBooked.MOVE)) is Refusal.SLOT_TAKEN


def test_a_change_may_cancel_the_booking_instead() -> None:
    state = known()
    book(state)
    cancelled, slot = do(state, moved(IfBooked.CANCEL))
    assert isinstance(cancelled, BookingChanged)
    assert isinstance(slot, SlotChanged)
    assert (cancelled.booking.status, cancelled.freed, cancelled.by) == (Status.CANCELLED, True, "staff")
    assert (slot.booking, slot.cancelled) == (None, cancelled.booking.id)


def test_a_slot_that_was_used_cannot_be_changed_any_more() -> None:
    state = known()
    book(state)
    do(state, ChangeStatus(100, Status.COMPLETED))
    assert refused(state, moved(IfBooked.MOVE)) is Refusal.TIME_SLOT_BOOKED


def test_removing_a_booked_slot_cancels_its_booking_as_staff_do() -> None:
    state = known()
    book(state)
    cancelled, removed = do(state, RemoveSlot(SLOT.id))
    assert isinstance(cancelled, BookingChanged)
    assert (cancelled.booking.status, cancelled.by, cancelled.slot) == (Status.CANCELLED, "staff", SLOT)
    assert removed == SlotRemoved(SLOT, cancelled.booking.id)
    assert not state.claims[HALL.id]
    assert refused(state, by(CLARA), CLARA) is Refusal.TIME_SLOT_NOT_FOUND


def test_removing_a_free_slot_touches_nothing_else() -> None:
    assert do(known(), RemoveSlot(SLOT.id)) == (SlotRemoved(SLOT, None),)


def weekly(**changes: Any) -> OfferWeekly:
    """Mondays and Tuesdays of two weeks, 9 to 12 in hours: twelve slots."""
    given: dict[str, Any] = {
        "category_id": CAT.id,
        "first_day": date(2025, 10, 20),
        "last_day": date(2025, 11, 2),
        "weekdays": (0, 1),
        "opens_minute": 9 * 60,
        "closes_minute": 12 * 60 + 30,
        "duration_minutes": 60,
    }
    return OfferWeekly(**{**given, **changes})


def test_a_weekly_pattern_makes_whole_slots_on_its_days_in_local_time() -> None:
    *made, last = do(known([]), weekly())
    assert isinstance(last, WeeklyOffered)
    assert len(made) == len(last.slots) == 12
    starts = [one.slot.starts_at for one in last.slots]
    assert starts[0] == datetime(2025, 10, 20, 7, tzinfo=UTC)
    assert starts[6] == datetime(2025, 10, 27, 8, tzinfo=UTC)  # the clocks went back on the 26th
    assert last.skipped == ()


def test_a_pattern_that_collides_is_refused_whole_or_goes_round() -> None:
    before = [TimeSlot(11, CAT, TEN - HOUR, TEN)]  # 11:00 in Berlin
    assert refused(known(before), weekly()) is Refusal.TIME_SLOT_OVERLAPS
    *made, last = do(known(before), weekly(skip_collisions=True))
    assert isinstance(last, WeeklyOffered)
    assert len(made) == 11
    assert [(str(one.day), str(one.at), one.why) for one in last.skipped] == [
        ("2025-10-20", "11:00:00", WhySkipped.OVERLAPS)
    ]


def test_a_pattern_that_begins_in_the_past_leaves_the_past_out() -> None:
    *_, last = do(known([]), weekly(skip_collisions=True), now=datetime(2025, 10, 21, tzinfo=UTC))
    assert isinstance(last, WeeklyOffered)
    assert {one.why for one in last.skipped} == {WhySkipped.IN_THE_PAST}
    assert len(last.slots) == 9


def test_a_pattern_made_twice_adds_nothing() -> None:
    state = known([])
    do(state, weekly())
    (last,) = do(state, weekly(skip_collisions=True))
    assert isinstance(last, WeeklyOffered)
    assert (len(last.slots), len(last.skipped)) == (0, 12)
