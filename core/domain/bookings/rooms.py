"""Rooms, booked in slots of the wall clock and held until they are paid (docs/contracts/rooms.md).

A room's grid starts at its opening time and steps by its slot. A booking takes whole slots of one
local day; it lasts from the first instant of its start to the end of its last minute, so that a
slot that the clocks go forward into ends when they do. A start or a last minute that the clocks
skip does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time

from msgspec import Struct

from core.domain.bookings.claims import claims_of
from core.domain.bookings.holds import held, make_way
from core.domain.bookings.new_booking import new_booking
from core.domain.bookings.people import resolve_person
from core.domain.command_handler import Handler
from core.domain.commands import BookRoom, Envelope, PersonById
from core.domain.events import BookingPlaced, Event
from core.domain.ids import Ids
from core.domain.needs import Needs
from core.domain.refusals import Refusal, Refused
from core.domain.resources.local_time import MINUTE, MINUTES_PER_DAY, Span, instant
from core.domain.state import State
from core.domain.values import Claim, Resource, ResourceTime, Room, RoomDetails


class RoomSlot(Struct, frozen=True):
    """One slot of a room's day. Times are local to the room; an end of 00:00 is midnight."""

    starts: time
    ends: time
    is_free: bool


def book_room(state: State, envelope: Envelope, command: BookRoom, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """Refused for the first of: guests, grid, skipped time, past, off day, hours, taken, too many holds."""
    room = require_room(state, command.room_id)
    resource = state.resources[room.resource_id]
    user, _ = resolve_person(state, PersonById(command.user_id), envelope.actor, now, ids)
    if command.guest_count > room.capacity:
        raise Refused(Refusal.TOO_MANY_GUESTS)
    starts, ends = minute_of(command.starts), end_minute_of(command.ends)
    slots = slots_wanted(room, starts, ends)
    interval = _span_of(command, resource.zone)
    if interval is None:
        raise Refused(Refusal.LOCAL_TIME_SKIPPED)
    starts_at, ends_at = interval
    if not state.policy.allow_past and starts_at <= now:
        raise Refused(Refusal.IN_THE_PAST)
    check_hours(room, command.date, starts, ends)
    way = make_way(state, resource.id, starts_at, ends_at, now)
    free = new_booking(
        envelope,
        now,
        ids,
        user_id=user.id,
        resource_id=room.resource_id,
        service_name=room.name,
        span=interval,
        local_date=command.date,
        local_time=command.starts,
        notes=command.special_requests,
        price_minor=slots * room.price_minor,
        currency=room.currency,
        details=RoomDetails(room.id, command.ends, command.guest_count, slots),
    )
    booking = held(state, free, now)
    return (*way, BookingPlaced(booking, claims_of(booking)))


def room_intervals(state: State, command: BookRoom) -> tuple[ResourceTime, ...]:
    if (room := state.rooms.get(command.room_id)) is None:
        return ()
    interval = _span_of(command, state.resources[room.resource_id].zone)
    return () if interval is None else ((room.resource_id, *interval),)


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


def _span_of(command: BookRoom, zone_name: str) -> Span | None:
    return span(command.date, minute_of(command.starts), end_minute_of(command.ends), zone_name)


def span(day: date, starts: int, ends: int, zone_name: str) -> Span | None:
    """The instants of a local interval, given in minutes from midnight. None if it is empty, or begins or ends in a
    gap.
    """
    starts_at, last_minute = instant(day, at_minute(starts), zone_name), instant(day, at_minute(ends - 1), zone_name)
    if starts >= ends or starts_at is None or last_minute is None:
        return None
    return starts_at, last_minute + MINUTE


def minute_of(at: time) -> int:
    return at.hour * 60 + at.minute


def end_minute_of(at: time) -> int:
    """As `minute_of`, but an interval that ends at 00:00 ends with the day."""
    return minute_of(at) or MINUTES_PER_DAY


def at_minute(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


def require_room(state: State, room_id: int) -> Room:
    room = state.rooms.get(room_id)
    if room is None or not room.is_available:
        raise Refused(Refusal.ROOM_NOT_FOUND)
    return room


def slots_wanted(room: Room, starts: int, ends: int) -> int:
    """How many slots; both ends, in minutes from midnight, must lie on the room's grid."""
    slots, rest = divmod(ends - starts, room.slot_minutes)
    if slots < 1 or rest or (starts - room.hours.opens_minute) % room.slot_minutes:
        raise Refused(Refusal.OFF_GRID)
    return slots


def check_hours(room: Room, day: date, starts: int, ends: int) -> None:
    if room.hours.is_off(day):
        raise Refused(Refusal.OFF_DAY)
    if starts < room.hours.opens_minute or ends > room.hours.closes_minute:
        raise Refused(Refusal.OUTSIDE_WORKING_HOURS)


def _needs(needs: Needs, command: BookRoom) -> None:
    needs.rooms.add(command.room_id)
    needs.users.add(command.user_id)
    needs.holders.add(command.user_id)
    needs.new_bookings += 1


HANDLERS = (Handler(BookRoom, book_room, _needs, room_intervals),)
