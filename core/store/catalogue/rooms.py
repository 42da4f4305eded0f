"""Rooms: as staff keep them, and as a batch or a day's slots need them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from core.domain.resources.local_time import Hours
from core.domain.state import State
from core.domain.values import Resource, Room
from core.store.catalogue.changes import read_one
from core.store.connections.database import AsyncConnection
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.queries import fetch_one, fetch_page
from core.store.connections.round_trip import Rows
from core.store.reads.shared_reads import Found, Query

_FROM = "FROM room m JOIN resource r ON r.id = m.resource_id"
_COLUMNS = """m.id, m.resource_id, r.zone, m.name, m.description, m.price_minor, m.currency, m.capacity, m.amenities,
       m.is_available, m.slot_minutes, m.opens_minute, m.closes_minute, m.off_days"""
SQL_PAGE = f"SELECT {_COLUMNS} {_FROM} ORDER BY m.id LIMIT %(limit)s OFFSET %(offset)s"
SQL_COUNT = "SELECT count(*) FROM room"
SQL_AVAILABLE = f"SELECT {_COLUMNS} {_FROM} WHERE m.is_available ORDER BY m.id LIMIT %s OFFSET %s"
SQL_COUNT_AVAILABLE = "SELECT count(*) FROM room WHERE is_available"
SQL_ONE_AVAILABLE = f"SELECT {_COLUMNS} {_FROM} WHERE m.is_available AND m.id = %s"
SQL_ONE = f"SELECT {_COLUMNS} {_FROM} WHERE m.id = %s"
SQL_LOCK = f"{SQL_ONE} FOR UPDATE OF m"
_SETTABLE = (
    "name", "description", "price_minor", "capacity", "amenities", "is_available", "slot_minutes", "opens_minute",
    "closes_minute", "off_days",
)  # fmt: skip
SQL_INSERT = f"""
INSERT INTO room (resource_id, currency, {", ".join(_SETTABLE)})
VALUES (%(resource_id)s, %(currency)s, {", ".join(f"%({name})s" for name in _SETTABLE)}) RETURNING id
"""
SQL_UPDATE = f"""
UPDATE room SET {", ".join(f"{name} = %({name})s" for name in _SETTABLE)}, updated_at = clock_timestamp() WHERE id = %(id)s
"""
SQL_BOOKABLE = f"""
SELECT m.id, m.resource_id, m.name, m.capacity, m.price_minor, m.currency, m.slot_minutes, m.opens_minute,
       m.closes_minute, m.off_days, m.is_available, r.id, r.kind, r.name, r.zone {_FROM} WHERE m.id = ANY(%s::bigint[])
"""


class RoomRow(Struct, frozen=True):
    """A row of `_COLUMNS`. Minutes count from local midnight; a new room is as given here."""

    id: int = 0
    resource_id: int = 0
    zone: str = ""
    name: str = ""
    description: str = ""
    price_minor: int = 0
    currency: str = "usd"
    capacity: int = 1
    amenities: list[str] = []
    is_available: bool = True
    slot_minutes: int = 30
    opens_minute: int = 9 * 60
    closes_minute: int = 18 * 60
    off_days: list[int] = []


async def page(connection: AsyncConnection, limit: int, offset: int) -> tuple[list[RoomRow], int]:
    """All rooms by id, and how many there are."""
    rows, total = await fetch_page(connection, SQL_PAGE, SQL_COUNT, {"limit": limit, "offset": offset})
    return [RoomRow(*row) for row in rows], total


def available_queries(limit: int, offset: int) -> Sequence[Query]:
    """One page of the rooms that can be booked, and how many there are."""
    return (SQL_AVAILABLE, (limit, offset)), (SQL_COUNT_AVAILABLE, ())


def available_page(found: Found) -> tuple[list[RoomRow], int]:
    """What `available_queries` found."""
    ((total,),) = found.rows(1)
    return [RoomRow(*row) for row in found.rows(0)], total


def one_queries(room_id: int) -> Sequence[Query]:
    """A room that can be booked."""
    return ((SQL_ONE_AVAILABLE, (room_id,)),)


def one_available(found: Found) -> RoomRow | None:
    """What `one_queries` found."""
    return next((RoomRow(*row) for row in found.rows(0)), None)


async def one(connection: AsyncConnection, room_id: int, *, locked: bool = False) -> RoomRow:
    """Raises NotFoundError."""
    return RoomRow(*await read_one(connection, SQL_LOCK if locked else SQL_ONE, (room_id,)))


async def create(connection: AsyncConnection, room: RoomRow) -> RoomRow:
    """The room with its id. The transaction raises UnknownReferenceError for a resource that does not exist."""
    (room_id,) = await fetch_one(connection, SQL_INSERT, asdict(room))
    return replace(room, id=room_id)


async def change(connection: AsyncConnection, after: RoomRow) -> RoomRow:
    """Update a locked room."""
    await connection.execute(SQL_UPDATE.encode(), asdict(after))
    return await one(connection, after.id)


def ask_rooms(pipeline: QueryPipeline, state: State, ids: Collection[int]) -> None:
    """Rooms with their resources."""

    def store_rooms(rows: Rows) -> None:
        for row in rows:
            room, resource = room_of(row)
            state.rooms[room.id] = room
            state.resources[resource.id] = resource

    if ids:
        pipeline.ask(SQL_BOOKABLE, (list(ids),), store_rooms)


def room_of(row: tuple[Any, ...]) -> tuple[Room, Resource]:
    """A row of `SQL_BOOKABLE`."""
    opens, closes, off_days, is_available = row[-8:-4]
    room = Room(*[*row[:-8], Hours(opens, closes, frozenset(off_days)), is_available])
    return room, Resource(*row[-4:])
