"""Services of the marketplace: single sessions, workshops, courses, packages, bundles. Named ones are in `services`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from core.domain.marketplace.details import Kind
from core.domain.marketplace.values import MarketService
from core.domain.names import folded
from core.store.catalogue.changes import SQL_SET_NAME, CatalogueError, UnknownReferenceError, read_one
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all, fetch_one, fetch_page
from core.store.lists.pages import count_to_limit
from core.store.marketplace.rows import SERVICE_COLUMNS, service_of

_COLUMNS = f"{SERVICE_COLUMNS}, s.description, s.owner_id, o.user_id"
_OWNED = "service s LEFT JOIN practitioner o ON o.id = s.owner_id"
_LISTED = """(s.is_active OR %(hidden)s) AND (%(kind)s::text IS NULL OR s.kind = %(kind)s)
  AND (%(practitioner)s::bigint IS NULL OR s.id IN (
       SELECT service_id FROM service_practitioner WHERE practitioner_id = %(practitioner)s))"""
SQL_PAGE = f"SELECT {_COLUMNS} FROM {_OWNED} WHERE {_LISTED} ORDER BY s.id LIMIT %(limit)s OFFSET %(offset)s"
SQL_COUNT = count_to_limit(f"service s WHERE {_LISTED}")
SQL_ONE = f"SELECT {_COLUMNS} FROM {_OWNED} WHERE s.id = %s"
SQL_LOCK = f"{SQL_ONE} FOR UPDATE OF s"
SQL_INSERT = """
INSERT INTO service (name, name_key, description, resource_id, duration_minutes, price_cents, currency, kind, is_named,
                     owner_id, slot_step_minutes, credits, valid_days)
SELECT %(name)s, %(name_key)s, %(description)s, r.id, %(duration_minutes)s, %(price_cents)s, %(currency)s, %(kind)s, false,
       %(owner_id)s, %(slot_step_minutes)s, %(credits)s, %(valid_days)s
FROM resource r WHERE r.kind = 'desk' RETURNING id
"""
SQL_UPDATE = f"""
UPDATE service SET {SQL_SET_NAME}, description = %(description)s,
       duration_minutes = %(duration_minutes)s, price_cents = %(price_cents)s, slot_step_minutes = %(slot_step_minutes)s,
       credits = %(credits)s, valid_days = %(valid_days)s, is_active = %(is_active)s
WHERE id = %(id)s
"""
SQL_DROP_PRACTITIONERS = "DELETE FROM service_practitioner WHERE service_id = %s"
SQL_ADD_PRACTITIONERS = """
INSERT INTO service_practitioner (service_id, practitioner_id)
SELECT %s, id FROM practitioner WHERE id = ANY(%s) RETURNING practitioner_id
"""
SQL_DROP_ITEMS = "DELETE FROM service_item WHERE service_id = %s"
SQL_ADD_ITEMS = """
INSERT INTO service_item (service_id, position, item_id)
SELECT %s, n, w.id FROM unnest(%s::bigint[]) WITH ORDINALITY AS w (id, n) JOIN service s ON s.id = w.id
WHERE s.kind = ANY(%s) RETURNING item_id
"""


class UnsuitableItemError(CatalogueError):
    """A service cannot include one of these: it does not exist, or is of another kind."""


class OwnedService(Struct, frozen=True):
    service: MarketService
    description: str
    owner_id: int | None
    """The practitioner who keeps it; None is the house."""
    owner_user_id: int | None
    """The owner's user."""


class ServiceFields(Struct, frozen=True, kw_only=True):
    """What can change of a service beside its practitioners and what it includes."""

    name: str
    description: str
    duration_minutes: int | None
    slot_step_minutes: int | None
    price_cents: int
    credits: int | None
    valid_days: int | None


async def page(
    connection: AsyncConnection,
    *,
    hidden: bool,
    kind: Kind | None,
    practitioner_id: int | None,
    limit: int,
    offset: int,
) -> tuple[list[OwnedService], int]:
    """Services (of a kind, of a practitioner) by id, `hidden` ones too or not, and how many, counted to the limit."""
    values = {
        "hidden": hidden,
        "kind": kind and kind.value,
        "practitioner": practitioner_id,
        "limit": limit,
        "offset": offset,
    }
    rows, count = await fetch_page(connection, SQL_PAGE, SQL_COUNT, values)
    return [_service(row) for row in rows], count


async def one(connection: AsyncConnection, service_id: int, *, locked: bool = False) -> OwnedService:
    """Raises NotFoundError."""
    return _service(await read_one(connection, SQL_LOCK if locked else SQL_ONE, (service_id,)))


async def create(
    connection: AsyncConnection,
    fields: ServiceFields,
    *,
    kind: Kind,
    currency: str,
    owner_id: int | None,
) -> int:
    """The id of a new service, which nobody gives yet and which includes nothing."""
    values = {**_values(fields), "kind": kind.value, "currency": currency, "owner_id": owner_id}
    return int((await fetch_one(connection, SQL_INSERT, values))[0])


async def change(connection: AsyncConnection, service_id: int, fields: ServiceFields, *, is_active: bool) -> None:
    """Write a locked service. A unique index refuses a name if both services are booked by name too."""
    await connection.execute(SQL_UPDATE, {**_values(fields), "id": service_id, "is_active": is_active})


async def set_practitioners(connection: AsyncConnection, service_id: int, practitioner_ids: Collection[int]) -> None:
    """Say who gives a service. Raises UnknownReferenceError."""
    await connection.execute(SQL_DROP_PRACTITIONERS, (service_id,))
    wanted = sorted(set(practitioner_ids))
    if len(await fetch_all(connection, SQL_ADD_PRACTITIONERS, (service_id, wanted))) != len(wanted):
        raise UnknownReferenceError


async def set_items(
    connection: AsyncConnection, service_id: int, item_ids: Sequence[int], kinds: Collection[Kind]
) -> None:
    """Say what a service includes, in order: services of these kinds. Raises UnsuitableItemError."""
    await connection.execute(SQL_DROP_ITEMS, (service_id,))
    values = (service_id, list(item_ids), [kind.value for kind in kinds])
    if len(await fetch_all(connection, SQL_ADD_ITEMS, values)) != len(item_ids):
        raise UnsuitableItemError


def _values(fields: ServiceFields) -> dict[str, Any]:
    return {**asdict(fields), "name_key": folded(fields.name)}


def _service(row: tuple[Any, ...]) -> OwnedService:
    return OwnedService(service_of(row[:-3]), *row[-3:])
