"""Time slots: staff offer, change and remove them, people book them (docs/contracts/calendar.md).

A booking takes its resource's time; a slot that is not booked takes none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from core.domain.bookings.changes import at_time, with_status
from core.domain.bookings.claims import claims_of
from core.domain.bookings.holds import make_way
from core.domain.bookings.new_booking import new_booking
from core.domain.bookings.people import resolve_person
from core.domain.bookings.status import TAKES_TIME, Status
from core.domain.command_handler import Handler
from core.domain.commands import (
    Actor,
    BookSlot,
    ChangeSlot,
    Envelope,
    IfBooked,
    MoveWithSlot,
    OfferSlot,
    OfferWeekly,
    RemoveSlot,
)
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    Event,
    SkippedSlot,
    SlotChanged,
    SlotOffered,
    SlotRemoved,
    SlotUnchanged,
    WeeklyOffered,
    WhySkipped,
)
from core.domain.ids import Ids
from core.domain.needs import Needs
from core.domain.refusals import Refusal, Refused, require
from core.domain.resources.local_time import local
from core.domain.state import State
from core.domain.timeslots.weekly_pattern import Occurrence, count, occurrences
from core.domain.values import Booking, Category, ResourceTime, SlotDetails, TimeSlot


def require_slot(state: State, time_slot_id: int) -> TimeSlot:
    return require(state.slots.get(time_slot_id), Refusal.TIME_SLOT_NOT_FOUND)


def require_category(state: State, category_id: int) -> Category:
    return require(state.categories.get(category_id), Refusal.CATEGORY_NOT_FOUND)


def _is_past(state: State, starts_at: datetime, now: datetime) -> bool:
    return not state.policy.allow_past and starts_at <= now


def book_slot(state: State, envelope: Envelope, command: BookSlot, now: datetime, ids: Ids) -> tuple[Event, ...]:
    slot = require_slot(state, command.time_slot_id)
    user, _ = resolve_person(state, command.person, envelope.actor, now, ids)
    if _is_past(state, slot.starts_at, now):
        raise Refused(Refusal.IN_THE_PAST)
    resource = slot.category.resource
    if state.holder_of(slot.id) is not None:
        raise Refused(Refusal.SLOT_TAKEN)
    way = make_way(state, resource.id, slot.starts_at, slot.ends_at, now)
    begins = local(slot.starts_at, resource.zone)
    booking = new_booking(
        envelope,
        now,
        ids,
        user_id=user.id,
        span=(slot.starts_at, slot.ends_at),
        local_date=begins.date(),
        local_time=begins.time(),
        time_slot_id=slot.id,
        **fields_of(slot),
    )
    return (*way, BookingPlaced(booking, claims_of(booking)))


def fields_of(slot: TimeSlot) -> dict[str, Any]:
    """What a booking has of its slot, beside the time."""
    category = slot.category
    return {
        "service_name": category.name,
        "resource_id": category.resource.id,
        "details": SlotDetails(category.id),
    }


def offer(state: State, _envelope: Envelope, command: OfferSlot, now: datetime, ids: Ids) -> tuple[Event, ...]:
    category = require_category(state, command.category_id)
    slot = TimeSlot(ids.slot(), category, command.starts_at, command.ends_at)
    _may_offer(state, slot, now)
    return (SlotOffered(slot, _is_taken(state, slot)),)


def _is_taken(state: State, slot: TimeSlot, but: int | None = None) -> bool:
    """Whether something else has its resource."""
    return state.is_taken(slot.category.resource.id, slot.starts_at, slot.ends_at, but=but)


def _may_offer(state: State, slot: TimeSlot, now: datetime) -> None:
    if (refusal := _unofferable(state, slot, now)) is not None:
        raise Refused(refusal)


def _unofferable(state: State, slot: TimeSlot, now: datetime) -> Refusal | None:
    if _is_past(state, slot.starts_at, now):
        return Refusal.IN_THE_PAST
    if not state.timetable.is_free(slot.category.id, slot.starts_at, slot.ends_at, but=slot.id):
        return Refusal.TIME_SLOT_OVERLAPS
    return None


def offer_weekly(state: State, _envelope: Envelope, command: OfferWeekly, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """Make every slot that can be made. Slots that cannot are left out with `skip_collisions`, else all are refused."""
    category = require_category(state, command.category_id)
    made: list[SlotOffered] = []
    skipped: list[SkippedSlot] = []
    for one in occurrences(command, category.resource.zone):
        if isinstance(one, SkippedSlot):
            skipped.append(one)
            continue
        slot = TimeSlot(ids.slot(), category, one.starts_at, one.ends_at)
        refusal = _unofferable(state, slot, now)
        if refusal is None:
            made.append(SlotOffered(slot, _is_taken(state, slot)))
        elif command.skip_collisions:
            skipped.append(one.skipped(_WHY[refusal]))
        else:
            raise Refused(refusal)
    return (*made, WeeklyOffered(tuple(made), tuple(skipped)))


_WHY = {Refusal.IN_THE_PAST: WhySkipped.IN_THE_PAST, Refusal.TIME_SLOT_OVERLAPS: WhySkipped.OVERLAPS}


def change_slot(state: State, envelope: Envelope, command: ChangeSlot, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    was = require_slot(state, command.time_slot_id)
    category = require_category(state, command.category_id)
    slot = TimeSlot(was.id, category, command.starts_at, command.ends_at)
    holder = state.holder_of(was.id)
    if slot == was:
        return (SlotUnchanged(slot, holder, holder is not None or _is_taken(state, slot)),)
    _may_offer(state, slot, now)
    if holder is None:
        return (SlotChanged(slot, was, None, _is_taken(state, slot)),)
    return _change_booked(state, holder, slot, was, command.if_booked, envelope.actor, now)


def _change_booked(
    state: State, holder: Booking, slot: TimeSlot, was: TimeSlot, if_booked: IfBooked, actor: Actor, now: datetime
) -> tuple[Event, ...]:
    """The client says what becomes of the booking; without a word of it the change is refused."""
    if if_booked is IfBooked.REFUSE or holder.status not in TAKES_TIME:
        raise Refused(Refusal.TIME_SLOT_BOOKED)
    if if_booked is IfBooked.CANCEL:
        cancelled = with_status(holder, Status.CANCELLED, actor, now, "time slot changed")
        return (cancelled, SlotChanged(slot, was, None, _is_taken(state, slot, but=holder.id), holder.id))
    return move_booked(state, holder, slot, was, actor, now)


def move_booked(
    state: State, holder: Booking, slot: TimeSlot, was: TimeSlot, actor: Actor, now: datetime
) -> tuple[Event, ...]:
    """A time slot goes to another time, or category, with the booking that has it."""
    span = slot.starts_at, slot.ends_at
    moved = at_time(holder, span, slot.category.resource.zone, now, **fields_of(slot))
    way = make_way(state, moved.resource_id, moved.starts_at, moved.ends_at, now, but=holder.id)
    claims = claims_of(moved)
    change = BookingChanged(moved, holder.status, False, actor.kind, "time slot changed", claims, moved_from=holder)
    return (*way, change, SlotChanged(slot, was, moved, is_taken=True))


def remove_slot(state: State, envelope: Envelope, command: RemoveSlot, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    """Its booking is cancelled with it, unless that is over."""
    slot, holder = require_slot(state, command.time_slot_id), state.holder_of(command.time_slot_id)
    if holder is None or holder.status not in TAKES_TIME:
        return (SlotRemoved(slot, None),)
    return (
        with_status(holder, Status.CANCELLED, envelope.actor, now, "time slot removed"),
        SlotRemoved(slot, holder.id),
    )


def with_time_slots(state: State, events: tuple[Event, ...]) -> tuple[Event, ...]:
    """The same events, with the time slot of each booking that was made for one."""
    if not state.slots:
        return events
    return tuple(
        replace(event, slot=state.slots.get(event.booking.time_slot_id))
        if isinstance(event, BookingPlaced | BookingChanged | BookingDeleted) and event.booking.time_slot_id
        else event
        for event in events
    )


def _book_needs(needs: Needs, command: BookSlot) -> None:
    needs.slots.add(command.time_slot_id)
    needs.users.add(command.person.user_id)
    needs.new_bookings += 1


def _offer_needs(needs: Needs, command: OfferSlot) -> None:
    needs.categories.add(command.category_id)
    needs.new_slots += 1


def _weekly_needs(needs: Needs, command: OfferWeekly) -> None:
    needs.categories.add(command.category_id)
    needs.new_slots += count(command)


def _change_needs(needs: Needs, command: ChangeSlot) -> None:
    needs.slots.add(command.time_slot_id)
    needs.categories.add(command.category_id)


def _remove_needs(needs: Needs, command: RemoveSlot) -> None:
    needs.slots.add(command.time_slot_id)


def _book_intervals(state: State, command: BookSlot) -> Iterator[ResourceTime]:
    if (slot := state.slots.get(command.time_slot_id)) is not None:
        yield slot.category.resource.id, slot.starts_at, slot.ends_at


def offered_intervals(state: State, command: OfferSlot | ChangeSlot | MoveWithSlot) -> Iterator[ResourceTime]:
    if (category := state.categories.get(command.category_id)) is not None:
        yield category.resource.id, command.starts_at, command.ends_at


def offered_category_times(_state: State, command: OfferSlot | ChangeSlot | MoveWithSlot) -> Iterable[ResourceTime]:
    return ((command.category_id, command.starts_at, command.ends_at),)


def _weekly_intervals(state: State, command: OfferWeekly) -> Iterator[ResourceTime]:
    for category, slot in _weekly_slots(state, command):
        yield category.resource.id, slot.starts_at, slot.ends_at


def _weekly_category_times(state: State, command: OfferWeekly) -> Iterator[ResourceTime]:
    for category, slot in _weekly_slots(state, command):
        yield category.id, slot.starts_at, slot.ends_at


def _weekly_slots(state: State, command: OfferWeekly) -> Iterator[tuple[Category, Occurrence]]:
    if (category := state.categories.get(command.category_id)) is not None:
        for one in occurrences(command, category.resource.zone):
            if isinstance(one, Occurrence):
                yield category, one


HANDLERS = (
    Handler(BookSlot, book_slot, _book_needs, _book_intervals),
    Handler(OfferSlot, offer, _offer_needs, offered_intervals, offered_category_times),
    Handler(OfferWeekly, offer_weekly, _weekly_needs, _weekly_intervals, _weekly_category_times, weight=count),
    Handler(ChangeSlot, change_slot, _change_needs, offered_intervals, offered_category_times),
    Handler(RemoveSlot, remove_slot, _remove_needs),
)
