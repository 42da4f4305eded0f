"""Changing a booking that exists: its status, cancelling it, deleting it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from core.domain.bookings.status import TAKES_TIME, Status, may_become
from core.domain.command_handler import AlsoLoaded, Handler
from core.domain.commands import Actor, Cancel, ChangeStatus, Delete, Envelope, ReportVisit
from core.domain.events import BookingChanged, BookingDeleted, BookingUnchanged, Event
from core.domain.ids import Ids
from core.domain.needs import Needs
from core.domain.refusals import Refusal, Refused, require
from core.domain.resources.local_time import MINUTE, Span, local
from core.domain.state import State
from core.domain.values import Booking

SHOWN_AS: dict[Status, frozenset[Status]] = {
    Status.CONFIRMED: TAKES_TIME,
    Status.CANCELLED: frozenset({Status.CANCELLED, Status.EXPIRED, Status.NO_SHOW}),
}
"""What a client that knows three words sees as the one it asks for: it sees a hold as `upcoming` already, and asking
for that must not confirm the hold unpaid."""


def change_status(
    state: State, envelope: Envelope, command: ChangeStatus, now: datetime, _ids: Ids
) -> tuple[Event, ...]:
    booking = require_booking(state, command.booking_id)
    if booking.status in SHOWN_AS.get(command.status, ()):
        return (BookingUnchanged(booking),)
    return _change(booking, command.status, envelope.actor, now)


def cancel(state: State, envelope: Envelope, command: Cancel, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    booking = require_own_booking(state, command.booking_id, envelope.actor)
    return _change(booking, Status.CANCELLED, envelope.actor, now, command.reason)


def delete(state: State, envelope: Envelope, command: Delete, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    booking, actor = require_booking(state, command.booking_id), envelope.actor
    if not may_become(booking.status, Status.CANCELLED):
        return (BookingDeleted(booking, actor.kind),)
    cancelled = with_status(booking, Status.CANCELLED, actor, now, "deleted")
    return (cancelled, BookingDeleted(cancelled.booking, actor.kind))


def report_visit(state: State, envelope: Envelope, command: ReportVisit, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    """Completed, or missed: known once it has begun."""
    booking = require_booking(state, command.booking_id)
    events = _change(booking, Status.COMPLETED if command.came else Status.NO_SHOW, envelope.actor, now)
    if isinstance(events[0], BookingChanged) and booking.starts_at > now:
        raise Refused(Refusal.NOT_BEGUN)
    return events


def require_booking(state: State, booking_id: int) -> Booking:
    return require(state.bookings.get(booking_id), Refusal.BOOKING_NOT_FOUND)


def require_own_booking(state: State, booking_id: int, actor: Actor) -> Booking:
    """Another person's booking is refused as if it did not exist, except to staff and the engine."""
    booking = require_booking(state, booking_id)
    if not actor.may_act_for(booking.user_id):
        raise Refused(Refusal.BOOKING_NOT_FOUND)
    return booking


def changed(booking: Booking, now: datetime, **fields: Any) -> Booking:
    """The next version of a booking, with these fields."""
    return replace(booking, version=booking.version + 1, updated_at=now, **fields)


def at_time(booking: Booking, span: Span, zone_name: str, now: datetime, **fields: Any) -> Booking:
    """The next version of a booking, at another time."""
    starts_at, ends_at = span
    begins = local(starts_at, zone_name)
    return changed(
        booking,
        now,
        starts_at=starts_at,
        ends_at=ends_at,
        local_date=begins.date(),
        local_time=begins.time(),
        duration_minutes=(ends_at - starts_at) // MINUTE,
        **fields,
    )


def with_status(booking: Booking, status: Status, actor: Actor, now: datetime, reason: str = "") -> BookingChanged:
    """The change as an event. The caller knows that it is allowed."""
    freed = booking.status in TAKES_TIME and status not in TAKES_TIME
    return BookingChanged(changed(booking, now, status=status), booking.status, freed, actor.kind, reason)


def _change(booking: Booking, status: Status, actor: Actor, now: datetime, reason: str = "") -> tuple[Event, ...]:
    if booking.status == status:
        return (BookingUnchanged(booking),)
    if not may_become(booking.status, status) or _would_take(booking, status):
        raise Refused(Refusal.INVALID_TRANSITION, booking.status)
    return (with_status(booking, status, actor, now, reason),)


def _would_take(booking: Booking, status: Status) -> bool:
    """A draft has no time yet. It gets one, with claims, by being scheduled, never by a change of status alone."""
    return status in TAKES_TIME and booking.status not in TAKES_TIME


def booking_needs(needs: Needs, command: Any) -> None:
    """Of a command about one booking."""
    needs.bookings.add(command.booking_id)


HANDLERS = (
    Handler(ChangeStatus, change_status, booking_needs, also_loaded=AlsoLoaded.PURCHASES),
    Handler(Cancel, cancel, booking_needs, also_loaded=AlsoLoaded.PURCHASES),
    Handler(Delete, delete, booking_needs, also_loaded=AlsoLoaded.PURCHASES),
    Handler(ReportVisit, report_visit, booking_needs, also_loaded=AlsoLoaded.PURCHASES),
)
