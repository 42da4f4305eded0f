"""Services that are booked by name: as they are listed, as staff keep them, and as a batch needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from core.domain import values
from core.domain.names import as_name, folded
from core.domain.needs import Needs
from core.domain.resources.service_names import COMPARED_MAX, NearestNames, check_bookable
from core.domain.state import State
from core.domain.values import Policy
from core.store.catalogue.changes import SQL_SET_NAME, check_not_full, read_one
from core.store.connections.database import AsyncConnection
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.queries import fetch_all, fetch_one, fetch_page
from core.store.connections.round_trip import Rows
from core.store.reads.shared_reads import Found, Query
from core.store.sql.parameters import TEXTS, texts_of

SERVICES_MAX = 10_000

_COLUMNS = """s.id, s.name, s.description, s.duration_minutes, s.price_cents, s.currency, s.is_active, r.id, r.kind, r.zone
FROM service s JOIN resource r ON r.id = s.resource_id WHERE s.is_named"""
SQL_PAGE = f"SELECT {_COLUMNS} ORDER BY s.name, s.id LIMIT %(limit)s OFFSET %(offset)s"
SQL_COUNT = "SELECT count(*) FROM service WHERE is_named"
SQL_ONE = f"SELECT {_COLUMNS} AND s.id = %s"
SQL_LOCK = f"{SQL_ONE} FOR UPDATE OF s"
SQL_BOOKABLE = """
SELECT s.id, s.name, s.description, coalesce(s.duration_minutes, b.duration_minutes), s.price_cents, s.currency
FROM service s LEFT JOIN booking_settings b ON true
WHERE s.is_active AND s.is_named ORDER BY s.name, s.id LIMIT %s OFFSET %s
"""
SQL_COUNT_BOOKABLE = "SELECT count(*) FROM service WHERE is_active AND is_named"
SQL_INSERT = """
INSERT INTO service (name, name_key, description, resource_id, duration_minutes, price_cents, currency)
VALUES (%(name)s, %(name_key)s, %(description)s, %(resource_id)s, %(duration_minutes)s, %(price_cents)s, %(currency)s)
RETURNING id
"""
SQL_UPDATE = f"""
UPDATE service SET {SQL_SET_NAME}, description = %(description)s,
       resource_id = %(resource_id)s, duration_minutes = %(duration_minutes)s, price_cents = %(price_cents)s,
       is_active = %(is_active)s
WHERE id = %(id)s
"""
SQL_BY_NAME = f"""
SELECT s.name_folded, r.id, r.kind, r.name, r.zone, s.id, s.name, s.resource_id, s.duration_minutes, s.is_active
FROM service s JOIN resource r ON r.id = s.resource_id WHERE s.name_folded = ANY({TEXTS}) AND s.is_named
ORDER BY s.is_active, s.id DESC
"""
# Of several with the same name, which older releases let in, the last one counts: the oldest that is active.
SQL_NAMES = f"SELECT name FROM service WHERE is_named AND is_active ORDER BY id LIMIT {COMPARED_MAX}"


class Service(Struct, frozen=True):
    id: int
    name: str
    description: str
    duration_minutes: int | None
    price_cents: int | None
    currency: str


class NamedService(Struct, frozen=True):
    """A service as staff see it. Without `duration_minutes` it has that of the settings."""

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


def bookable_queries(limit: int, offset: int) -> Sequence[Query]:
    """One page of the services that can be booked, by name, and how many there are."""
    return (SQL_BOOKABLE, (limit, offset)), (SQL_COUNT_BOOKABLE, ())


def bookable_page(found: Found) -> tuple[list[Service], int]:
    """What `bookable_queries` found. Durations are the settings' by default."""
    ((total,),) = found.rows(1)
    return [Service(*row) for row in found.rows(0)], total


async def page(connection: AsyncConnection, limit: int, offset: int) -> tuple[list[NamedService], int]:
    """All services by name, and how many there are."""
    rows, total = await fetch_page(connection, SQL_PAGE, SQL_COUNT, {"limit": limit, "offset": offset})
    return [NamedService(*row) for row in rows], total


async def one(connection: AsyncConnection, service_id: int, *, locked: bool = False) -> NamedService:
    """Raises NotFoundError."""
    return NamedService(*await read_one(connection, SQL_LOCK if locked else SQL_ONE, (service_id,)))


async def create(
    connection: AsyncConnection,
    *,
    name: str,
    description: str,
    duration_minutes: int | None,
    price_cents: int,
    currency: str,
    resource_id: int,
) -> NamedService:
    """Raises FullError. The transaction raises NameTakenError, and UnknownReferenceError for the resource."""
    await check_not_full(connection, SQL_COUNT, SERVICES_MAX)
    columns = {
        "name": as_name(name),
        "name_key": folded(name),
        "description": description,
        "resource_id": resource_id,
        "duration_minutes": duration_minutes,
        "price_cents": price_cents,
        "currency": currency,
    }
    (id_,) = await fetch_one(connection, SQL_INSERT, columns)
    return await one(connection, id_)


async def change(connection: AsyncConnection, after: NamedService) -> NamedService:
    """Update a locked service. The transaction raises as in `create`."""
    await connection.execute(SQL_UPDATE, {**asdict(after), "name_key": folded(after.name)})
    return await one(connection, after.id)


async def resource_named(connection: AsyncConnection, service_name: str, policy: Policy) -> int | None:
    """The resource of a service, by name; None is the desk. Raises Refused."""
    rows = await fetch_all(connection, SQL_BY_NAME, (texts_of([folded(service_name)]),))
    service = service_of(rows[-1])[1] if rows else None
    check_bookable(service, service_name, policy, await nearest_names(connection, service, policy))
    return service.resource_id if service else None


async def nearest_names(connection: AsyncConnection, service: values.Service | None, policy: Policy) -> NearestNames:
    """The names that a refusal suggests; none are read if nothing will be refused."""
    if service is not None or policy.books_unknown_services:
        return NearestNames()
    return NearestNames(row[0] for row in await fetch_all(connection, SQL_NAMES))


def ask_services(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    def store_services(rows: Rows) -> None:
        for row in rows:
            name, service, resource = service_of(row)
            state.services[name] = service
            state.resources[resource.id] = resource

    if needs.services:
        pipeline.ask(SQL_BY_NAME, (texts_of(needs.services),), store_services)


def ask_nearest_names(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    """Only if a name will be refused."""

    def store_names(rows: Rows) -> None:
        state.near = NearestNames(row[0] for row in rows)

    if not state.policy.books_unknown_services and not needs.services <= state.services.keys():
        pipeline.ask(SQL_NAMES, None, store_names)


def service_of(row: tuple[Any, ...]) -> tuple[str, values.Service, values.Resource]:
    """A row of `SQL_BY_NAME`: folded name, service, its resource."""
    return row[0], values.Service(*row[5:]), values.Resource(*row[1:5])
