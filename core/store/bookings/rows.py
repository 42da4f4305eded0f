"""Rows as values: the columns of a booking and of a user, named once for every statement."""

from __future__ import annotations

from typing import Any

import msgspec

from core.domain.bookings.status import PaymentStatus, Status
from core.domain.values import Booking, Details, User

BOOKING_TYPES = {
    "id": "bigint",
    "public_uuid": "uuid",
    "contract": "text",
    "user_id": "bigint",
    "service_id": "bigint",
    "service_name": "text",
    "resource_id": "bigint",
    "starts_at": "timestamptz",
    "ends_at": "timestamptz",
    "local_date": "date",
    "local_time": "time",
    "duration_minutes": "integer",
    "status": "text",
    "payment_status": "text",
    "notes": "text",
    "version": "integer",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
    "command_id": "uuid",
    "price_minor": "bigint",
    "currency": "text",
    "hold_expires_at": "timestamptz",
    "hold_extended": "boolean",
    "details": "jsonb",
    "time_slot_id": "bigint",
}
"""A booking's columns and their types, in the order of `Booking`'s fields."""

BOOKING_FIXED = frozenset(
    {
        "id",
        "public_uuid",
        "contract",
        "user_id",
        "created_at",
        "command_id",
        "price_minor",
        "currency",
        "time_slot_id",
    }
)
"""What no change of a booking touches."""

USER_COLUMNS = """id, username, first_name, last_name, coalesce(email, contact_email), phone, phone_key, gender, country,
       is_active, is_staff, is_superuser, is_practitioner, date_joined"""

assert tuple(BOOKING_TYPES) == Booking.__struct_fields__, "BOOKING_TYPES must name Booking's fields in order"  # noqa: S101

BOOKING_COLUMNS = ", ".join(BOOKING_TYPES)
BOOKING_WIDTH = len(BOOKING_TYPES)
_STATUS = list(BOOKING_TYPES).index("status")
_PAYMENT_STATUS = list(BOOKING_TYPES).index("payment_status")
_DETAILS = list(BOOKING_TYPES).index("details")


def booking_of(row: tuple[Any, ...]) -> Booking:
    """A row of `BOOKING_COLUMNS` as a value."""
    values = list(row)
    values[_STATUS] = Status(values[_STATUS])
    values[_PAYMENT_STATUS] = PaymentStatus(values[_PAYMENT_STATUS])
    if values[_DETAILS] is not None:
        values[_DETAILS] = msgspec.convert(values[_DETAILS], Details)
    return Booking(*values)


def user_of(row: tuple[Any, ...]) -> User:
    """A row of `USER_COLUMNS` as a value."""
    return User(*row)
