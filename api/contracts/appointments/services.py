"""`/api/services/` for everybody; `/api/admin/services/`: staff manage what is booked by name (docs/contracts/appointments.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import falcon.asgi
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from api.contracts.changes import Problems, as_problems, check_unchanged, name_taken, sent_fields, unknown_resource
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import Problem, invalid
from api.http.fields import (
    CURRENCY,
    CurrencyCode,
    Id,
    Notes,
    PriceMinor,
    ServiceName,
    ZoneText,
    price_problems,
)
from api.http.forms import Rules
from api.http.parameters import Paging, read_query
from api.http.responses import respond
from api.installation import InstallationWatch
from api.openapi import Content, operation
from api.reads.known_queries import read_known_query
from api.reads.public_reads import TAGGED, UNCHANGED, PublicReads
from core.domain.names import as_name
from core.store.catalogue import resources, services
from core.store.catalogue.changes import FullError, NameTakenError, NotFoundError, UnknownReferenceError, write
from core.store.catalogue.services import SERVICES_MAX, NamedService, Service
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.store.reads.shared_reads import Found, Query
from core.wire.answers import Done, Listed
from core.wire.errors import FieldProblem
from core.wire.outcomes import encode

Minutes = Annotated[int, Meta(ge=1, le=1440)]
EXAMPLE = {"name": "Massage", "duration_minutes": 45, "price_cents": 6000, "own_resource": True}

PROBLEMS: Problems = {
    NotFoundError: lambda: Problem(404, "service_not_found", "Service not found"),
    NameTakenError: name_taken("service_exists", "Another service has this name"),
    UnknownReferenceError: unknown_resource,
    FullError: lambda: Problem(409, "too_many_services", f"There may be {SERVICES_MAX} services at most"),
}


def _one_resource(body: NewNamedService) -> Iterator[FieldProblem]:
    if body.own_resource and body.resource_id is not None:
        yield FieldProblem("resource_id", "A service has its own resource or shares one, not both")


def _zone_of_its_own(body: NewNamedService) -> Iterator[FieldProblem]:
    if body.time_zone is not None and not body.own_resource:
        yield FieldProblem("time_zone", "A shared resource keeps its own time zone")


def _price(body: NewNamedService) -> Iterator[FieldProblem]:
    if CURRENCY.read(body.currency):
        yield from price_problems("price_cents", body.price_cents, body.currency, is_whole=False)


class NewNamedService(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At the desk, unless it shares another resource (`resource_id`) or has its own (`own_resource`)."""

    name: ServiceName
    description: Notes = ""
    duration_minutes: Minutes | None = None
    """By default that of the settings."""
    price_cents: PriceMinor = 0
    currency: CurrencyCode = "usd"
    resource_id: Id | None = None
    own_resource: bool = False
    time_zone: ZoneText | None = None
    """IANA, for its own resource; by default the installation's."""

    json_schema: ClassVar[Mapping[str, Any]] = {
        "anyOf": [
            {
                "properties": {"time_zone": {"type": "null"}},
                "not": {"properties": {"own_resource": {"const": True}}, "required": ["own_resource"]},
            },
            {
                "properties": {"resource_id": {"type": "null"}, "own_resource": {"const": True}},
                "required": ["own_resource"],
            },
        ]
    }
    rules: ClassVar[Rules] = (_one_resource, _zone_of_its_own, _price)


class NamedServiceChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Only what is sent changes; read-only fields may be sent back as they are. Existing bookings stay as they are."""

    name: ServiceName | UnsetType = UNSET
    description: Notes | UnsetType = UNSET
    duration_minutes: Minutes | UnsetType | None = UNSET
    price_cents: PriceMinor | UnsetType = UNSET
    resource_id: Id | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    id: Any = UNSET
    currency: Any = UNSET
    resource_kind: Any = UNSET
    time_zone: Any = UNSET


READ_ONLY = ("id", "currency", "resource_kind", "time_zone")


class NamedServiceShown(Done, frozen=True, kw_only=True):
    data: NamedService


class NamedServiceList(Listed[NamedService], frozen=True, kw_only=True):
    message: str = "Services retrieved successfully"


class AdminServices:
    def __init__(self, pool: Pool, installation: InstallationWatch) -> None:
        self._pool = pool
        self._installation = installation

    @operation("List services with their resources", query=Paging, answers={200: NamedServiceList})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        page = read_query(req, Paging)
        async with self._pool.connection() as connection:
            found, total = await services.page(connection, page.limit, page.offset)
        respond(resp, NamedServiceList(data=found, total_count=total, limit=page.limit, offset=page.offset))

    @operation(
        "Create a service",
        description="Services of one resource take each other's time, whatever their names.",
        body=Content(NewNamedService, example=EXAMPLE),
        answers={201: NamedServiceShown},
        refuses=("service_exists", "too_many_services"),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewNamedService)
        async with as_problems(PROBLEMS), write(self._pool) as connection:
            service = await services.create(
                connection,
                name=sent.name,
                description=sent.description,
                duration_minutes=sent.duration_minutes,
                price_cents=sent.price_cents,
                currency=sent.currency,
                resource_id=await self._resource_id(connection, sent),
            )
            await note_change(req, connection, "service.created", service.id, None, service)
        respond(resp, NamedServiceShown(message="Service created successfully", data=service), 201)

    async def _resource_id(self, connection: AsyncConnection, sent: NewNamedService) -> int:
        if sent.own_resource:
            zone = self._installation.zone_for(sent.time_zone)
            return await resources.add(connection, "service", as_name(sent.name), zone)
        return sent.resource_id or await resources.desk_id(connection)


class AdminService:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Read a service", answers={200: NamedServiceShown}, refuses=("service_not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, service_id: int) -> None:
        async with as_problems(PROBLEMS), self._pool.connection() as connection:
            service = await services.one(connection, service_id)
        respond(resp, NamedServiceShown(message="Service retrieved successfully", data=service))

    @operation(
        "Change a service",
        description="Only what is sent changes. Existing bookings keep their name, resource and duration.",
        body=Content(NamedServiceChange, example={"duration_minutes": 30}),
        answers={200: NamedServiceShown},
        refuses=("service_not_found", "service_exists"),
    )
    async def on_put(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, service_id: int) -> None:
        sent = await read_json(req, NamedServiceChange)
        service = await self._change(req, service_id, sent)
        respond(resp, NamedServiceShown(message="Service updated successfully", data=service))

    @operation(
        "Take a service off the list",
        description="A booking by its name is then refused (409 `service_inactive`). PUT `is_active` brings it back.",
        answers={200: NamedServiceShown},
        refuses=("service_not_found",),
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, service_id: int) -> None:
        service = await self._change(req, service_id, NamedServiceChange(is_active=False))
        respond(resp, NamedServiceShown(message="Service deactivated", data=service))

    async def _change(self, req: falcon.asgi.Request, service_id: int, sent: NamedServiceChange) -> NamedService:
        async with as_problems(PROBLEMS), write(self._pool) as connection:
            present = await services.one(connection, service_id, locked=True)
            after = await services.change(connection, _changed(present, sent))
            await note_change(req, connection, "service.changed", service_id, present, after)
            return after


def _changed(present: NamedService, sent: NamedServiceChange) -> NamedService:
    """The service after the change. Raises Problem 400 for a change that cannot be made."""
    check_unchanged(sent, {name: getattr(present, name) for name in READ_ONLY})
    after = replace(present, **sent_fields(sent, but=READ_ONLY))
    if after.price_cents != present.price_cents:  # a price that an older release accepted may stay
        problems = list(price_problems("price_cents", after.price_cents, present.currency, is_whole=False))
        if problems:
            raise invalid(problems)
    return after if after.name == present.name else replace(after, name=as_name(after.name))


class ServiceList(Listed[Service], frozen=True, kw_only=True):
    message: str = "Services retrieved successfully"


class ServicesRead(Paging, frozen=True):
    def queries(self) -> Sequence[Query]:
        return services.bookable_queries(self.limit, self.offset)

    def make(self, found: Found) -> bytes:
        data, total = services.bookable_page(found)
        return encode(ServiceList(data=data, total_count=total, limit=self.limit, offset=self.offset))


class Services:
    def __init__(self, reads: PublicReads) -> None:
        self._reads = reads

    @operation(
        "List what can be booked by name",
        query=ServicesRead,
        answers={200: Content(ServiceList, headers=TAGGED), 304: UNCHANGED},
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        await self._reads.answer(req, resp, read_known_query(req, ServicesRead))
