"""`/api/v1/drf/locations/`: where sessions take place, and their rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, ClassVar

import falcon.asgi
from msgspec import UNSET, Struct, UnsetType, convert
from msgspec.structs import replace

from api.contracts.changes import Problems, as_problems, sent_fields
from api.contracts.marketplace import examples
from api.contracts.marketplace.ownership import check_may_edit, not_found, owner_for
from api.contracts.marketplace.pagination import PageBody, Paged, page_fields
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import Problem, forbidden, invalid
from api.http.fields import Id, ServiceName, ZoneText, text
from api.http.forms import Rules
from api.http.parameters import read_query
from api.http.responses import respond
from api.installation import InstallationWatch
from api.openapi import Content, operation
from core.identity.principals import Principal
from core.settings import Settings
from core.store.catalogue import locations, resources
from core.store.catalogue.changes import NotFoundError, UnknownReferenceError, write
from core.store.catalogue.locations import OwnedLocation, RoomElsewhereError
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.text_forms import OPTIONAL_NAME
from core.wire.errors import FieldProblem

Address = Annotated[str, text(OPTIONAL_NAME, most=500)]

PROBLEMS: Problems = {
    NotFoundError: not_found,
    RoomElsewhereError: lambda: Problem(409, "room_elsewhere", "That room belongs to another location"),
    UnknownReferenceError: lambda: invalid([FieldProblem("resource_id", "There is no such room")]),
}


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
    """A new room by its name, or, from staff, a room's resource that exists."""

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
    def __init__(self, pool: Pool, settings: Settings, installation: InstallationWatch) -> None:
        self._pool = pool
        self._settings = settings
        self._installation = installation

    @operation("List locations", query=Paged, answers={200: LocationPage})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked, is_staff = read_query(req, Paged), req.context.principal.is_staff
        async with self._pool.connection() as connection:
            found, count = await locations.page(connection, hidden=is_staff, limit=asked.page_size, offset=asked.offset)
        body = page_fields(req, self._settings.public_url, asked, count, [_body(location) for location in found])
        respond(resp, LocationPage(**body))

    @operation("Make a location", body=Content(NewLocation, example=examples.NEW_LOCATION), answers={201: LocationBody})
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewLocation)
        zone = self._installation.zone_for(sent.time_zone)
        async with write(self._pool) as connection:
            owner_id = await owner_for(connection, req.context.principal)
            made = await locations.create(
                connection, name=sent.name, address=sent.address, zone=zone, owner_id=owner_id
            )
            await note_change(req, connection, "location.created", made.id, None, made, whose=made.owner_user_id)
        respond(resp, _body(made), 201)


class OneLocation:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Show a location", answers={200: LocationBody}, refuses=("not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, location_id: int) -> None:
        async with as_problems(PROBLEMS), self._pool.connection() as connection:
            location = await locations.one(connection, location_id)
        respond(resp, _body(location))

    @operation(
        "Change a location",
        body=Content(LocationChange, example=examples.LOCATION_CHANGE),
        answers={200: LocationBody},
        refuses=("not_found",),
    )
    async def on_patch(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, location_id: int) -> None:
        sent = await read_json(req, LocationChange)
        async with _changing(self._pool, location_id, req.context.principal) as (connection, present):
            after = await locations.change(connection, replace(present, **sent_fields(sent)))
            await _note(req, connection, present, after)
        respond(resp, _body(after))


class LocationRooms:
    """`POST .../rooms/`: another room."""

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
        principal: Principal = req.context.principal
        async with _changing(self._pool, location_id, principal) as (connection, location):
            resource_id = sent.resource_id
            if isinstance(resource_id, UnsetType):
                assert not isinstance(sent.name, UnsetType)  # noqa: S101 - one of the two was sent
                resource_id = await resources.add(connection, "room", sent.name, location.time_zone)
            elif not principal.is_staff:
                raise forbidden()
            after = await locations.add_room(connection, location_id, resource_id)
            await _note(req, connection, location, after)
        respond(resp, _body(after), 201)


class LocationRoom:
    """`DELETE .../rooms/{id}/`: no longer given to sessions; what is booked in it stays."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Close a room of a location", answers={200: LocationBody}, refuses=("not_found",))
    async def on_delete(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, location_id: int, room_id: int
    ) -> None:
        async with _changing(self._pool, location_id, req.context.principal) as (connection, present):
            after = await locations.close_room(connection, location_id, room_id)
            await _note(req, connection, present, after)
        respond(resp, _body(after))


@asynccontextmanager
async def _changing(
    pool: Pool, location_id: int, principal: Principal
) -> AsyncIterator[tuple[AsyncConnection, OwnedLocation]]:
    """A transaction that has locked a location that the caller may change. Raises Problem 403 or 404."""
    async with as_problems(PROBLEMS), write(pool) as connection:
        location = await locations.one(connection, location_id, locked=True)
        check_may_edit(principal, location.owner_user_id)
        yield connection, location


async def _note(
    req: falcon.asgi.Request, connection: AsyncConnection, before: OwnedLocation, after: OwnedLocation
) -> None:
    await note_change(req, connection, "location.changed", after.id, before, after, whose=after.owner_user_id)


def _body(location: OwnedLocation) -> LocationBody:
    return convert(location, LocationBody, from_attributes=True)
