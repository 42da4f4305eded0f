"""Rows as values: the columns of a booking and of its user, named once for every statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from core.domain.bookings.status import PaymentStatus, Status
from core.domain.values import Booking, Details, User
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import find_one

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
    }
)
"""What no change of a booking touches."""


def user_columns(table: str) -> list[str]:
    """A user's columns in the order of `User`'s fields, of the table or alias of this name."""
    email = f"coalesce({table}.email, {table}.contact_email)"
    return [email if name == "email" else f"{table}.{name}" for name in User.__struct_fields__]


USER_COLUMNS = ", ".join(user_columns("user_account"))

assert tuple(BOOKING_TYPES) == Booking.__struct_fields__, "BOOKING_TYPES must name Booking's fields in order"  # noqa: S101

BOOKING_COLUMNS = ", ".join(BOOKING_TYPES)
BOOKING_WIDTH = len(BOOKING_TYPES)
_STATUS = list(BOOKING_TYPES).index("status")
_PAYMENT_STATUS = list(BOOKING_TYPES).index("payment_status")
_DETAILS = list(BOOKING_TYPES).index("details")

VIEW_COLUMNS = ", ".join([*(f"b.{name}" for name in BOOKING_TYPES), *user_columns("u")])
"""A booking's columns (`BOOKING_WIDTH` of them), then its user's."""
SQL_VIEWS_BY_ID = f"""
SELECT {VIEW_COLUMNS} FROM booking b JOIN user_account u ON u.id = b.user_id WHERE b.id = ANY(%s)
"""
"""Deleted ones too: the news of a deletion still says whose it was."""

SQL_VIEW = f"""
SELECT {VIEW_COLUMNS} FROM booking b JOIN user_account u ON u.id = b.user_id WHERE b.id = %s AND b.deleted_at IS NULL
"""

SQL_NEWEST_VIEWS = f"""
SELECT {VIEW_COLUMNS} FROM booking b JOIN user_account u ON u.id = b.user_id
WHERE b.listed_as IS NOT NULL ORDER BY b.id DESC LIMIT %s
"""


def lapsed(booking: str, now: str = "clock_timestamp()") -> str:
    """SQL: a row of this table or alias is a hold that has run out. Its time is free to be booked."""
    return f"({booking}.status = 'held' AND {booking}.hold_expires_at <= {now})"


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


def view_of(row: tuple[Any, ...]) -> tuple[Booking, User]:
    """A row of `VIEW_COLUMNS` as values."""
    return booking_of(row[:BOOKING_WIDTH]), user_of(row[BOOKING_WIDTH:])


async def find_view(connection: AsyncConnection, booking_id: int) -> tuple[Booking, User] | None:
    """A booking that is not deleted, with its user."""
    row = await find_one(connection, SQL_VIEW, (booking_id,))
    return None if row is None else view_of(row)


async def read_views(connection: AsyncConnection, ids: Sequence[int]) -> list[tuple[Booking, User]]:
    """Bookings with their users, deleted ones too."""
    return [view_of(row) for row in await (await connection.execute(SQL_VIEWS_BY_ID, (ids,))).fetchall()]


async def read_newest_views(connection: AsyncConnection, limit: int) -> list[tuple[Booking, User]]:
    return [view_of(row) for row in await (await connection.execute(SQL_NEWEST_VIEWS, (limit,))).fetchall()]
