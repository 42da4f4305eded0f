"""`GET /api/rooms/` and `GET /api/rooms/{id}/`: public, and only rooms that can be booked (rooms.md, 1)."""

from __future__ import annotations

from typing import Any

import falcon.asgi
from psycopg_pool import AsyncConnectionPool

from api.contracts.rooms.catalogue import COLUMNS, SQL_ROOM, RoomRow, room_body
from api.errors import Problem
from api.queries import LIMIT_MAX, OFFSET_MAX, Query
from core.wire.outcomes import encode

SQL_ROOMS = f"""
SELECT {COLUMNS} FROM room m JOIN resource r ON r.id = m.resource_id
WHERE m.is_available OR NOT %(only_available)s ORDER BY m.id LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT = "SELECT count(*) FROM room m WHERE m.is_available OR NOT %(only_available)s"


class Rooms:
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        await list_rooms(self._pool, req, resp, only_available=True)


class OneRoom:
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, room_id: int) -> None:
        Query(req).check()
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SQL_ROOM, (room_id,))).fetchone()
        if row is None or not (room := RoomRow(*row)).is_available:
            raise no_room()
        resp.data = encode(room_body(room))
        resp.content_type = falcon.MEDIA_JSON


async def list_rooms(
    pool: AsyncConnectionPool[Any], req: falcon.asgi.Request, resp: falcon.asgi.Response, *, only_available: bool
) -> None:
    """`count` is the total; a page has as many as it may unless told otherwise, as the document knows no pages."""
    query = Query(req)
    limit, offset = query.whole("limit", LIMIT_MAX, 1, LIMIT_MAX), query.whole("offset", 0, 0, OFFSET_MAX)
    query.check()
    wanted = {"only_available": only_available, "limit": limit, "offset": offset}
    async with pool.connection() as connection:
        rows = await (await connection.execute(SQL_ROOMS, wanted)).fetchall()
        total = (await (await connection.execute(SQL_COUNT, wanted)).fetchone() or (0,))[0]
    resp.data = encode({"count": total, "rooms": [room_body(RoomRow(*row)) for row in rows]})
    resp.content_type = falcon.MEDIA_JSON


def no_room() -> Problem:
    return Problem(404, "room_not_found", "Room not found")
