"""Bookings for an export: any number of them, read through a cursor of the server as of one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from core.store.connections.database import Connection

CURSOR_ROWS = 2_000
"""Rows fetched at a time: no more are in memory."""
_OF_THE_MARKETPLACE_WITHOUT_A_TIME = "m.booking_id IS NOT NULL AND m.starts_at IS NULL"
_FROM = f"""
FROM booking b JOIN user_account u ON u.id = b.user_id LEFT JOIN marketplace_booking m ON m.booking_id = b.id
WHERE b.deleted_at IS NULL
  AND (%(contract)s::text IS NULL OR b.contract = %(contract)s) AND (%(kind)s::text IS NULL OR m.kind = %(kind)s)
  AND (%(first_day)s::date IS NULL AND %(last_day)s::date IS NULL OR NOT ({_OF_THE_MARKETPLACE_WITHOUT_A_TIME}))
  AND (%(first_day)s::date IS NULL OR b.local_date >= %(first_day)s)
  AND (%(last_day)s::date IS NULL OR b.local_date <= %(last_day)s)
"""


def _timed(column: str) -> str:
    """What was bought without a time has only that of its purchase in these columns."""
    return f"CASE WHEN NOT ({_OF_THE_MARKETPLACE_WITHOUT_A_TIME}) THEN b.{column} END"


SQL_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
SQL_TO_THE_END = "SET LOCAL cursor_tuple_fraction = 1.0"
"""All rows are read, not only the first ones."""
SQL_COUNT = f"SELECT count(*) {_FROM}"
SQL_ROWS = f"""
SELECT b.id, b.public_uuid, b.contract, m.kind, b.status, b.payment_status, b.service_name, b.resource_id,
       {_timed("local_date")}, {_timed("local_time")}, {_timed("starts_at")}, {_timed("ends_at")}, b.duration_minutes,
       b.price_minor, b.currency, b.user_id, u.username, u.first_name, u.last_name, coalesce(u.email, u.contact_email),
       u.phone, b.notes, b.created_at, b.updated_at
{_FROM} ORDER BY b.id
"""


class ExportFilter(Struct, frozen=True):
    """The filters of an export."""

    first_day: date | None = None
    last_day: date | None = None
    """Both local to what is booked. What was bought without a time is on no day."""
    contract: str | None = None
    kind: str | None = None
    """Only in the marketplace."""


class ExportedBooking(Struct, frozen=True):
    """One line. The names are columns of the file: they stay, and new ones come last."""

    id: int
    public_uuid: UUID
    contract: str
    kind: str | None
    status: str
    payment_status: str
    service_name: str
    resource_id: int
    booking_date: date | None
    booking_time: time | None
    starts_at: datetime | None
    ends_at: datetime | None
    duration_minutes: int
    price_minor: int
    currency: str
    user_id: int
    username: str
    first_name: str
    last_name: str
    email: str
    phone: str
    notes: str
    created_at: datetime
    updated_at: datetime


class Export(Struct, frozen=True):
    total: int
    rows: Iterator[ExportedBooking]


@contextmanager
def exported(connection: Connection, wanted: ExportFilter) -> Iterator[Export]:
    """All of one moment, in the order of their ids, as long as the block lasts."""
    with connection.transaction():
        connection.execute(SQL_SNAPSHOT)
        connection.execute(SQL_TO_THE_END)
        row = connection.execute(SQL_COUNT.encode(), asdict(wanted)).fetchone()
        yield Export(row[0] if row else 0, _rows(connection, wanted))


def _rows(connection: Connection, wanted: ExportFilter) -> Iterator[ExportedBooking]:
    with connection.cursor("holdfast_export") as cursor:
        cursor.itersize = CURSOR_ROWS
        cursor.execute(SQL_ROWS.encode(), asdict(wanted))
        for row in cursor:
            yield ExportedBooking(*row)
