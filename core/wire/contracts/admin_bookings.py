"""The admin shape: one form for bookings of every contract, in admin lists, details and the live feed."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from core.domain.values import Booking, User
from core.wire.vocabulary import APPOINTMENTS_STATUS, AppointmentsWord, Day, HourMinuteSecond, Micros, micros


class UserDetails(Struct, frozen=True):
    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    phone: str
    gender: str
    country: str
    is_active: bool
    date_joined: Micros


class BookingLine(Struct, frozen=True):
    """What staff read of any booking first. `booking_date` and `booking_time` are local to the resource."""

    id: int
    contract: str
    user_id: int
    service_name: str
    booking_date: Day
    booking_time: HourMinuteSecond
    duration_minutes: int
    status: AppointmentsWord


class AdminBooking(BookingLine, frozen=True):
    """A booking as staff see it."""

    notes: str
    created_at: Micros
    version: int
    user_details: UserDetails


def booking_line(booking: Booking) -> dict[str, Any]:
    """The fields of a `BookingLine`."""
    return {
        "id": booking.id,
        "contract": booking.contract,
        "user_id": booking.user_id,
        "service_name": booking.service_name,
        "booking_date": booking.local_date.isoformat(),
        "booking_time": booking.local_time.isoformat("seconds"),
        "duration_minutes": booking.duration_minutes,
        "status": APPOINTMENTS_STATUS[booking.status],
    }


def admin_booking(booking: Booking, user: User) -> AdminBooking:
    return AdminBooking(
        **booking_line(booking),
        notes=booking.notes,
        created_at=micros(booking.created_at),
        version=booking.version,
        user_details=user_details(user),
    )


def user_details(user: User) -> UserDetails:
    return UserDetails(
        id=user.id,
        username=user.username,
        first_name=user.first_name,
        last_name=user.last_name,
        email=user.email,
        phone=user.phone,
        gender=user.gender,
        country=user.country,
        is_active=user.is_active,
        date_joined=micros(user.date_joined),
    )
