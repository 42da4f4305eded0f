"""Services that are booked by name."""

from __future__ import annotations

from typing import Any

import psycopg
from msgspec import Struct
from msgspec.structs import asdict

from core.domain.names import as_name, folded
from core.store.catalogue.changes import FullError, NotFoundError
from core.store.connections.queries import fetch_one, fetch_page, find_one

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
WHERE s.is_active AND s.is_named ORDER BY s.name, s.id LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT_BOOKABLE = "SELECT count(*) FROM service WHERE is_active AND is_named"
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
# A name that stays keeps its key: of two that are one by today's rule, which releases before 0033 let in, each can
# still be changed and taken off the list.


class Service(Struct, frozen=True):
    id: int
    name: str
    description: str
    duration_minutes: int | None
    price_cents: int | None
    currency: str


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


async def bookable_page(connection: psycopg.AsyncConnection[Any], limit: int, offset: int) -> tuple[list[Service], int]:
    """Services that can be booked, by name, and how many there are. Their durations are the settings' by default."""
    rows, total = await fetch_page(connection, SQL_BOOKABLE, SQL_COUNT_BOOKABLE, {"limit": limit, "offset": offset})
    return [Service(*row) for row in rows], total


async def page(connection: psycopg.AsyncConnection[Any], limit: int, offset: int) -> tuple[list[NamedService], int]:
    """All services by name, and how many there are."""
    rows, total = await fetch_page(connection, SQL_PAGE, SQL_COUNT, {"limit": limit, "offset": offset})
    return [NamedService(*row) for row in rows], total


async def one(connection: psycopg.AsyncConnection[Any], service_id: int, *, locked: bool = False) -> NamedService:
    """Raises NotFoundError."""
    row = await find_one(connection, SQL_LOCK if locked else SQL_ONE, (service_id,))
    if row is None:
        raise NotFoundError
    return NamedService(*row)


async def create(
    connection: psycopg.AsyncConnection[Any],
    *,
    name: str,
    description: str,
    duration_minutes: int | None,
    price_cents: int,
    currency: str,
    resource_id: int,
) -> NamedService:
    """Raises FullError. The transaction raises NameTakenError, and UnknownReferenceError for the resource."""
    if (await fetch_one(connection, SQL_COUNT))[0] >= SERVICES_MAX:
        raise FullError
    values = {
        "name": as_name(name),
        "key": folded(name),
        "description": description,
        "resource_id": resource_id,
        "duration_minutes": duration_minutes,
        "price_cents": price_cents,
        "currency": currency,
    }
    (id_,) = await fetch_one(connection, SQL_INSERT, values)
    return await one(connection, id_)


async def change(connection: psycopg.AsyncConnection[Any], after: NamedService) -> NamedService:
    """Write what can change of a locked service. Raises as `create` does."""
    await connection.execute(SQL_UPDATE, {**asdict(after), "key": folded(after.name)})
    return await one(connection, after.id)
