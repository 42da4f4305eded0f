"""Changing a booking that is there: its status, cancelling it, deleting it."""

from __future__ import annotations

from datetime import datetime

from core.domain.bookings.status import TAKES_TIME, Status, may_become
from core.domain.bookings.transitions import with_status
from core.domain.commands import Actor, ActorKind
from core.domain.events import BookingDeleted, BookingUnchanged, Event
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking


def require_booking(state: State, booking_id: int) -> Booking:
    if (booking := state.bookings.get(booking_id)) is None:
        raise Refused(Refusal.BOOKING_NOT_FOUND)
    return booking


def owned(state: State, booking_id: int, actor: Actor) -> Booking:
    """Somebody else's booking does not exist, except for staff and the engine."""
    booking = require_booking(state, booking_id)
    if actor.kind not in {ActorKind.STAFF, ActorKind.ENGINE} and booking.user_id != actor.user_id:
        raise Refused(Refusal.BOOKING_NOT_FOUND)
    return booking


SHOWN_AS: dict[Status, frozenset[Status]] = {
    Status.CONFIRMED: TAKES_TIME,
    Status.CANCELLED: frozenset({Status.CANCELLED, Status.EXPIRED, Status.NO_SHOW}),
}
"""What a client that knows three words sees as the one it asks for: a hold is no less `upcoming`
than a confirmed booking, and saying so again must not confirm it unpaid."""


def put_status(booking: Booking, status: Status, actor: Actor, now: datetime) -> tuple[Event, ...]:
    if booking.status in SHOWN_AS.get(status, ()):
        return (BookingUnchanged(booking),)
    return change(booking, status, actor, now)


def change(booking: Booking, status: Status, actor: Actor, now: datetime, reason: str = "") -> tuple[Event, ...]:
    if booking.status == status:
        return (BookingUnchanged(booking),)
    if not may_become(booking.status, status) or _would_take(booking, status):
        raise Refused(Refusal.INVALID_TRANSITION, booking.status)
    return (with_status(booking, status, actor, now, reason),)


def _would_take(booking: Booking, status: Status) -> bool:
    """A draft has no time yet: it gets one by being scheduled, which claims it, never by a word alone."""
    return status in TAKES_TIME and booking.status not in TAKES_TIME


def delete(booking: Booking, actor: Actor, now: datetime) -> tuple[Event, ...]:
    if not may_become(booking.status, Status.CANCELLED):
        return (BookingDeleted(booking, actor.kind),)
    cancelled = with_status(booking, Status.CANCELLED, actor, now, "deleted")
    return (cancelled, BookingDeleted(cancelled.booking, actor.kind))
