"""Answers of the appointments contract."""

from __future__ import annotations

from typing import Any

from core.domain.commands import Cancel, Envelope
from core.domain.events import BookingChanged, BookingDeleted, BookingPlaced, BookingUnchanged, Event
from core.domain.state import State
from core.domain.values import Booking, User
from core.wire.admin import admin_booking
from core.wire.words import APPOINTMENTS_STATUS, micros


def answer(envelope: Envelope, events: tuple[Event, ...], state: State) -> tuple[int, dict[str, Any]]:
    """(HTTP status, body) of a command that was not refused."""
    match events[-1]:
        case BookingPlaced(booking=booking):
            return 201, created(booking)
        case BookingChanged(booking=booking) | BookingUnchanged(booking=booking):
            say = cancelled if isinstance(envelope.command, Cancel) else updated
            return 200, say(booking, state.users[booking.user_id])
        case BookingDeleted():
            return 200, deleted()
        case unexpected:
            raise AssertionError(f"{unexpected} ends no command of appointments")


def created(booking: Booking) -> dict[str, Any]:
    """`POST /api/booking/create/` (appointments.md, 15); its `booking_time` is `HH:MM`."""
    return {
        "success": True,
        "message": "Booking created successfully",
        "data": {
            "id": booking.id,
            "service_name": booking.service_name,
            "booking_date": booking.local_date.isoformat(),
            "booking_time": booking.local_time.isoformat("minutes"),
            "duration_minutes": booking.duration_minutes,
            "status": APPOINTMENTS_STATUS[booking.status],
            "created_at": micros(booking.created_at),
        },
    }


def details(booking: Booking, user: User) -> dict[str, Any]:
    return {"success": True, "message": "Booking retrieved successfully", "data": admin_booking(booking, user)}


def updated(booking: Booking, user: User) -> dict[str, Any]:
    return {"success": True, "message": "Booking updated successfully", "data": admin_booking(booking, user)}


def cancelled(booking: Booking, user: User) -> dict[str, Any]:
    return {"success": True, "message": "Booking cancelled successfully", "data": admin_booking(booking, user)}


def deleted() -> dict[str, Any]:
    return {"success": True, "message": "Booking deleted successfully"}
