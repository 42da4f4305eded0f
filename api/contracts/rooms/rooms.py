"""`GET /api/rooms/` and `GET /api/rooms/{id}/`: public, and only rooms that can be booked (rooms.md, 1)."""

from __future__ import annotations

from typing import Any

import falcon.asgi
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from api.contracts.rooms.room_fields import COLUMNS, SQL_ROOM, RoomRow, RoomShown, room_body
from api.http.errors import Problem
from api.http.parameters import LIMIT_MAX, Limit, Offset, read_query
from api.openapi import operation
from core.wire.outcomes import encode

SQL_ROOMS = f"""
SELECT {COLUMNS} FROM room m JOIN resource r ON r.id = m.resource_id
WHERE m.is_available OR NOT %(only_available)s ORDER BY m.id LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT = "SELECT count(*) FROM room m WHERE m.is_available OR NOT %(only_available)s"


class RoomsPage(Struct, frozen=True):
    """As many as it may unless told otherwise: the document knows no pages."""

    limit: Limit = LIMIT_MAX
    offset: Offset = 0


class RoomList(Struct, frozen=True):
    count: int
    """The total."""
    rooms: list[RoomShown]


class Rooms:
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @operation("List the rooms that can be booked", query=RoomsPage, answers={200: RoomList})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        await list_rooms(self._pool, req, resp, only_available=True)


class OneRoom:
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @operation("Read a room", answers={200: RoomShown}, refuses=("room_not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, room_id: int) -> None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SQL_ROOM, (room_id,))).fetchone()
        if row is None or not (room := RoomRow(*row)).is_available:
            raise no_room()
        resp.data = encode(room_body(room))
        resp.content_type = falcon.MEDIA_JSON


async def list_rooms(
    pool: AsyncConnectionPool[Any], req: falcon.asgi.Request, resp: falcon.asgi.Response, *, only_available: bool
) -> None:
    asked = read_query(req, RoomsPage)
    wanted = {"only_available": only_available, "limit": asked.limit, "offset": asked.offset}
    async with pool.connection() as connection:
        rows = await (await connection.execute(SQL_ROOMS, wanted)).fetchall()
        total = (await (await connection.execute(SQL_COUNT, wanted)).fetchone() or (0,))[0]
    resp.data = encode(RoomList(total, [room_body(RoomRow(*row)) for row in rows]))
    resp.content_type = falcon.MEDIA_JSON


def no_room() -> Problem:
    return Problem(404, "room_not_found", "Room not found")
