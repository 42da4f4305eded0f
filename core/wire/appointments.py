"""Answers of the appointments contract."""

from __future__ import annotations

from typing import Any

from core.domain.values import Booking, User
from core.wire.admin import admin_booking
from core.wire.words import APPOINTMENTS_STATUS, micros


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


def updated(booking: Booking, user: User) -> dict[str, Any]:
    return {"success": True, "message": "Booking updated successfully", "data": admin_booking(booking, user)}


def cancelled(booking: Booking, user: User) -> dict[str, Any]:
    return {"success": True, "message": "Booking cancelled successfully", "data": admin_booking(booking, user)}


def deleted() -> dict[str, Any]:
    return {"success": True, "message": "Booking deleted successfully"}
