"""Moving a booking of a time slot: to another slot that is on offer, so that its own is on offer again; or, where none is
on offer then, with its slot.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from core.domain.bookings.changes import at_time, require_own_booking
from core.domain.bookings.holds import ExpiredHolds
from core.domain.bookings.moves import (
    check_length,
    check_may_be_moved,
    check_not_closed,
    check_time,
    clear_way,
    is_client,
    move_of,
)
from core.domain.command_handler import Handler
from core.domain.commands import Envelope, MoveToSlot, MoveWithSlot
from core.domain.events import BookingUnchanged, Event, SlotAvailabilityChanged
from core.domain.ids import Ids
from core.domain.needs import Needs
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.timeslots.timeslots import (
    fields_of,
    move_booked,
    offered_category_times,
    offered_intervals,
    require_category,
    require_slot,
)
from core.domain.values import Booking, ResourceTime, SlotDetails, TimeSlot


def move_to_slot(state: State, envelope: Envelope, command: MoveToSlot, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    booking, actor = require_own_booking(state, command.booking_id, envelope.actor), envelope.actor
    if not isinstance(booking.details, SlotDetails):
        raise Refused(Refusal.NOT_MOVABLE)
    check_may_be_moved(booking, actor, now, state.policy)
    slot = require_slot(state, command.time_slot_id)
    if slot.id == booking.time_slot_id:
        return (BookingUnchanged(booking),)
    span = slot.starts_at, slot.ends_at
    check_time(booking, span, now, allow_past=state.policy.allow_past)
    check_length(booking, changes=slot.ends_at - slot.starts_at != booking.ends_at - booking.starts_at)
    if state.holder_of(slot.id) is not None:
        raise Refused(Refusal.SLOT_TAKEN)
    moved = at_time(booking, span, slot.category.resource.zone, now, time_slot_id=slot.id, **fields_of(slot))
    way = clear_way(state, moved, now)
    return (*way, *_left(state, booking, moved, way), move_of(booking, moved, actor, command.reason))


def move_with_slot(
    state: State, envelope: Envelope, command: MoveWithSlot, now: datetime, _ids: Ids
) -> tuple[Event, ...]:
    booking, actor = require_own_booking(state, command.booking_id, envelope.actor), envelope.actor
    if is_client(actor) or not isinstance(booking.details, SlotDetails):
        raise Refused(Refusal.NOT_MOVABLE)
    check_may_be_moved(booking, actor, now, state.policy)
    was = require_slot(state, booking.time_slot_id or 0)
    category = require_category(state, command.category_id)
    slot = TimeSlot(was.id, category, command.starts_at, command.ends_at)
    if slot == was:
        return (BookingUnchanged(booking),)
    check_time(booking, (slot.starts_at, slot.ends_at), now, allow_past=state.policy.allow_past)
    check_length(booking, changes=slot.ends_at - slot.starts_at != booking.ends_at - booking.starts_at)
    if not state.timetable.is_free(category.id, slot.starts_at, slot.ends_at, but=slot.id):
        raise Refused(Refusal.TIME_SLOT_OVERLAPS)
    check_not_closed(state, category.resource.id, slot.starts_at, slot.ends_at)
    return move_booked(state, booking, slot, was, actor, now)


def _left(state: State, booking: Booking, moved: Booking, way: ExpiredHolds) -> tuple[SlotAvailabilityChanged, ...]:
    """The slot that it leaves, if staff have not removed it since. Something else may have its resource."""
    slot = state.slots.get(booking.time_slot_id or 0)
    if slot is None:
        return ()
    gone = {booking.id, *(change.booking.id for change in way)}
    resource_id = slot.category.resource.id
    others = state.claims[resource_id].touching(slot.starts_at, slot.ends_at)
    still_there = moved.resource_id == resource_id and moved.starts_at < slot.ends_at and slot.starts_at < moved.ends_at
    is_taken = still_there or any(claim.booking_id not in gone for claim in others)
    return (SlotAvailabilityChanged(slot, is_taken),)


def _needs(needs: Needs, command: MoveToSlot) -> None:
    needs.bookings.add(command.booking_id)
    needs.slots.add(command.time_slot_id)


def _intervals(state: State, command: MoveToSlot) -> Iterator[ResourceTime]:
    if (slot := state.slots.get(command.time_slot_id)) is not None:
        yield slot.category.resource.id, slot.starts_at, slot.ends_at


def _with_slot_needs(needs: Needs, command: MoveWithSlot) -> None:
    needs.bookings.add(command.booking_id)
    needs.categories.add(command.category_id)


HANDLERS = (
    Handler(MoveToSlot, move_to_slot, _needs, _intervals),
    Handler(MoveWithSlot, move_with_slot, _with_slot_needs, offered_intervals, offered_category_times),
)
