"""`/api/v1/drf/locations/`: where sessions are given, and their rooms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import falcon.asgi
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.contracts.marketplace import examples
from api.contracts.marketplace.fields import forbidden, given, not_found
from api.contracts.marketplace.pagination import COUNT_LIMIT, PageBody, Paged, page_fields, write
from api.http.bodies import read_json
from api.http.errors import Problem, invalid
from api.http.fields import ZONE, Id, ServiceName, ZoneText, text
from api.http.forms import Rules
from api.http.parameters import read_query
from api.openapi import Content, operation
from core.identity.principals import Principal
from core.settings import Settings
from core.text_forms import OPTIONAL_NAME
from core.wire.errors import FieldProblem

Pool = AsyncConnectionPool[Any]
Address = Annotated[str, text(OPTIONAL_NAME, most=500)]

COLUMNS = """l.id, l.name, l.address, l.zone, l.owner_id, l.is_active, p.user_id,
       coalesce((SELECT json_agg(json_build_object('id', r.id, 'name', r.name) ORDER BY r.id)
        FROM location_room lr JOIN resource r ON r.id = lr.resource_id
        WHERE lr.location_id = l.id AND lr.is_active), '[]')"""
SQL_LIST = f"""
SELECT {COLUMNS} FROM location l LEFT JOIN practitioner p ON p.id = l.owner_id
WHERE l.is_active OR %(hidden)s ORDER BY l.id LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT = f"SELECT count(*) FROM (SELECT FROM location WHERE is_active OR %(hidden)s LIMIT {COUNT_LIMIT}) AS found"
SQL_ONE = f"SELECT {COLUMNS} FROM location l LEFT JOIN practitioner p ON p.id = l.owner_id WHERE l.id = %s"
SQL_OWNER = "SELECT id FROM practitioner WHERE user_id = %s"
SQL_INSERT = "INSERT INTO location (name, address, zone, owner_id) VALUES (%s, %s, %s, %s) RETURNING id"
SQL_UPDATE = "UPDATE location SET name = %(name)s, address = %(address)s, is_active = %(is_active)s WHERE id = %(id)s"
SQL_ROOM_RESOURCE = "INSERT INTO resource (kind, name, zone) VALUES ('room', %s, %s) RETURNING id"
SQL_IS_ROOM = "SELECT EXISTS (SELECT FROM resource WHERE id = %s AND kind = 'room')"
SQL_ADD_ROOM = """
INSERT INTO location_room (resource_id, location_id) VALUES (%s, %s)
ON CONFLICT (resource_id) DO UPDATE SET is_active = true WHERE location_room.location_id = excluded.location_id
RETURNING resource_id
"""
SQL_CLOSE_ROOM = """
UPDATE location_room SET is_active = false WHERE location_id = %s AND resource_id = %s AND is_active RETURNING resource_id
"""


class LocationChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Only what is sent changes."""

    name: ServiceName | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class NewLocation(Struct, frozen=True, forbid_unknown_fields=True):
    """A practitioner's own location, or the house's where staff make it."""

    name: ServiceName
    address: Address = ""
    time_zone: ZoneText | UnsetType = UNSET


def _new_or_there(body: NewLocationRoom) -> Iterator[FieldProblem]:
    if (body.name is UNSET) == (body.resource_id is UNSET):
        for name in ("name", "resource_id"):
            yield FieldProblem(name, "Send exactly one of name and resource_id")


class NewLocationRoom(Struct, frozen=True, forbid_unknown_fields=True):
    """A new room by its name, or, from staff, a room's resource that is there already."""

    name: ServiceName | UnsetType = UNSET
    resource_id: Id | UnsetType = UNSET

    json_schema: ClassVar[Mapping[str, Any]] = {"oneOf": [{"required": ["name"]}, {"required": ["resource_id"]}]}
    rules: ClassVar[Rules] = (_new_or_there,)


class LocationRoomName(Struct, frozen=True):
    id: int
    name: str


class LocationBody(Struct, frozen=True):
    id: int
    name: str
    address: str
    time_zone: str
    owner_id: int | None
    """The practitioner who keeps it; None is the house."""
    rooms: list[LocationRoomName]
    """Sessions here take a free one; without any they need none."""
    is_active: bool


class LocationPage(PageBody, frozen=True, kw_only=True):
    results: list[LocationBody]


