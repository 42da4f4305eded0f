"""Time slots on offer: made, changed, removed by staff; taken by people (calendar).

What takes a resource's time is a booking, never a slot that nobody booked.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, assert_never

from msgspec.structs import replace

from core.domain.bookings.appointments import claims_of
from core.domain.bookings.holds import make_way
from core.domain.bookings.people import resolve_person
from core.domain.bookings.status import TAKES_TIME, PaymentStatus, Status
from core.domain.bookings.transitions import with_status
from core.domain.commands import (
    Actor,
    BookSlot,
    ChangeSlot,
    Envelope,
    IfBooked,
    OfferSlot,
    OfferWeekly,
    RemoveSlot,
    SlotCommand,
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
from core.domain.refusals import Refusal, Refused
from core.domain.resources.local_time import local
from core.domain.state import State
from core.domain.timeslots.weekly_pattern import occurrences
from core.domain.values import Booking, Category, SlotDetails, TimeSlot


def decide_slots(state: State, envelope: Envelope, command: SlotCommand, now: datetime, ids: Ids) -> tuple[Event, ...]:
    match command:
        case BookSlot():
            return book_slot(state, envelope, command, now, ids)
        case OfferSlot():
            return offer(state, command, now, ids)
        case OfferWeekly():
            return offer_weekly(state, command, now, ids)
        case ChangeSlot():
            return change_slot(state, command, envelope.actor, now)
        case RemoveSlot(time_slot_id=id_):
            return remove_slot(state, id_, envelope.actor, now)
        case _ as unreachable:
            assert_never(unreachable)


def require_slot(state: State, time_slot_id: int) -> TimeSlot:
    if (slot := state.slots.get(time_slot_id)) is None:
        raise Refused(Refusal.TIME_SLOT_NOT_FOUND)
    return slot


def _category(state: State, category_id: int) -> Category:
    if (category := state.categories.get(category_id)) is None:
        raise Refused(Refusal.CATEGORY_NOT_FOUND)
    return category


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
    booking = Booking(
        id=ids.booking(),
        public_uuid=ids.uuid(),
        contract=envelope.contract,
        user_id=user.id,
        service_id=None,
        status=Status.CONFIRMED,
        payment_status=PaymentStatus.NONE,
        notes="",
        version=1,
        created_at=now,
        updated_at=now,
        command_id=envelope.id,
        time_slot_id=slot.id,
        **_times(slot),
    )
    return (*way, BookingPlaced(booking, claims_of(booking)))


def _times(slot: TimeSlot) -> dict[str, Any]:
    """What a booking has of its slot."""
    resource = slot.category.resource
    starts = local(slot.starts_at, resource.zone)
    return {
        "service_name": slot.category.name,
        "resource_id": resource.id,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "local_date": starts.date(),
        "local_time": starts.time(),
        "duration_minutes": (slot.ends_at - slot.starts_at) // timedelta(minutes=1),
        "details": SlotDetails(slot.category.id),
    }


def offer(state: State, command: OfferSlot, now: datetime, ids: Ids) -> tuple[Event, ...]:
    category = _category(state, command.category_id)
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


def offer_weekly(state: State, command: OfferWeekly, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """All that can be made; with `skip_collisions` the rest is left out, else it refuses them all."""
    category = _category(state, command.category_id)
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


def change_slot(state: State, command: ChangeSlot, actor: Actor, now: datetime) -> tuple[Event, ...]:
    was = require_slot(state, command.time_slot_id)
    category = _category(state, command.category_id)
    slot = TimeSlot(was.id, category, command.starts_at, command.ends_at)
    holder = state.holder_of(was.id)
    if slot == was:
        return (SlotUnchanged(slot, holder, holder is not None or _is_taken(state, slot)),)
    _may_offer(state, slot, now)
    if holder is None:
        return (SlotChanged(slot, was, None, _is_taken(state, slot)),)
    return _change_booked(state, holder, slot, was, command.if_booked, actor, now)


def _change_booked(
    state: State, holder: Booking, slot: TimeSlot, was: TimeSlot, if_booked: IfBooked, actor: Actor, now: datetime
) -> tuple[Event, ...]:
    """A booking is stranded by nobody's oversight: it is moved or cancelled by name, or the change refused."""
    if if_booked is IfBooked.REFUSE or holder.status not in TAKES_TIME:
        raise Refused(Refusal.TIME_SLOT_BOOKED)
    if if_booked is IfBooked.CANCEL:
        cancelled = with_status(holder, Status.CANCELLED, actor, now, "time slot changed")
        return (cancelled, SlotChanged(slot, was, None, _is_taken(state, slot, but=holder.id), holder.id))
    moved = replace(holder, version=holder.version + 1, updated_at=now, **_times(slot))
    way = make_way(state, moved.resource_id, moved.starts_at, moved.ends_at, now, but=holder.id)
    claims = claims_of(moved)
    change = BookingChanged(moved, holder.status, False, actor.kind, "time slot changed", claims)
    return (*way, change, SlotChanged(slot, was, moved, is_taken=True))


def remove_slot(state: State, time_slot_id: int, actor: Actor, now: datetime) -> tuple[Event, ...]:
    """Its booking goes with it, as when staff cancel it; what is over already stays as it was."""
    slot, holder = require_slot(state, time_slot_id), state.holder_of(time_slot_id)
    if holder is None or holder.status not in TAKES_TIME:
        return (SlotRemoved(slot, None),)
    return (with_status(holder, Status.CANCELLED, actor, now, "time slot removed"), SlotRemoved(slot, holder.id))


def with_time_slots(state: State, events: tuple[Event, ...]) -> tuple[Event, ...]:
    """The same events; what happened to a time slot's booking says which slot it was, whoever did it."""
    if not state.slots:
        return events
    return tuple(
        replace(event, slot=state.slots.get(event.booking.time_slot_id))
        if isinstance(event, BookingPlaced | BookingChanged | BookingDeleted) and event.booking.time_slot_id
        else event
        for event in events
    )
