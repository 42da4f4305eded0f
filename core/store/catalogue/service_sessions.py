"""Sessions of workshops and courses: listed, changed in their words and seats, and one's own place in a waiting list."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.domain.marketplace.values import ServiceSession
from core.store.catalogue.changes import CatalogueError, read_one
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_page
from core.store.lists.pages import count_to_limit
from core.store.marketplace.rows import SESSION_COLUMNS, session_of
from core.store.marketplace.save import OFFERS_AT_ONCE, SQL_CALL_WAITING, called_waiting

_LISTED = """service_session ss WHERE (%(service)s::bigint IS NULL OR ss.service_id = %(service)s)
  AND (%(practitioner)s::bigint IS NULL OR ss.practitioner_id = %(practitioner)s)
  AND (NOT %(upcoming)s OR ss.starts_at > clock_timestamp() AND NOT ss.is_cancelled)"""
SQL_PAGE = f"SELECT {SESSION_COLUMNS} FROM {_LISTED} ORDER BY ss.starts_at, ss.id LIMIT %(limit)s OFFSET %(offset)s"
SQL_COUNT = count_to_limit(_LISTED)
SQL_ONE = f"SELECT {SESSION_COLUMNS} FROM service_session ss WHERE ss.id = %s"
SQL_LOCK = f"""
SELECT {SESSION_COLUMNS}, p.user_id FROM service_session ss JOIN practitioner p ON p.id = ss.practitioner_id
WHERE ss.id = %s FOR UPDATE OF ss
"""
"""As a lane locks a session before it counts its seats: whoever books meanwhile sees the seats of either before or after."""
SQL_CHANGE = """
UPDATE service_session SET title = %(title)s, capacity = %(capacity)s, updated_at = clock_timestamp() WHERE id = %(id)s
"""
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


class SessionOverError(CatalogueError):
    """It is cancelled: nothing of it changes any more."""


class SeatsTakenError(CatalogueError):
    """More seats are taken than there would be."""


async def locked(connection: AsyncConnection, session_id: int) -> tuple[ServiceSession, int]:
    """A session, kept from the lanes until the transaction ends, and its practitioner's user. Raises NotFoundError."""
    *row, user_id = await read_one(connection, SQL_LOCK, (session_id,))
    return session_of(tuple(row)), user_id


async def change(connection: AsyncConnection, before: ServiceSession, title: str, capacity: int) -> ServiceSession:
    """Other words, more seats or fewer, of a locked session. Seats that are added go to those who wait first.

    Raises SessionOverError, SeatsTakenError.
    """
    if before.is_cancelled:
        raise SessionOverError
    if capacity < before.seats_taken:
        raise SeatsTakenError
    await connection.execute(SQL_CHANGE, {"id": before.id, "title": title, "capacity": capacity})
    if capacity > before.capacity and before.waiting:
        added = min(capacity - before.capacity, before.waiting)
        freed = [(before.id, min(OFFERS_AT_ONCE, added - done)) for done in range(0, added, OFFERS_AT_ONCE)]
        await connection.execute(SQL_CALL_WAITING.encode(), called_waiting(freed))
    return await one(connection, before.id)


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
