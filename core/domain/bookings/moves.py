"""Moving a booking to another time, another length or another room: the old time is given back and the new one taken
in one event, or neither.

Sessions of the marketplace have rules of their own (`core.domain.marketplace.rescheduling`), bookings of time slots
too (`core.domain.timeslots.slot_moves`). What was agreed stays: the price, the payment, the end of a hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from msgspec import Struct

from core.domain.bookings.changes import at_time, require_own_booking
from core.domain.bookings.claims import claims_of
from core.domain.bookings.holds import ExpiredHolds, has_lapsed, make_way
from core.domain.bookings.rooms import (
    at_minute,
    check_hours,
    end_minute_of,
    minute_of,
    require_room,
    slots_wanted,
    span,
)
from core.domain.bookings.status import TAKES_TIME, Status
from core.domain.command_handler import Handler
from core.domain.commands import Actor, ActorKind, Envelope, Reschedule
from core.domain.events import BookingChanged, BookingUnchanged, Event
from core.domain.ids import Ids
from core.domain.marketplace.verbs import has_begun, is_in_time
from core.domain.needs import Needs
from core.domain.refusals import Refusal, Refused
from core.domain.resources.local_time import MINUTES_PER_DAY, Span, local, within_hours
from core.domain.state import State
from core.domain.values import Booking, Policy, ResourceTime, Room, RoomDetails

RESCHEDULED = "rescheduled"
"""The reason of a move for which nobody gave one."""


class RoomTime(Struct, frozen=True):
    """A time at a room, in minutes of a local day."""

    room: Room
    day: date
    starts: int
    ends: int
    zone: str

    @property
    def span(self) -> Span | None:
        return span(self.day, self.starts, self.ends, self.zone)


def reschedule(state: State, envelope: Envelope, command: Reschedule, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    """Refused for the first of: not to be moved, past, the rules of what is booked, priced by its length, taken."""
    booking, actor = require_own_booking(state, command.booking_id, envelope.actor), envelope.actor
    check_may_be_moved(booking, actor, now, state.policy)
    if is_client(actor) and (command.ends_at, command.room_id) != (None, None):
        raise Refused(Refusal.VERB_FORBIDDEN)
    match booking.details:
        case RoomDetails() as details:
            moved = _room_moved(state, booking, details, command, now)
        case None if command.room_id is None:
            moved = _appointment_moved(state, booking, command, now)
        case _:
            raise Refused(Refusal.NOT_MOVABLE)
    if _place(moved) == _place(booking):
        return (BookingUnchanged(booking),)
    way = clear_way(state, moved, now)
    return (*way, move_of(booking, moved, actor, command.reason))


def move_of(booking: Booking, moved: Booking, actor: Actor, reason: str) -> BookingChanged:
    why = reason or RESCHEDULED
    return BookingChanged(moved, booking.status, False, actor.kind, why, claims_of(moved), moved_from=booking)


def is_client(actor: Actor) -> bool:
    return actor.kind not in {ActorKind.STAFF, ActorKind.ENGINE}


def check_may_be_moved(booking: Booking, actor: Actor, now: datetime, policy: Policy) -> None:
    """Raises `Refused` if it cannot be moved, whatever the new time.

    Clients may as long as a cancellation would cost nothing and it has not begun; staff may also change the end of what
    has begun (`check_time`).
    """
    if (refused := move_refusal(booking, now, policy, by_client=is_client(actor))) is not None:
        raise refused


def move_refusal(booking: Booking, now: datetime, policy: Policy, *, by_client: bool) -> Refused | None:
    if booking.status not in TAKES_TIME:
        return Refused(Refusal.INVALID_TRANSITION, booking.status)
    if has_lapsed(booking, now):
        return Refused(Refusal.HOLD_ENDED)
    if not by_client:
        return None
    if _is_under_way(booking, now):
        return Refused(Refusal.ALREADY_BEGUN)
    if booking.price_minor and not is_in_time(booking, now, policy):
        return Refused(Refusal.TOO_LATE_TO_MOVE)
    return None


def check_time(booking: Booking, wanted: Span, now: datetime, *, allow_past: bool) -> None:
    """Raises `Refused` for a time that is past. What has begun keeps its start, and ends later than now."""
    starts_at, ends_at = wanted
    begun = _is_under_way(booking, now)
    if begun and starts_at != booking.starts_at:
        raise Refused(Refusal.ALREADY_BEGUN)
    if not allow_past and (ends_at if begun else starts_at) <= now:
        raise Refused(Refusal.IN_THE_PAST)


def check_length(booking: Booking, *, changes: bool) -> None:
    """Raises `Refused` for another length of what is paid for by its length."""
    if changes and booking.price_minor:
        raise Refused(Refusal.LENGTH_IS_PRICED)


def clear_way(state: State, moved: Booking, now: datetime) -> ExpiredHolds:
    """The lapsed holds that expire for a moved booking. Raises `Refused` if anything else is in its way."""
    wanted = moved.resource_id, moved.starts_at, moved.ends_at
    check_not_closed(state, *wanted)
    return make_way(state, *wanted, now, but=moved.id)


def check_not_closed(state: State, resource_id: int, starts_at: datetime, ends_at: datetime) -> None:
    """Raises `Refused` where a closure is in the way: told apart from a booking, since staff can end it."""
    if any(claim.closure_id is not None for claim in state.claims[resource_id].touching(starts_at, ends_at)):
        raise Refused(Refusal.CLOSED)


def _is_under_way(booking: Booking, now: datetime) -> bool:
    return booking.status is Status.IN_PROGRESS or has_begun(booking, now)


def _place(booking: Booking) -> tuple[object, ...]:
    return booking.resource_id, booking.starts_at, booking.ends_at, booking.details


def _appointment_moved(state: State, booking: Booking, command: Reschedule, now: datetime) -> Booking:
    rules = state.rules
    if rules is None or not rules.is_active:
        raise Refused(Refusal.NO_SETTINGS)
    zone, wanted = state.resources[booking.resource_id].zone, _span_of(booking, command)
    check_time(booking, wanted, now, allow_past=rules.allow_past)
    if rules.hours.is_off(local(wanted[0], zone).date()):
        raise Refused(Refusal.OFF_DAY)
    if not within_hours(*wanted, rules.hours, zone):
        raise Refused(Refusal.OUTSIDE_WORKING_HOURS)
    check_length(booking, changes=wanted[1] - wanted[0] != booking.ends_at - booking.starts_at)
    return at_time(booking, wanted, zone, now)


def _span_of(booking: Booking, command: Reschedule) -> Span:
    return command.starts_at, command.ends_at or command.starts_at + (booking.ends_at - booking.starts_at)


def _room_moved(state: State, booking: Booking, details: RoomDetails, command: Reschedule, now: datetime) -> Booking:
    time = _room_time(state, booking, details, command)
    room = time.room
    if details.guest_count > room.capacity:
        raise Refused(Refusal.TOO_MANY_GUESTS)
    slots, wanted = slots_wanted(room, time.starts, time.ends), time.span
    if wanted is None:
        raise Refused(Refusal.LOCAL_TIME_SKIPPED)
    if wanted[0] != command.starts_at:  # its local time comes twice that day, and a room's slot is at the first
        raise Refused(Refusal.OFF_GRID)
    check_time(booking, wanted, now, allow_past=state.policy.allow_past)
    check_hours(room, time.day, time.starts, time.ends)
    check_length(booking, changes=time.ends - time.starts != _minutes_of(booking, details))
    after = RoomDetails(room.id, at_minute(time.ends), details.guest_count, slots)
    name = booking.service_name if room.id == details.room_id else room.name
    return at_time(booking, wanted, time.zone, now, resource_id=room.resource_id, service_name=name, details=after)


def _room_time(state: State, booking: Booking, details: RoomDetails, command: Reschedule) -> RoomTime:
    """Raises `Refused` for a room that cannot be booked, and for a time that is not of one day."""
    room = require_room(state, command.room_id or details.room_id)
    zone = state.resources[room.resource_id].zone
    begins = local(command.starts_at, zone)
    starts = minute_of(begins.time())
    ends = starts + _minutes_of(booking, details)
    if command.ends_at is not None:
        ending = local(command.ends_at, zone)
        ends = minute_of(ending.time()) + (ending.date() - begins.date()).days * MINUTES_PER_DAY
    if not starts < ends <= MINUTES_PER_DAY:
        raise Refused(Refusal.OUTSIDE_WORKING_HOURS)
    return RoomTime(room, begins.date(), starts, ends, zone)


def _minutes_of(booking: Booking, details: RoomDetails) -> int:
    """As the clock on the wall shows it: what slots are counted by."""
    return end_minute_of(details.ends) - minute_of(booking.local_time)


def _needs(needs: Needs, command: Reschedule) -> None:
    needs.bookings.add(command.booking_id)
    needs.moved.add(command.booking_id)
    if command.room_id is not None:
        needs.rooms.add(command.room_id)


def _intervals(state: State, command: Reschedule) -> Iterator[ResourceTime]:
    booking = state.bookings.get(command.booking_id)
    if booking is None:
        return
    if booking.details is None:
        yield (booking.resource_id, *_span_of(booking, command))
    elif isinstance(booking.details, RoomDetails):
        try:
            time = _room_time(state, booking, booking.details, command)
        except Refused:
            return
        if (wanted := time.span) is not None:
            yield (time.room.resource_id, *wanted)


HANDLERS = (Handler(Reschedule, reschedule, _needs, _intervals),)
