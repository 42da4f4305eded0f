"""`/api/admin/services/`: staff keep what is booked by name. The catalogue is no command: plain transactions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import falcon.asgi
import psycopg
from msgspec import UNSET, Meta, Struct, UnsetType
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from api.http.bodies import read_json
from api.http.errors import Problem, invalid
from api.http.fields import (
    CURRENCY,
    ID_MAX,
    ZONE,
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
from api.openapi import Content, operation
from core.domain.names import as_name, folded
from core.settings import Settings
from core.wire.answers import Done, Listed
from core.wire.errors import FieldProblem
from core.wire.outcomes import encode

SERVICES_MAX = 10_000

Pool = AsyncConnectionPool[Any]
Minutes = Annotated[int, Meta(ge=1, le=1440)]
EXAMPLE = {"name": "Massage", "duration_minutes": 45, "price_cents": 6000, "own_resource": True}

_COLUMNS = """s.id, s.name, s.description, s.duration_minutes, s.price_cents, s.currency, s.is_active, r.id, r.kind, r.zone
FROM service s JOIN resource r ON r.id = s.resource_id WHERE s.is_named"""
SQL_LIST = f"SELECT {_COLUMNS} ORDER BY s.name, s.id LIMIT %s OFFSET %s"
SQL_COUNT = "SELECT count(*) FROM service WHERE is_named"
SQL_ONE = f"SELECT {_COLUMNS} AND s.id = %s"
SQL_DESK = "SELECT id FROM resource WHERE kind = 'desk'"
SQL_RESOURCE = "INSERT INTO resource (kind, name, zone) VALUES ('service', %s, %s) RETURNING id"
SQL_INSERT = """
INSERT INTO service (name, name_key, description, resource_id, duration_minutes, price_cents, currency)
VALUES (%(name)s, %(key)s, %(description)s, %(resource_id)s, %(duration_minutes)s, %(price_cents)s, %(currency)s)
RETURNING id
"""
SQL_UPDATE = """
UPDATE service SET name = %(name)s, name_key = CASE WHEN name = %(name)s THEN name_key ELSE %(key)s END,
       description = %(description)s, resource_id = %(resource_id)s, duration_minutes = %(duration_minutes)s,
       price_cents = %(price_cents)s, is_active = %(is_active)s
WHERE id = %(id)s
"""
"""A name that stays keeps its key: of two that are one by today's rule, which releases before 0033 let in, each can
still be changed and taken off the list."""


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
    """The settings' unless given."""
    price_cents: PriceMinor = 0
    currency: CurrencyCode = "usd"
    resource_id: Id | None = None
    own_resource: bool = False
    time_zone: ZoneText | None = None
    """IANA, of its own resource; the setting's unless given."""

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
    """Only what is sent changes; the read-only fields may be sent back as they are. What is booked stays as it is."""

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


class NamedService(Struct, frozen=True):
    """A service as staff see it. `duration_minutes` null is the settings'."""

    id: int
    name: str
    description: str
    duration_minutes: int | None
    price_cents: int
    currency: str
    is_active: bool
    resource_id: int
    resource_kind: str
    time_zone: str


class NamedServiceShown(Done, frozen=True, kw_only=True):
    data: NamedService


class NamedServiceList(Listed[NamedService], frozen=True, kw_only=True):
    message: str = "Services retrieved successfully"


class AdminServices:
    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._zone = settings.time_zone

    @operation("List services with their resources", query=Paging, answers={200: NamedServiceList})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        page = read_query(req, Paging)
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(SQL_LIST, (page.limit, page.offset))).fetchall()
            (total,) = await _one(connection, SQL_COUNT)
        data = [NamedService(*row) for row in rows]
        resp.data = encode(NamedServiceList(data=data, total_count=total, limit=page.limit, offset=page.offset))
        resp.content_type = falcon.MEDIA_JSON

    @operation(
        "Create a service",
        description="Services of one resource take each other's time, whatever their names.",
        body=Content(NewNamedService, example=EXAMPLE),
        answers={201: NamedServiceShown},
        refuses=("service_exists", "too_many_services"),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewNamedService)
        async with self._pool.connection() as connection:
            made = await _writing(self._made, connection, sent)
        resp.status = 201
        _say(resp, "Service created successfully", made)

    async def _made(self, connection: AsyncConnection[Any], sent: NewNamedService) -> NamedService:
        if (await _one(connection, SQL_COUNT))[0] >= SERVICES_MAX:
            raise Problem(409, "too_many_services", f"There may be {SERVICES_MAX} services at most")
        values = {
            "name": as_name(sent.name),
            "key": folded(sent.name),
            "description": sent.description,
            "resource_id": await self._resource(connection, sent),
            "duration_minutes": sent.duration_minutes,
            "price_cents": sent.price_cents,
            "currency": sent.currency,
        }
        (id_,) = await _one(connection, SQL_INSERT, values)
        return NamedService(*await _one(connection, SQL_ONE, (id_,)))

    async def _resource(self, connection: AsyncConnection[Any], sent: NewNamedService) -> int:
        if sent.own_resource:
            zone = self._zone if sent.time_zone is None else ZONE(sent.time_zone)
            return int((await _one(connection, SQL_RESOURCE, (as_name(sent.name), zone)))[0])
        return sent.resource_id or int((await _one(connection, SQL_DESK))[0])


