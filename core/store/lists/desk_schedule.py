"""What takes place on some days: bookings of every contract, sessions and closures, and where the feed was then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from core.domain.marketplace.values import ServiceSession
from core.domain.values import Booking, Closure, User
from core.store.bookings.rows import VIEW_COLUMNS, view_of
from core.store.catalogue.closures import CLOSURE_COLUMNS, closure_of
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all
from core.store.feed import Position, read_head
from core.store.lists.bookings import LISTED
from core.store.marketplace.rows import SESSION_COLUMNS, session_of
from core.store.sql.local_days import DAYS_BEGIN, DAYS_END, in_zones, zones_in_use

BESIDE_MAX = 500
"""Sessions, and closures, that are told beside a page of bookings."""
SQL_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_TAKES_PLACE = """
    NOT coalesce(b.details @> '{"is_scheduled": false}', false)
AND NOT (coalesce(b.details @> '{"kind": "course"}', false) AND b.details -> 'parent_id' IS NULL)
"""
"""Not what was bought without a time, and not a course as a whole: its sessions are told one by one."""
SQL_BOOKINGS = f"""
SELECT {VIEW_COLUMNS} FROM booking b JOIN user_account u ON u.id = b.user_id
WHERE b.listed_as = ANY(%(listed)s) AND b.local_date BETWEEN %(first)s AND %(last)s
  AND (%(ids)s::bigint[] IS NULL OR b.id = ANY(%(ids)s)) AND {_TAKES_PLACE}
ORDER BY b.local_date, b.local_time, b.id LIMIT %(limit)s OFFSET %(offset)s
"""
# By practitioner, because that is how sessions are indexed by their start; the index has them in order for each.
SQL_SESSIONS = f"""
SELECT p.resource_id, r.zone, s.name, {SESSION_COLUMNS}
FROM practitioner p JOIN resource r ON r.id = p.resource_id
CROSS JOIN LATERAL (SELECT * FROM service_session n WHERE n.practitioner_id = p.id
                    AND n.starts_at >= %(days_earliest)s AND n.starts_at < %(days_latest)s) ss
JOIN service s ON s.id = ss.service_id
WHERE ss.starts_at >= {DAYS_BEGIN} AND ss.starts_at < {DAYS_END}
ORDER BY ss.starts_at, ss.id LIMIT %(most)s
"""
SQL_CLOSURES = f"""
SELECT {CLOSURE_COLUMNS} FROM closure c JOIN resource r ON r.id = c.resource_id
WHERE c.during && tstzrange({DAYS_BEGIN}, {DAYS_END}) ORDER BY lower(c.during), c.id LIMIT %(most)s
"""
SQL_DAYS = """
SELECT local_date, listed_as, sum(bookings)::bigint FROM booking_count
WHERE local_date BETWEEN %(first)s AND %(last)s AND listed_as IS NOT NULL
GROUP BY local_date, listed_as HAVING sum(bookings) > 0 ORDER BY local_date, listed_as
"""


class ScheduledSession(Struct, frozen=True):
    session: ServiceSession
    service_name: str
    resource_id: int
    zone: str
    """Of the practitioner, like the resource."""


class Schedule(Struct, frozen=True):
    bookings: list[tuple[Booking, User]]
    more: bool
    """Whether there are bookings beyond the page."""
    sessions: list[ScheduledSession]
    closures: list[Closure]
    position: Position


class DayCount(Struct, frozen=True):
    day: date
    word: str
    bookings: int


async def read_schedule(
    connection: AsyncConnection, first: date, last: date, ids: Sequence[int], limit: int, offset: int
) -> Schedule:
    """Days are local to each resource, both ends included. With `ids` no other bookings, and nothing beside them."""
    values = {"listed": list(LISTED), "first": first, "last": last, "ids": list(ids) or None}
    values |= {"limit": limit + 1, "offset": offset}
    async with connection.transaction():
        await connection.execute(SQL_SNAPSHOT)
        head = await read_head(connection)
        rows = await fetch_all(connection, SQL_BOOKINGS, values)
        sessions, closures = ([], []) if ids else await _beside(connection, first, last)
    bookings = [view_of(row) for row in rows[:limit]]
    return Schedule(bookings, len(rows) > limit, sessions, closures, head)


async def _beside(connection: AsyncConnection, first: date, last: date) -> tuple[list[ScheduledSession], list[Closure]]:
    values: dict[str, Any] = {**in_zones(await zones_in_use(connection), first, last), "most": BESIDE_MAX}
    sessions = await fetch_all(connection, SQL_SESSIONS, values)
    closures = await fetch_all(connection, SQL_CLOSURES, values)
    found = [ScheduledSession(session_of(row[3:]), row[2], row[0], row[1]) for row in sessions]
    return found, [closure_of(row) for row in closures]


async def read_days(connection: AsyncConnection, first: date, last: date) -> list[DayCount]:
    """How many bookings each day has, by the word they are listed under: from the tally, at any size."""
    rows = await fetch_all(connection, SQL_DAYS, {"first": first, "last": last})
    return [DayCount(*row) for row in rows]
