"""`GET /api/rooms/` and `GET /api/rooms/{id}/`: public, and only rooms that can be booked (docs/contracts/rooms.md)."""

from __future__ import annotations

from typing import Any

import falcon.asgi
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from api.contracts.catalogue import Problems, as_problems
from api.contracts.rooms.room_fields import RoomShown, room_body
from api.http.errors import Problem
from api.http.parameters import LIMIT_MAX, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import operation
from core.store.catalogue import rooms
from core.store.catalogue.changes import NotFoundError


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
        async with as_problems(PROBLEMS), self._pool.connection() as connection:
            room = await rooms.one(connection, room_id)
        if not room.is_available:
            raise no_room()
        respond(resp, room_body(room))


async def list_rooms(
    pool: AsyncConnectionPool[Any], req: falcon.asgi.Request, resp: falcon.asgi.Response, *, only_available: bool
) -> None:
    asked = read_query(req, RoomsPage)
    async with pool.connection() as connection:
        found, total = await rooms.page(connection, asked.limit, asked.offset, only_available=only_available)
    respond(resp, RoomList(total, [room_body(room) for room in found]))


def no_room() -> Problem:
    return Problem(404, "room_not_found", "Room not found")


PROBLEMS: Problems = {NotFoundError: no_room}
