"""Calendars that resources follow, as staff and practitioners keep them. Their URLs come and go sealed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all, fetch_all_as, fetch_one, find_as, find_one

CALENDARS_MAX = 500
CALENDARS_OF_RESOURCE_MAX = 10
FETCHED_EVERY_S = 10
"""At most so often by hand: the server behind the URL is somebody else's."""

_ROWS = """busy_calendar b WHERE b.sealed_url <> '' AND (%(id)s::bigint IS NULL OR b.id = %(id)s)
    AND (%(resource)s::bigint IS NULL OR b.resource_id = %(resource)s)"""
SQL_LIST = f"""
SELECT b.id, b.resource_id, b.host, b.label, b.created_by, b.created_at, b.tried_at, b.fetched_at, b.read_at, b.fetch_at,
       b.answer, b.failing_since, b.failures, b.sync_at IS NULL AS is_settled,
       (SELECT count(*) FROM busy_time t WHERE t.calendar_id = b.id AND t.ends_at > clock_timestamp()) AS busy_times,
       n.starts_at AS next_starts_at, n.ends_at AS next_ends_at
FROM (SELECT b.* FROM {_ROWS} ORDER BY b.id DESC LIMIT %(limit)s OFFSET %(offset)s) AS b
     LEFT JOIN LATERAL (SELECT t.starts_at, t.ends_at FROM busy_time t
                        WHERE t.calendar_id = b.id AND t.ends_at > clock_timestamp()
                        ORDER BY t.starts_at LIMIT 1) AS n ON true
ORDER BY b.id DESC
"""
SQL_COUNT = f"SELECT count(*) FROM {_ROWS}"
SQL_ALONE = "SELECT pg_advisory_xact_lock(hashtext('busy_calendars'))"
"""Those who make one come one after the other: their number decides."""
SQL_MAKE = """
INSERT INTO busy_calendar (resource_id, sealed_url, host, label, created_by)
SELECT %(resource)s, %(sealed)s, %(host)s, %(label)s, %(by)s
WHERE (SELECT count(*) FROM busy_calendar) < %(most)s
  AND (SELECT count(*) FROM busy_calendar WHERE resource_id = %(resource)s) < %(most_of_resource)s
RETURNING id
"""
SQL_LOCK = "SELECT id FROM busy_calendar WHERE id = %s FOR UPDATE"
SQL_FETCH_NOW = """
UPDATE busy_calendar SET fetch_at = clock_timestamp(), etag = NULL, last_modified = NULL
WHERE id = %(id)s AND lease IS NULL AND (tried_at IS NULL OR tried_at < clock_timestamp() - make_interval(secs => %(pause_s)s))
"""
SQL_FORGET_TIMES = "DELETE FROM busy_time WHERE calendar_id = %s"
SQL_LET_GO = """
UPDATE busy_calendar SET sealed_url = '', host = '', label = '', etag = NULL, last_modified = NULL, lease = NULL,
       fetch_at = NULL, sync_at = clock_timestamp(), left_to_do = 0
WHERE id = %s
"""
SQL_SEALED = "SELECT id, sealed_url FROM busy_calendar WHERE sealed_url <> '' ORDER BY id FOR UPDATE"
SQL_RESEAL = "UPDATE busy_calendar SET sealed_url = %s WHERE id = %s"


class NewBusyCalendar(Struct, frozen=True):
    resource_id: int
    host: str
    """The only part of its URL that is shown again."""
    label: str


class BusyCalendar(Struct, frozen=True):
    """One with how it does, without its URL."""

    id: int
    resource_id: int
    host: str
    label: str
    created_by: int | None
    created_at: datetime
    tried_at: datetime | None
    fetched_at: datetime | None
    """The last answer that could be used."""
    read_at: datetime | None
    """The last whole file; None before the first, and once its times were let go."""
    fetch_at: datetime | None
    answer: str | None
    failing_since: datetime | None
    failures: int
    """In a row."""
    is_settled: bool
    """Whether its closures are what it says."""
    busy_times: int
    """That are not over."""
    next_starts_at: datetime | None
    next_ends_at: datetime | None


async def listed(
    connection: AsyncConnection, resource_id: int | None, limit: int, offset: int
) -> tuple[list[BusyCalendar], int]:
    """The newest first, and how many there are in all."""
    values = {"id": None, "resource": resource_id, "limit": limit, "offset": offset}
    found = await fetch_all_as(connection, BusyCalendar, SQL_LIST, values)
    return found, int((await fetch_one(connection, SQL_COUNT, values))[0])


async def by_id(connection: AsyncConnection, calendar_id: int, resource_id: int | None) -> BusyCalendar | None:
    """Of that resource, unless it is None."""
    values = {"id": calendar_id, "resource": resource_id, "limit": 1, "offset": 0}
    return await find_as(connection, BusyCalendar, SQL_LIST, values)


async def make(connection: AsyncConnection, new: NewBusyCalendar, sealed: str, by: int | None) -> int | None:
    """Its id, or None if there are as many as there may be. It is fetched at once. Call it in a transaction."""
    await connection.execute(SQL_ALONE)
    values = {
        "resource": new.resource_id,
        "sealed": sealed,
        "host": new.host,
        "label": new.label,
        "by": by,
        "most": CALENDARS_MAX,
        "most_of_resource": CALENDARS_OF_RESOURCE_MAX,
    }
    row = await find_one(connection, SQL_MAKE, values)
    return None if row is None else int(row[0])


async def lock(connection: AsyncConnection, calendar_id: int) -> None:
    """Nobody else changes it until the transaction ends."""
    await connection.execute(SQL_LOCK, (calendar_id,))


async def fetch_now(connection: AsyncConnection, calendar_id: int) -> bool:
    """Read it whole at once; False if it is being fetched, or was a moment ago."""
    values = {"id": calendar_id, "pause_s": FETCHED_EVERY_S}
    return (await connection.execute(SQL_FETCH_NOW, values)).rowcount == 1


async def let_go(connection: AsyncConnection, calendar_id: int) -> None:
    """It is followed no more, its URL is gone. Its row goes once the lanes have ended its closures. In a transaction."""
    await connection.execute(SQL_LET_GO, (calendar_id,))
    await connection.execute(SQL_FORGET_TIMES, (calendar_id,))


async def reseal(connection: AsyncConnection, seal_anew: Callable[[str], str | None]) -> int:
    """Seal all URLs with today's key; how many were changed. `seal_anew` is None for what stays as it is.

    Call it in a transaction.
    """
    changed = 0
    for id_, sealed in await fetch_all(connection, SQL_SEALED):
        if (new := seal_anew(sealed)) is not None:
            await connection.execute(SQL_RESEAL, (new, id_))
            changed += 1
    return changed