class AdminService:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Read a service", answers={200: NamedServiceShown}, refuses=("service_not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, service_id: int) -> None:
        async with self._pool.connection() as connection:
            _say(resp, "Service retrieved successfully", await _read(connection, service_id))

    @operation(
        "Change a service",
        description="Only what is sent changes. What is booked already keeps its name, resource and duration.",
        body=Content(NamedServiceChange, example={"duration_minutes": 30}),
        answers={200: NamedServiceShown},
        refuses=("service_not_found", "service_exists"),
    )
    async def on_put(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, service_id: int) -> None:
        sent = await read_json(req, NamedServiceChange)
        async with self._pool.connection() as connection:
            changed = await _writing(_changed, connection, service_id, sent)
        _say(resp, "Service updated successfully", changed)

    @operation(
        "Take a service off the list",
        description="A booking by its name is then refused (409 `service_inactive`). PUT `is_active` brings it back.",
        answers={200: NamedServiceShown},
        refuses=("service_not_found",),
    )
    async def on_delete(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, service_id: int) -> None:
        async with self._pool.connection() as connection:
            changed = await _writing(_changed, connection, service_id, NamedServiceChange(is_active=False))
        _say(resp, "Service deactivated", changed)


def _say(resp: falcon.asgi.Response, message: str, service: NamedService) -> None:
    resp.data = encode(NamedServiceShown(message=message, data=service))
    resp.content_type = falcon.MEDIA_JSON


async def _read(connection: AsyncConnection[Any], service_id: int, lock: str = "") -> NamedService:
    row = None
    if service_id <= ID_MAX:
        row = await (await connection.execute(f"{SQL_ONE} {lock}".encode(), (service_id,))).fetchone()
    if row is None:
        raise Problem(404, "service_not_found", "Service not found")
    return NamedService(*row)


async def _changed(connection: AsyncConnection[Any], service_id: int, sent: NamedServiceChange) -> NamedService:
    present = await _read(connection, service_id, "FOR UPDATE OF s")
    moved = [name for name in READ_ONLY if getattr(sent, name) not in (UNSET, getattr(present, name))]
    if moved:
        raise invalid([FieldProblem(name, f"{name} cannot be changed") for name in moved])
    price_minor = _or(sent.price_cents, present.price_cents)
    problems = list(price_problems("price_cents", price_minor, present.currency, is_whole=False))
    if problems and price_minor != present.price_cents:
        raise invalid(problems)
    names = ("name", "description", "duration_minutes", "price_cents", "resource_id", "is_active")
    values = {name: _or(getattr(sent, name), getattr(present, name)) for name in names}
    values["name"] = values["name"] if values["name"] == present.name else as_name(values["name"])
    await connection.execute(SQL_UPDATE, {**values, "id": service_id, "key": folded(values["name"])})
    return await _read(connection, service_id)


def _or(sent: Any, present: Any) -> Any:
    return present if sent is UNSET else sent


async def _writing(act: Any, connection: AsyncConnection[Any], *arguments: Any) -> NamedService:
    """In one transaction. What the database refuses is the caller's to mend."""
    try:
        async with connection.transaction():
            made: NamedService = await act(connection, *arguments)
    except psycopg.errors.UniqueViolation:
        words = "Another service has this name"
        raise Problem(409, "service_exists", words, [FieldProblem("name", words)]) from None
    except psycopg.errors.ForeignKeyViolation:
        raise invalid([FieldProblem("resource_id", "There is no such resource")]) from None
    return made


async def _one(connection: AsyncConnection[Any], statement: str, values: Any = None) -> tuple[Any, ...]:
    row = await (await connection.execute(statement.encode(), values)).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING, count, the desk, or what was just written
    found: tuple[Any, ...] = row
    return found
