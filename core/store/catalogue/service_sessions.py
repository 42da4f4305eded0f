"""Sessions of workshops and courses, as they are listed, and one's own place in a waiting list."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.domain.marketplace.values import ServiceSession
from core.store.catalogue.changes import read_one
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_page
from core.store.lists.pages import count_to_limit
from core.store.marketplace.rows import SESSION_COLUMNS, session_of

_LISTED = """service_session ss WHERE (%(service)s::bigint IS NULL OR ss.service_id = %(service)s)
  AND (%(practitioner)s::bigint IS NULL OR ss.practitioner_id = %(practitioner)s)
  AND (NOT %(upcoming)s OR ss.starts_at > clock_timestamp() AND NOT ss.is_cancelled)"""
SQL_PAGE = f"SELECT {SESSION_COLUMNS} FROM {_LISTED} ORDER BY ss.starts_at, ss.id LIMIT %(limit)s OFFSET %(offset)s"
SQL_COUNT = count_to_limit(_LISTED)
SQL_ONE = f"SELECT {SESSION_COLUMNS} FROM service_session ss WHERE ss.id = %s"
SQL_PLACE = """
SELECT w.session_id, w.user_id,
       (SELECT count(*) FROM waiting_place p WHERE p.session_id = w.session_id AND p.booking_id IS NULL AND p.id <= w.id),
       w.created_at
FROM waiting_place w WHERE w.session_id = %s AND w.user_id = %s AND w.booking_id IS NULL
"""


class PlaceInQueue(Struct, frozen=True):
    session_id: int
    user_id: int
    position: int
    """From 1: the next free seat."""
    created_at: datetime


async def page(
    connection: AsyncConnection,
    *,
    service_id: int | None,
    practitioner_id: int | None,
    upcoming: bool,
    limit: int,
    offset: int,
) -> tuple[list[ServiceSession], int]:
    """Sessions (of a service, of a practitioner), the earliest first, and how many, counted to the limit of lists."""
    values = {
        "service": service_id,
        "practitioner": practitioner_id,
        "upcoming": upcoming,
        "limit": limit,
        "offset": offset,
    }
    rows, count = await fetch_page(connection, SQL_PAGE, SQL_COUNT, values)
    return [session_of(row) for row in rows], count


async def one(connection: AsyncConnection, session_id: int) -> ServiceSession:
    """Raises NotFoundError."""
    return session_of(await read_one(connection, SQL_ONE, (session_id,)))


async def place_of(connection: AsyncConnection, session_id: int, user_id: int | None) -> PlaceInQueue:
    """Where somebody stands who waits for a seat. Raises NotFoundError."""
    return PlaceInQueue(*await read_one(connection, SQL_PLACE, (session_id, user_id)))