class Locations:
    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings

    @operation("List locations", query=Paged, answers={200: LocationPage})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, Paged)
        wanted = {"hidden": req.context.principal.is_staff, "limit": asked.page_size, "offset": asked.offset}
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(SQL_LIST, wanted)).fetchall()
            count = (await (await connection.execute(SQL_COUNT, wanted)).fetchone() or (0,))[0]
        body = page_fields(req, self._settings.public_url, asked, count, [location_body(row) for row in rows])
        write(resp, LocationPage(**body))

    @operation("Make a location", body=Content(NewLocation, example=examples.NEW_LOCATION), answers={201: LocationBody})
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewLocation)
        zone = self._settings.time_zone if sent.time_zone is UNSET else ZONE(sent.time_zone)
        async with self._pool.connection() as connection, connection.transaction():
            owner_id = await owner_for(connection, req.context.principal)
            made = await connection.execute(SQL_INSERT, (sent.name, sent.address, zone, owner_id))
            row = await (await connection.execute(SQL_ONE, await made.fetchone())).fetchone()
        write(resp, location_body(row or ()), 201)


class OneLocation:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Show a location", answers={200: LocationBody}, refuses=("not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, location_id: int) -> None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SQL_ONE, (location_id,))).fetchone()
        if row is None:
            raise not_found()
        write(resp, location_body(row))

    @operation(
        "Change a location",
        body=Content(LocationChange, example=examples.LOCATION_CHANGE),
        answers={200: LocationBody},
        refuses=("not_found",),
    )
    async def on_patch(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, location_id: int) -> None:
        sent = await read_json(req, LocationChange)
        async with self._pool.connection() as connection, connection.transaction():
            present = location_body(await _kept(connection, location_id, req.context.principal))
            await connection.execute(SQL_UPDATE, {**asdict(present), **given(sent)})
            row = await (await connection.execute(SQL_ONE, (location_id,))).fetchone()
        write(resp, location_body(row or ()))


class LocationRooms:
    """`POST .../rooms/`: a room more."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "Give a location a room",
        body=Content(NewLocationRoom, example=examples.NEW_ROOM),
        answers={201: LocationBody},
        refuses=("not_found", "room_elsewhere"),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, location_id: int) -> None:
        sent = await read_json(req, NewLocationRoom)
        async with self._pool.connection() as connection, connection.transaction():
            zone = (await _kept(connection, location_id, req.context.principal))[3]
            resource_id = await _resource(connection, sent, zone, req.context.principal)
            added = await (await connection.execute(SQL_ADD_ROOM, (resource_id, location_id))).fetchone()
            if added is None:
                raise Problem(409, "room_elsewhere", "That room belongs to another location")
            row = await (await connection.execute(SQL_ONE, (location_id,))).fetchone()
        write(resp, location_body(row or ()), 201)


class LocationRoom:
    """`DELETE .../rooms/{id}/`: no longer given; what is booked in it stays."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Close a room of a location", answers={200: LocationBody}, refuses=("not_found",))
    async def on_delete(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, location_id: int, room_id: int
    ) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            await _kept(connection, location_id, req.context.principal)
            closed = await (await connection.execute(SQL_CLOSE_ROOM, (location_id, room_id))).fetchone()
            if closed is None:
                raise not_found()
            row = await (await connection.execute(SQL_ONE, (location_id,))).fetchone()
        write(resp, location_body(row or ()))


def location_body(row: tuple[Any, ...]) -> LocationBody:
    id_, name, address, zone, owner_id, is_active, _, rooms = row
    return LocationBody(id_, name, address, zone, owner_id, [LocationRoomName(**room) for room in rooms], is_active)


async def owner_for(connection: AsyncConnection[Any], principal: Principal) -> int | None:
    """Who keeps what a caller makes: the practitioner they are; None, the house, for staff who are none."""
    row = await (await connection.execute(SQL_OWNER, (principal.user_id,))).fetchone()
    if row is None and not principal.is_staff:
        raise forbidden()
    return None if row is None else int(row[0])


async def _kept(connection: AsyncConnection[Any], location_id: int, principal: Principal) -> tuple[Any, ...]:
    """A location that the caller may change, locked."""
    row = await (await connection.execute(f"{SQL_ONE} FOR UPDATE OF l", (location_id,))).fetchone()
    if row is None:
        raise not_found()
    if not principal.is_staff and (row[6] is None or row[6] != principal.user_id):
        raise forbidden()
    found: tuple[Any, ...] = row
    return found


async def _resource(connection: AsyncConnection[Any], sent: NewLocationRoom, zone: str, principal: Principal) -> int:
    if sent.name is not UNSET:
        made = await (await connection.execute(SQL_ROOM_RESOURCE, (sent.name, zone))).fetchone()
        assert made is not None  # noqa: S101 - INSERT ... RETURNING of one row
        return int(made[0])
    if not principal.is_staff:
        raise forbidden()
    row = await (await connection.execute(SQL_IS_ROOM, (sent.resource_id,))).fetchone()
    if row is None or not row[0]:
        raise invalid([FieldProblem("resource_id", "There is no such room")])
    return int(sent.resource_id)  # type: ignore[arg-type]  # one of the two was sent
