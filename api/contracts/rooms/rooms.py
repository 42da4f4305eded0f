"""`/api/rooms/`: rooms that can be booked. `/api/admin/rooms/`: staff manage all rooms (docs/contracts/rooms.md)."""

from __future__ import annotations

from collections.abc import Sequence

import falcon.asgi
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from api.contracts.changes import Problems, as_problems, check_unchanged, unknown_resource
from api.contracts.rooms.examples import ROOM
from api.contracts.rooms.room_fields import NewRoom, RoomChange, RoomShown, changed, room_body
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import Problem, invalid
from api.http.parameters import LIMIT_MAX, Limit, Offset, read_query
from api.http.responses import respond
from api.installation import InstallationWatch
from api.openapi import Content, operation
from api.reads.known_queries import read_known_query
from api.reads.public_reads import TAGGED, UNCHANGED, PublicReads
from core.store.catalogue import resources, rooms
from core.store.catalogue.changes import NotFoundError, write
from core.store.catalogue.rooms import RoomRow
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.store.reads.shared_reads import Found, Query
from core.wire.errors import FieldProblem
from core.wire.outcomes import encode


def no_room() -> Problem:
    return Problem(404, "room_not_found", "Room not found")


PROBLEMS: Problems = {NotFoundError: no_room}


class RoomsQuery(Struct, frozen=True):
    """By default as many as may be asked for: clients need not ask for pages."""

    limit: Limit = LIMIT_MAX
    offset: Offset = 0


class RoomList(Struct, frozen=True):
    count: int
    """The total."""
    rooms: list[RoomShown]


class RoomsRead(RoomsQuery, frozen=True):
    def queries(self) -> Sequence[Query]:
        return rooms.available_queries(self.limit, self.offset)

    def make(self, found: Found) -> bytes:
        page, total = rooms.available_page(found)
        return encode(RoomList(total, [room_body(room) for room in page]))


class RoomRead(Struct, frozen=True):
    room_id: int

    def queries(self) -> Sequence[Query]:
        return rooms.one_queries(self.room_id)

    def make(self, found: Found) -> bytes:
        room = rooms.one_available(found)
        if room is None:
            raise no_room()
        return encode(room_body(room))


class Rooms:
    def __init__(self, reads: PublicReads) -> None:
        self._reads = reads

    @operation(
        "List the rooms that can be booked",
        query=RoomsRead,
        answers={200: Content(RoomList, headers=TAGGED), 304: UNCHANGED},
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        await self._reads.answer(req, resp, read_known_query(req, RoomsRead))


class OneRoom:
    def __init__(self, reads: PublicReads) -> None:
        self._reads = reads

    @operation(
        "Read a room",
        answers={200: Content(RoomShown, headers=TAGGED), 304: UNCHANGED},
        refuses=("room_not_found",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, room_id: int) -> None:
        await self._reads.answer(req, resp, RoomRead(room_id))


class AdminRooms:
    def __init__(self, pool: Pool, installation: InstallationWatch) -> None:
        self._pool = pool
        self._installation = installation

    @operation("List all rooms", query=RoomsQuery, answers={200: RoomList})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """All rooms, those that cannot be booked too."""
        query = read_query(req, RoomsQuery)
        async with self._pool.connection() as connection:
            found, total = await rooms.page(connection, query.limit, query.offset)
        respond(resp, RoomList(total, [room_body(room) for room in found]))

    @operation("Create a room", body=Content(NewRoom, example=ROOM), answers={201: RoomShown})
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewRoom)
        currency = "usd" if sent.currency is UNSET else sent.currency
        room = changed(RoomRow(currency=currency), sent)
        async with write(self._pool) as connection:
            resource_id, zone = await self._resource(connection, sent)
            room = await rooms.create(connection, replace(room, resource_id=resource_id, zone=zone))
            await note_change(req, connection, "room.created", room.id, None, room)
        respond(resp, room_body(room), 201)

    async def _resource(self, connection: AsyncConnection, sent: NewRoom) -> tuple[int, str]:
        """The room's resource and its zone: a new one, or the one to share."""
        if isinstance(sent.resource_id, UnsetType):
            zone = self._installation.zone_for(sent.time_zone)
            return await resources.add(connection, "room", str(sent.name), zone), zone
        shared = await resources.zone_of(connection, sent.resource_id)
        if shared is None:
            raise unknown_resource()
        if sent.time_zone not in {UNSET, shared}:
            raise invalid([FieldProblem("time_zone", f"That resource's time zone is {shared}; send that one, or none")])
        return sent.resource_id, shared


class AdminRoom:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Read a room, available or not", answers={200: RoomShown}, refuses=("room_not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, room_id: int) -> None:
        async with as_problems(PROBLEMS), self._pool.connection() as connection:
            room = await rooms.one(connection, room_id)
        respond(resp, room_body(room))

    @operation(
        "Change a room",
        description="Only what is sent changes. Existing bookings keep their times and prices.",
        body=Content(RoomChange, example={"is_available": False}),
        answers={200: RoomShown},
        refuses=("room_not_found",),
    )
    async def on_put(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, room_id: int) -> None:
        sent = await read_json(req, RoomChange)
        async with as_problems(PROBLEMS), write(self._pool) as connection:
            present = await rooms.one(connection, room_id, locked=True)
            keeps = {"id": present.id, "currency": present.currency}
            check_unchanged(sent, keeps | {"time_zone": present.zone, "resource_id": present.resource_id})
            room = await rooms.change(connection, changed(present, sent))
            await note_change(req, connection, "room.changed", room_id, present, room)
        respond(resp, room_body(room))

    on_patch = on_put
