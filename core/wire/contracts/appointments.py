"""Answers of the appointments contract."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from core.domain.commands import Cancel, Envelope
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    BookingUnchanged,
    Event,
    ResourceClosed,
    ResourceReopened,
    SlotChanged,
)
from core.domain.state import State
from core.domain.values import Booking, User
from core.wire.answers import Done
from core.wire.contracts import closures
from core.wire.contracts.admin_bookings import AdminBooking, admin_booking
from core.wire.vocabulary import APPOINTMENTS_STATUS, AppointmentsWord, Day, HourMinute, Micros, micros


class CreatedBooking(Struct, frozen=True, kw_only=True):
    """A booking as its maker reads it; only here is `booking_time` `HH:MM`."""

    id: int
    service_name: str
    booking_date: Day
    booking_time: HourMinute
    duration_minutes: int
    status: AppointmentsWord
    created_at: Micros


class BookingCreated(Done, frozen=True, kw_only=True):
    """`POST /api/booking/create/` (the appointments document, 15)."""

    message: str = "Booking created successfully"
    data: CreatedBooking


class BookingShown(Done, frozen=True, kw_only=True):
    message: str = "Booking retrieved successfully"
    data: AdminBooking


class BookingUpdated(Done, frozen=True, kw_only=True):
    """A change by the admin desk, a cancellation too."""

    data: AdminBooking


class BookingRemoved(Done, frozen=True, kw_only=True):
    message: str = "Booking deleted successfully"


Answer = BookingCreated | BookingUpdated | BookingRemoved | closures.ClosureMade | closures.ClosureEnded


def answer(envelope: Envelope, events: tuple[Event, ...], state: State) -> tuple[int, Answer]:
    """(HTTP status, body) of a command that was not refused."""
    match events[-1]:
        case BookingPlaced(booking=booking):
            return 201, created(booking)
        case BookingChanged(booking=booking) | BookingUnchanged(booking=booking):
            say = cancelled if isinstance(envelope.command, Cancel) else updated
            return 200, say(booking, state.users[booking.user_id])
        case SlotChanged(booking=Booking() as booking):  # it went with its time slot
            return 200, updated(booking, state.users[booking.user_id])
        case BookingDeleted():
            return 200, deleted()
        case ResourceClosed() as closed:
            return 201, closures.closure_made(closed, state)
        case ResourceReopened(closure=closure):
            return 200, closures.ClosureEnded(data=closures.closure_shown(closure))
        case unexpected:
            raise AssertionError(f"{unexpected} ends no command of appointments")


_made_at = lru_cache(maxsize=16)(micros)
"""A batch makes all its bookings at one moment."""


def created(booking: Booking) -> BookingCreated:
    data = CreatedBooking(
        id=booking.id,
        service_name=booking.service_name,
        booking_date=booking.local_date.isoformat(),
        booking_time=booking.local_time.isoformat("minutes"),
        duration_minutes=booking.duration_minutes,
        status=APPOINTMENTS_STATUS[booking.status],
        created_at=_made_at(booking.created_at),
    )
    return BookingCreated(data=data)


def details(booking: Booking, user: User) -> BookingShown:
    return BookingShown(data=admin_booking(booking, user))


def updated(booking: Booking, user: User) -> BookingUpdated:
    return BookingUpdated(message="Booking updated successfully", data=admin_booking(booking, user))


def cancelled(booking: Booking, user: User) -> BookingUpdated:
    return BookingUpdated(message="Booking cancelled successfully", data=admin_booking(booking, user))


def deleted() -> BookingRemoved:
    return BookingRemoved()
