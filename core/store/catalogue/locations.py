"""Locations of the marketplace and their rooms, each kept by a practitioner or by the house."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from core.store.catalogue.changes import CatalogueError, UnknownReferenceError, read_one
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_one, fetch_page, find_one
from core.store.lists.pages import count_to_limit

_COLUMNS = """l.id, l.name, l.address, l.zone, l.owner_id,
       coalesce((SELECT json_agg(json_build_object('id', r.id, 'name', r.name) ORDER BY r.id)
        FROM location_room lr JOIN resource r ON r.id = lr.resource_id
        WHERE lr.location_id = l.id AND lr.is_active), '[]'), l.is_active, p.user_id"""
_OWNED = "location l LEFT JOIN practitioner p ON p.id = l.owner_id"
SQL_PAGE = f"""
SELECT {_COLUMNS} FROM {_OWNED} WHERE l.is_active OR %(hidden)s ORDER BY l.id LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT = count_to_limit("location WHERE is_active OR %(hidden)s")
SQL_ONE = f"SELECT {_COLUMNS} FROM {_OWNED} WHERE l.id = %s"
SQL_LOCK = f"{SQL_ONE} FOR UPDATE OF l"
SQL_INSERT = "INSERT INTO location (name, address, zone, owner_id) VALUES (%s, %s, %s, %s) RETURNING id"
SQL_UPDATE = "UPDATE location SET name = %(name)s, address = %(address)s, is_active = %(is_active)s WHERE id = %(id)s"
SQL_IS_ROOM = "SELECT EXISTS (SELECT FROM resource WHERE id = %s AND kind = 'room')"
SQL_ADD_ROOM = """
INSERT INTO location_room (resource_id, location_id) VALUES (%s, %s)
ON CONFLICT (resource_id) DO UPDATE SET is_active = true WHERE location_room.location_id = excluded.location_id
RETURNING resource_id
"""
SQL_CLOSE_ROOM = """
UPDATE location_room SET is_active = false WHERE location_id = %s AND resource_id = %s AND is_active RETURNING resource_id
"""


class RoomElsewhereError(CatalogueError):
    """The room belongs to another location."""


class OpenRoom(Struct, frozen=True):
    """A room that sessions can be given. The id is its resource's."""

    id: int
    name: str


class OwnedLocation(Struct, frozen=True):
    id: int
    name: str
    address: str
    time_zone: str
    owner_id: int | None
    """The practitioner who keeps it; None is the house."""
    rooms: list[OpenRoom]
    is_active: bool
    owner_user_id: int | None
    """The owner's user."""


async def page(
    connection: AsyncConnection, *, hidden: bool, limit: int, offset: int
) -> tuple[list[OwnedLocation], int]:
    """Locations by id, `hidden` ones too or not, and how many there are, counted to the limit of lists."""
    values = {"hidden": hidden, "limit": limit, "offset": offset}
    rows, count = await fetch_page(connection, SQL_PAGE, SQL_COUNT, values)
    return [_location(row) for row in rows], count


async def one(connection: AsyncConnection, location_id: int, *, locked: bool = False) -> OwnedLocation:
    """Raises NotFoundError."""
    return _location(await read_one(connection, SQL_LOCK if locked else SQL_ONE, (location_id,)))


async def create(
    connection: AsyncConnection, *, name: str, address: str, zone: str, owner_id: int | None
) -> OwnedLocation:
    (id_,) = await fetch_one(connection, SQL_INSERT, (name, address, zone, owner_id))
    return await one(connection, id_)


async def change(connection: AsyncConnection, after: OwnedLocation) -> OwnedLocation:
    """Write what can change of a locked location: its name, address, and whether it is active."""
    await connection.execute(SQL_UPDATE, asdict(after))
    return await one(connection, after.id)


async def add_room(connection: AsyncConnection, location_id: int, resource_id: int) -> OwnedLocation:
    """Give a location a room, or a closed one back. Raises UnknownReferenceError and RoomElsewhereError."""
    if not (await fetch_one(connection, SQL_IS_ROOM, (resource_id,)))[0]:
        raise UnknownReferenceError
    if await find_one(connection, SQL_ADD_ROOM, (resource_id, location_id)) is None:
        raise RoomElsewhereError
    return await one(connection, location_id)


async def close_room(connection: AsyncConnection, location_id: int, resource_id: int) -> OwnedLocation:
    """Sessions are no longer given a room; what is booked in it stays. Raises NotFoundError."""
    await read_one(connection, SQL_CLOSE_ROOM, (location_id, resource_id))
    return await one(connection, location_id)


def _location(row: tuple[Any, ...]) -> OwnedLocation:
    return OwnedLocation(*[*row[:5], msgspec.convert(row[5], list[OpenRoom]), *row[6:]])
