"""Changing a booking that is there: its status, cancelling it, deleting it."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from core.domain.commands import Actor, ActorKind
from core.domain.events import BookingChanged, BookingDeleted, BookingUnchanged, Event, Refusal
from core.domain.refused import Refused
from core.domain.state import State
from core.domain.status import TAKES_TIME, Status, may_become
from core.domain.values import Booking


def the_booking(state: State, booking_id: int) -> Booking:
    if (booking := state.bookings.get(booking_id)) is None:
        raise Refused(Refusal.BOOKING_NOT_FOUND)
    return booking


def owned(state: State, booking_id: int, actor: Actor) -> Booking:
    """Somebody else's booking does not exist, except for staff and the engine."""
    booking = the_booking(state, booking_id)
    if actor.kind not in {ActorKind.STAFF, ActorKind.ENGINE} and booking.user_id != actor.user_id:
        raise Refused(Refusal.BOOKING_NOT_FOUND)
    return booking


def change(booking: Booking, status: Status, actor: Actor, now: datetime, reason: str = "") -> tuple[Event, ...]:
    if booking.status == status:
        return (BookingUnchanged(booking),)
    if not may_become(booking.status, status):
        raise Refused(Refusal.INVALID_TRANSITION, booking.status)
    return (changed(booking, status, actor, now, reason),)


def changed(booking: Booking, status: Status, actor: Actor, now: datetime, reason: str = "") -> BookingChanged:
    after = replace(booking, status=status, version=booking.version + 1, updated_at=now)
    freed = booking.status in TAKES_TIME and status not in TAKES_TIME
    return BookingChanged(after, booking.status, freed, actor.kind, reason)


def delete(booking: Booking, actor: Actor, now: datetime) -> tuple[Event, ...]:
    if not may_become(booking.status, Status.CANCELLED):
        return (BookingDeleted(booking, actor.kind),)
    cancelled = changed(booking, Status.CANCELLED, actor, now, "deleted")
    return (cancelled, BookingDeleted(cancelled.booking, actor.kind))
