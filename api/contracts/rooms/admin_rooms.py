"""`/api/admin/rooms/`: staff make rooms and change them. The catalogue is no command: plain transactions."""

from __future__ import annotations

from typing import Any

import falcon.asgi
from msgspec import UNSET
from msgspec.structs import asdict, replace
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.contracts.rooms.examples import ROOM
from api.contracts.rooms.room_fields import SQL_ROOM, NewRoom, RoomChange, RoomRow, RoomShown, changed, kept, room_body
from api.contracts.rooms.rooms import RoomList, RoomsPage, list_rooms, no_room
from api.http.bodies import read_json
from api.http.errors import invalid
from api.http.fields import ZONE
from api.openapi import Content, operation
from core.settings import Settings
from core.wire.errors import FieldProblem
from core.wire.outcomes import encode

SQL_LOCK = f"{SQL_ROOM} FOR UPDATE OF m"
SQL_ZONE = "SELECT zone FROM resource WHERE id = %s"
SQL_RESOURCE = "INSERT INTO resource (kind, name, zone) VALUES ('room', %(name)s, %(zone)s) RETURNING id"
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

Pool = AsyncConnectionPool[Any]


class AdminRooms:
    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._zone = settings.time_zone

    @operation("List all rooms", query=RoomsPage, answers={200: RoomList})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """All rooms, those that cannot be booked too."""
        await list_rooms(self._pool, req, resp, only_available=False)

    @operation("Make a room", body=Content(NewRoom, example=ROOM), answers={201: RoomShown})
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewRoom)
        currency = "usd" if sent.currency is UNSET else sent.currency
        room = changed(RoomRow(currency=currency), sent)
        async with self._pool.connection() as connection, connection.transaction():
            room = await self._made(connection, room, sent)
        resp.status = falcon.HTTP_201
        resp.data = encode(room_body(room))
        resp.content_type = falcon.MEDIA_JSON

    async def _made(self, connection: AsyncConnection[Any], room: RoomRow, sent: NewRoom) -> RoomRow:
        zone = self._zone if sent.time_zone is UNSET else ZONE(sent.time_zone)
        if sent.resource_id is UNSET:
            (resource_id,) = await _one(connection, SQL_RESOURCE, {"name": room.name, "zone": zone})
        else:
            resource_id, zone = sent.resource_id, await _zone_of(connection, sent)
        room = replace(room, resource_id=resource_id, zone=zone)
        (room_id,) = await _one(connection, SQL_INSERT, asdict(room))
        return replace(room, id=room_id)


class AdminRoom:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Read a room, available or not", answers={200: RoomShown}, refuses=("room_not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, room_id: int) -> None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SQL_ROOM, (room_id,))).fetchone()
        _answer(resp, row)

    @operation(
        "Change a room",
        description="Only what is sent changes. Bookings that are there keep their times and prices.",
        body=Content(RoomChange, example={"is_available": False}),
        answers={200: RoomShown},
        refuses=("room_not_found",),
    )
    async def on_put(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, room_id: int) -> None:
        sent = await read_json(req, RoomChange)
        async with self._pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(SQL_LOCK, (room_id,))).fetchone()
            if row is None:
                raise no_room()
            room = RoomRow(*row)
            kept(room, sent)
            await connection.execute(SQL_UPDATE, asdict(changed(room, sent)))
            row = await (await connection.execute(SQL_ROOM, (room_id,))).fetchone()
        _answer(resp, row)

    on_patch = on_put


def _answer(resp: falcon.asgi.Response, row: tuple[Any, ...] | None) -> None:
    if row is None:
        raise no_room()
    resp.data = encode(room_body(RoomRow(*row)))
    resp.content_type = falcon.MEDIA_JSON


async def _zone_of(connection: AsyncConnection[Any], sent: NewRoom) -> str:
    """The zone of the resource to share, which is the room's too."""
    row = await (await connection.execute(SQL_ZONE, (sent.resource_id,))).fetchone()
    if row is None:
        raise invalid([FieldProblem("resource_id", "There is no such resource")])
    if sent.time_zone not in {UNSET, row[0]}:
        raise invalid([FieldProblem("time_zone", f"That resource's time zone is {row[0]}")])
    return str(row[0])


async def _one(connection: AsyncConnection[Any], sql: str, values: dict[str, Any]) -> tuple[Any, ...]:
    row = await (await connection.execute(sql.encode(), values)).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING of one row
    found: tuple[Any, ...] = row
    return found
