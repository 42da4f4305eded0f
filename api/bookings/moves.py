"""From a wish to move a booking to the command of its contract, and to the lane that decides it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from api.http.errors import Problem
from api.http.moments import check_span, moment
from core.domain.commands import Command, MoveToSlot, MoveWithSlot, Reschedule
from core.domain.marketplace.commands import MoveBooking
from core.domain.marketplace.details import MarketDetails
from core.domain.refusals import Refusal
from core.domain.resources.local_time import local
from core.domain.values import Booking, RoomDetails, SlotDetails
from core.store.bookings.places import category_on, room_on, slot_at
from core.store.catalogue.resources import zone_of
from core.store.connections.database import AsyncConnection
from core.store.inbox.partition_keys import partition_key
from core.wire.errors import FieldProblem
from core.wire.refusals import REFUSALS

MOVED = (
    Refusal.BOOKING_NOT_FOUND,
    Refusal.INVALID_TRANSITION,
    Refusal.ALREADY_BEGUN,
    Refusal.HOLD_ENDED,
    Refusal.NOT_MOVABLE,
    Refusal.LENGTH_IS_PRICED,
    Refusal.LOCAL_TIME_SKIPPED,
    Refusal.IN_THE_PAST,
    Refusal.OFF_DAY,
    Refusal.OUTSIDE_WORKING_HOURS,
    Refusal.CLOSED,
    Refusal.SLOT_TAKEN,
)
"""What any move may be refused for."""
MOVED_ROOM = (Refusal.OFF_GRID, Refusal.TOO_MANY_GUESTS, Refusal.ROOM_NOT_FOUND)
MOVED_TIME_SLOT = (Refusal.TIME_SLOT_NOT_FOUND, Refusal.TIME_SLOT_OVERLAPS, Refusal.CATEGORY_NOT_FOUND)
MOVED_SESSION = (
    Refusal.WRONG_DURATION,
    Refusal.TOO_SOON,
    Refusal.TOO_FAR_AHEAD,
    Refusal.NO_ROOM_FREE,
    Refusal.SESSION_WANTED,
    Refusal.SERVICE_NOT_FOUND,
    Refusal.PRACTITIONER_NOT_FOUND,
    Refusal.LOCATION_NOT_FOUND,
)


class Wish(Struct, frozen=True):
    """A new time; what is None stays as it is. Times without an offset are local to the resource."""

    start_time: str
    end_time: str | None = None
    resource_id: int | None = None
    reason: str = ""


class Target(Struct, frozen=True):
    """A wish as instants at a resource."""

    resource_id: int
    starts_at: datetime
    ends_at: datetime | None
    reason: str


class Move(Struct, frozen=True):
    command: Command
    partition_key: str
    """Of the day that the booking goes to: there its new time is decided beside all others who want it."""


async def move_of(connection: AsyncConnection, booking: Booking, wish: Wish) -> Move:
    """How staff move a booking. Raises Problem 400, 404, and 409 for a resource that it cannot go to."""
    resource_id = wish.resource_id or booking.resource_id
    zone = await zone_of(connection, resource_id)
    if zone is None:
        raise refused(Refusal.RESOURCE_NOT_FOUND, "resource_id")
    starts_at = moment("start_time", wish.start_time, zone)
    ends_at = moment("end_time", wish.end_time, zone) if wish.end_time is not None else None
    if ends_at is not None:
        check_span(starts_at, ends_at)
    target = Target(resource_id, starts_at, ends_at, wish.reason)
    return Move(await _command(connection, booking, target), day_key(resource_id, starts_at, zone))


async def move_of_client(
    connection: AsyncConnection, booking: Booking, starts_at: datetime, zone: str, reason: str = ""
) -> Move:
    """How clients move a booking of theirs: to another time, for as long and where it is. Raises Problem 404 where no
    time slot is on offer then.
    """
    command: Command
    match booking.details:
        case SlotDetails(category_id=present):
            slot = await slot_at(connection, booking.resource_id, starts_at, present, others=False)
            if slot is None:
                words = "Nothing is on offer at that time: choose the start of a time slot that is"
                raise Problem(404, Refusal.TIME_SLOT_NOT_FOUND, words, [FieldProblem("start_time", words)])
            command = MoveToSlot(booking.id, slot.id, reason)
        case MarketDetails():
            command = MoveBooking(booking.id, starts_at, starts_at + (booking.ends_at - booking.starts_at), reason)
        case _:
            command = Reschedule(booking.id, starts_at, reason=reason)
    return Move(command, day_key(booking.resource_id, starts_at, zone))


def day_key(resource_id: int, at: datetime, zone: str) -> str:
    return partition_key(resource_id, local(at, zone).date())


async def _command(connection: AsyncConnection, booking: Booking, target: Target) -> Command:
    match booking.details:
        case SlotDetails() as details:
            return await _of_time_slot(connection, booking, details, target)
        case RoomDetails() as details:
            room_id = await _room(connection, booking, details, target)
            return Reschedule(booking.id, target.starts_at, target.ends_at, room_id, target.reason)
        case details:
            if target.resource_id != booking.resource_id:
                words = "This booking stays at its resource: leave resource_id out, or cancel it and book there"
                raise Problem(409, Refusal.NOT_MOVABLE, words, [FieldProblem("resource_id", words)])
            if isinstance(details, MarketDetails):
                return MoveBooking(booking.id, target.starts_at, _ends_at(booking, target), target.reason)
            return Reschedule(booking.id, target.starts_at, target.ends_at, reason=target.reason)


async def _room(connection: AsyncConnection, booking: Booking, details: RoomDetails, target: Target) -> int | None:
    """None: the one that it has."""
    if target.resource_id == booking.resource_id:
        return None
    found = await room_on(connection, target.resource_id, details.room_id)
    if found is None:
        raise refused(Refusal.ROOM_NOT_FOUND, "resource_id")
    return found


async def _of_time_slot(
    connection: AsyncConnection, booking: Booking, details: SlotDetails, target: Target
) -> MoveToSlot | MoveWithSlot:
    """To the slot that begins then, if it lasts as long as is asked; else its own slot goes with it."""
    moves_away, present = target.resource_id != booking.resource_id, details.category_id
    slot = await slot_at(connection, target.resource_id, target.starts_at, present, others=moves_away)
    if slot is not None and target.ends_at in {None, slot.ends_at}:
        return MoveToSlot(booking.id, slot.id, target.reason)
    category_id = await category_on(connection, target.resource_id, present) if moves_away else present
    if category_id is None:
        raise refused(Refusal.CATEGORY_NOT_FOUND, "resource_id")
    return MoveWithSlot(booking.id, category_id, target.starts_at, _ends_at(booking, target))


def _ends_at(booking: Booking, target: Target) -> datetime:
    return target.ends_at or target.starts_at + (booking.ends_at - booking.starts_at)


def refused(refusal: Refusal, field: str) -> Problem:
    """What a lane would say, said before it."""
    answer = REFUSALS[refusal]
    return Problem(answer.status, refusal, answer.sentence, [FieldProblem(field, answer.sentence)])
