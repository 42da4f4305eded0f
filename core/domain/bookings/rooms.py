"""Rooms, booked in slots of the wall clock and held until they are paid (rooms.md).

A room's grid starts at its opening time and steps by its slot. A booking takes whole slots of one
local day; it lasts from the first instant of its start to the end of its last minute, so that a
slot that the clocks go forward into ends when they do. A start or a last minute that the clocks
skip does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta

from msgspec import Struct

from core.domain.bookings.appointments import claims_of
from core.domain.bookings.holds import check_hold_limit, held, make_way
from core.domain.bookings.people import resolve_person
from core.domain.bookings.status import PaymentStatus, Status
from core.domain.commands import BookRoom, Envelope, PersonById
from core.domain.events import BookingPlaced, Event
from core.domain.ids import Ids
from core.domain.refusals import Refusal, Refused
from core.domain.resources.local_time import MINUTES_PER_DAY, instant
from core.domain.state import State
from core.domain.values import Booking, Claim, Resource, Room, RoomDetails, User

_MINUTE = timedelta(minutes=1)


class RoomSlot(Struct, frozen=True):
    """One slot of a room's day. Times are local to the room; an end of 00:00 is midnight."""

    starts: time
    ends: time
    is_free: bool


def book_room(state: State, envelope: Envelope, command: BookRoom, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """The checks run in the contracts page's order: fields, formats, off day, hours, taken."""
    room = _the_room(state, command)
    resource = state.resources[room.resource_id]
    user, _ = resolve_person(state, PersonById(command.user_id), envelope.actor, now, ids)
    if command.guest_count > room.capacity:
        raise Refused(Refusal.TOO_MANY_GUESTS)
    slots = _slots_wanted(room, command)
    interval = span(command.date, minute_of(command.starts), end_minute_of(command.ends), resource.zone)
    if interval is None:
        raise Refused(Refusal.LOCAL_TIME_SKIPPED)
    starts_at, ends_at = interval
    if not state.policy.allow_past and starts_at <= now:
        raise Refused(Refusal.IN_THE_PAST)
    _within_hours(room, command)
    way = make_way(state, resource.id, starts_at, ends_at, now)
    booking = held(_booking(envelope, command, user, room, slots, starts_at, ends_at, now, ids), now, state.policy)
    if booking.status is Status.HELD:
        check_hold_limit(state, user.id, now)
    return (*way, BookingPlaced(booking, claims_of(booking)))


def room_interval(state: State, command: BookRoom) -> tuple[int, datetime, datetime] | None:
    """(resource id, start, end) that a command would claim."""
    if (room := state.rooms.get(command.room_id)) is None:
        return None
    zone_name = state.resources[room.resource_id].zone
    interval = span(command.date, minute_of(command.starts), end_minute_of(command.ends), zone_name)
    return None if interval is None else (room.resource_id, *interval)


def room_slots(
    room: Room, resource: Resource, day: date, claims: Sequence[Claim], now: datetime, *, allow_past: bool
) -> Iterator[RoomSlot]:
    """A day's whole grid, in order: free are exactly the slots that `book_room` would take at this moment."""
    if room.hours.is_off(day):
        return
    last = room.hours.closes_minute - room.slot_minutes
    for minute in range(room.hours.opens_minute, last + 1, room.slot_minutes):
        interval = span(day, minute, minute + room.slot_minutes, resource.zone)
        if interval is None:
            continue
        in_time = allow_past or interval[0] > now
        is_free = in_time and not any(claim.overlaps(*interval) for claim in claims)
        yield RoomSlot(at_minute(minute), at_minute(minute + room.slot_minutes), is_free)


def span(day: date, starts: int, ends: int, zone_name: str) -> tuple[datetime, datetime] | None:
    """The instants of a local interval in minutes from midnight; None if it begins or ends in a gap, or is none."""
    starts_at, last_minute = instant(day, at_minute(starts), zone_name), instant(day, at_minute(ends - 1), zone_name)
    if starts >= ends or starts_at is None or last_minute is None:
        return None
    return starts_at, last_minute + _MINUTE


def minute_of(at: time) -> int:
    return at.hour * 60 + at.minute


def end_minute_of(at: time) -> int:
    """As `minute_of`, but an interval that ends at 00:00 ends with the day."""
    return minute_of(at) or MINUTES_PER_DAY


def at_minute(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


def _the_room(state: State, command: BookRoom) -> Room:
    room = state.rooms.get(command.room_id)
    if room is None or not room.is_available:
        raise Refused(Refusal.ROOM_NOT_FOUND)
    return room


def _slots_wanted(room: Room, command: BookRoom) -> int:
    """How many slots; both ends must lie on the room's grid."""
    starts, ends = minute_of(command.starts), end_minute_of(command.ends)
    slots, rest = divmod(ends - starts, room.slot_minutes)
    if slots < 1 or rest or (starts - room.hours.opens_minute) % room.slot_minutes:
        raise Refused(Refusal.OFF_GRID)
    return slots


def _within_hours(room: Room, command: BookRoom) -> None:
    if room.hours.is_off(command.date):
        raise Refused(Refusal.OFF_DAY)
    if minute_of(command.starts) < room.hours.opens_minute or end_minute_of(command.ends) > room.hours.closes_minute:
        raise Refused(Refusal.OUTSIDE_WORKING_HOURS)


def _booking(
    envelope: Envelope,
    command: BookRoom,
    user: User,
    room: Room,
    slots: int,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
    ids: Ids,
) -> Booking:
    return Booking(
        id=ids.booking(),
        public_uuid=ids.uuid(),
        contract=envelope.contract,
        user_id=user.id,
        service_id=None,
        service_name=room.name,
        resource_id=room.resource_id,
        starts_at=starts_at,
        ends_at=ends_at,
        local_date=command.date,
        local_time=command.starts,
        duration_minutes=(ends_at - starts_at) // _MINUTE,
        status=Status.CONFIRMED,
        payment_status=PaymentStatus.NONE,
        notes=command.special_requests,
        version=1,
        created_at=now,
        updated_at=now,
        command_id=envelope.id,
        price_minor=slots * room.price_minor,
        currency=room.currency,
        details=RoomDetails(room.id, command.ends, command.guest_count, slots),
    )
