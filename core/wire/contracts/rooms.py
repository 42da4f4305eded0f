"""Answers of the rooms contract. Money is a JSON number, times are local to the room."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from core.domain.commands import Cancel, Envelope
from core.domain.events import BookingChanged, BookingDeleted, BookingPlaced, BookingUnchanged, Event
from core.domain.payments.money import major
from core.domain.state import State
from core.domain.values import Booking, RoomDetails, User
from core.wire.vocabulary import (
    ROOMS_PAYMENT,
    ROOMS_STATUS,
    Day,
    HourMinuteSecond,
    RoomsPaymentWord,
    RoomsWord,
    Zulu,
    zulu,
)


class RoomBooking(Struct, frozen=True, kw_only=True):
    """A booking as the rooms document prints it. One of another contract has no room and no guests."""

    id: int
    user_id: int
    user_name: str
    user_email: str
    room_id: int | None
    room_name: str
    booking_date: Day
    start_time: HourMinuteSecond
    end_time: HourMinuteSecond
    guest_count: int | None
    special_requests: str
    total_amount: float
    currency: str
    number_of_slots: int | None
    status: RoomsWord
    payment_status: RoomsPaymentWord
    hold_expires_at: Zulu | None
    created_at: Zulu


class RoomBookingChanged(RoomBooking, frozen=True, kw_only=True):
    message: str


class RoomBookingDeleted(Struct, frozen=True, kw_only=True):
    message: str = "Booking deleted"


def answer(
    envelope: Envelope, events: tuple[Event, ...], state: State
) -> tuple[int, RoomBooking | RoomBookingChanged | RoomBookingDeleted]:
    """(HTTP status, body) of a command that was not refused."""
    match events[-1]:
        case BookingPlaced(booking=booking):
            return 201, room_booking(booking, state.users[booking.user_id])
        case BookingChanged(booking=booking) | BookingUnchanged(booking=booking):
            said = "Booking cancelled" if isinstance(envelope.command, Cancel) else "Booking updated"
            return 200, RoomBookingChanged(message=said, **_fields(booking, state.users[booking.user_id]))
        case BookingDeleted():
            return 200, RoomBookingDeleted()
        case unexpected:
            raise AssertionError(f"{unexpected} ends no command of rooms")


def room_booking(booking: Booking, user: User) -> RoomBooking:
    return RoomBooking(**_fields(booking, user))


def _fields(booking: Booking, user: User) -> dict[str, Any]:
    room = booking.details if isinstance(booking.details, RoomDetails) else None
    return {
        "id": booking.id,
        "user_id": booking.user_id,
        "user_name": user.username,
        "user_email": user.email,
        "room_id": room.room_id if room else None,
        "room_name": booking.service_name,
        "booking_date": booking.local_date.isoformat(),
        "start_time": booking.local_time.isoformat("seconds"),
        "end_time": room.ends.isoformat("seconds") if room else _end_of(booking),
        "guest_count": room.guest_count if room else None,
        "special_requests": booking.notes,
        "total_amount": money(booking.price_minor, booking.currency),
        "currency": booking.currency,
        "number_of_slots": room.number_of_slots if room else None,
        "status": ROOMS_STATUS[booking.status],
        "payment_status": ROOMS_PAYMENT[booking.payment_status],
        "hold_expires_at": None if booking.hold_expires_at is None else zulu(booking.hold_expires_at),
        "created_at": zulu(booking.created_at),
    }


def money(amount_minor: int, currency: str) -> float:
    """`10000` usd as `100.0`: few enough digits that a double holds them all."""
    return float(major(amount_minor, currency))


def _end_of(booking: Booking) -> str:
    starts = datetime.combine(booking.local_date, booking.local_time)
    return (starts + timedelta(minutes=booking.duration_minutes)).time().isoformat("seconds")
