"""Lists of closures, of a practitioner's time off, and of the bookings that a closure has in its way."""

from __future__ import annotations

from datetime import date

from core.domain.values import Booking, Closure, User
from core.store.bookings.rows import VIEW_COLUMNS, view_of
from core.store.catalogue.closures import CLOSURE_COLUMNS, closure_of
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all, fetch_page
from core.store.lists.pages import count_to_limit, rows_and_total
from core.store.sql.local_days import DAYS_BEGIN, DAYS_END, in_zones, zones_in_use

_LISTED = f"""closure c JOIN resource r ON r.id = c.resource_id
WHERE (%(resource)s::bigint IS NULL OR c.resource_id = %(resource)s)
  AND (%(day)s::date IS NULL OR c.during && tstzrange({DAYS_BEGIN}, {DAYS_END}))"""
SQL_CLOSURES = f"""
SELECT counted.total, listed.*
FROM (SELECT count(*) AS total FROM {_LISTED}) AS counted
LEFT JOIN (SELECT {CLOSURE_COLUMNS} FROM {_LISTED} ORDER BY lower(c.during), c.id LIMIT %(limit)s OFFSET %(offset)s)
    AS listed (id, resource_id, kind, name, zone, first_day, starts, last_day, ends, starts_at, ends_at, reason, created_at,
        busy_calendar_id)
    ON true
ORDER BY listed.starts_at, listed.id
"""
# The total stands beside each row of the page, and alone if the page is empty.
_IN_THE_WAY = """closure c JOIN claim k ON k.resource_id = c.resource_id AND k.during && c.during
     JOIN booking b ON b.id = k.booking_id JOIN user_account u ON u.id = b.user_id WHERE c.id = %(id)s"""
SQL_IN_THE_WAY = f"""
SELECT counted.total, listed.*
FROM (SELECT count(DISTINCT b.id) AS total FROM {_IN_THE_WAY}) AS counted
LEFT JOIN LATERAL (SELECT DISTINCT ON (b.starts_at, b.id) {VIEW_COLUMNS} FROM {_IN_THE_WAY}
                   ORDER BY b.starts_at, b.id LIMIT %(limit)s OFFSET %(offset)s) AS listed ON true
"""
_TIME_OFF = """closure c JOIN resource r ON r.id = c.resource_id
WHERE c.resource_id = %(resource)s AND (NOT %(upcoming)s OR upper(c.during) > clock_timestamp())"""
SQL_TIME_OFF = f"SELECT {CLOSURE_COLUMNS} FROM {_TIME_OFF} ORDER BY lower(c.during) LIMIT %(limit)s OFFSET %(offset)s"
# Closures of one resource never begin together.
SQL_COUNT_TIME_OFF = count_to_limit(_TIME_OFF)


async def closures_page(
    connection: AsyncConnection, resource_id: int | None, day: date | None, limit: int, offset: int
) -> tuple[list[Closure], int]:
    """Closures (of a resource, on a local day of their resource), the earliest first, and how many there are."""
    zones = await zones_in_use(connection) if day else []
    values = {"resource": resource_id, "day": day, "limit": limit, "offset": offset, **in_zones(zones, day, day)}
    rows = await fetch_all(connection, SQL_CLOSURES, values)
    return rows_and_total(rows, closure_of)


async def bookings_in_the_way(
    connection: AsyncConnection, closure_id: int, limit: int, offset: int
) -> tuple[list[tuple[Booking, User]], int]:
    """Bookings that have time of a closure, the earliest first, and how many there are."""
    rows = await fetch_all(connection, SQL_IN_THE_WAY, {"id": closure_id, "limit": limit, "offset": offset})
    return rows_and_total(rows, view_of)


async def time_off_page(
    connection: AsyncConnection, resource_id: int, *, upcoming: bool, limit: int, offset: int
) -> tuple[list[Closure], int]:
    """Closures of a practitioner's resource, the earliest first, and how many, counted to the limit of lists."""
    values = {"resource": resource_id, "upcoming": upcoming, "limit": limit, "offset": offset}
    rows, count = await fetch_page(connection, SQL_TIME_OFF, SQL_COUNT_TIME_OFF, values)
    return [closure_of(row) for row in rows], count
