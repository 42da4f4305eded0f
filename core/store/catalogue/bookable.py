"""What the public may book, of every contract, in one list: for `/book`."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from core.store.catalogue.changes import read_one
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all

Bookable = Literal["service", "room", "category", "individual", "workshop"]
BOOKABLE_MAX = 1000
"""Rows of the list: more than a page can show."""

_GIVEN_BY = """LATERAL (
    SELECT json_agg(json_build_object('id', p.id, 'name', p.name) ORDER BY p.id) AS people, min(r.zone) AS zone
    FROM service_practitioner g JOIN practitioner p ON p.id = g.practitioner_id JOIN resource r ON r.id = p.resource_id
    WHERE g.service_id = s.id AND p.is_active) AS given"""
_ALL = f"""
SELECT 1 AS place, 'service' AS kind, s.id, s.name, s.description,
       coalesce(s.duration_minutes, b.duration_minutes) AS minutes, s.price_cents AS price_minor, s.currency, r.zone,
       NULL::integer AS capacity, '[]'::json AS people
FROM service s JOIN resource r ON r.id = s.resource_id JOIN booking_settings b ON b.is_active
WHERE s.is_active AND s.is_named
  AND NOT EXISTS (SELECT FROM service_practitioner g WHERE g.service_id = s.id)
UNION ALL
SELECT 2, 'room', m.id, m.name, m.description, m.slot_minutes, m.price_minor, m.currency, r.zone, m.capacity, '[]'
FROM room m JOIN resource r ON r.id = m.resource_id WHERE m.is_available
UNION ALL
SELECT 3, 'category', c.id, c.name, '', NULL, 0, 'usd', r.zone, NULL, '[]'
FROM category c JOIN resource r ON r.id = c.resource_id
UNION ALL
SELECT 4, s.kind, s.id, s.name, s.description, s.duration_minutes, s.price_cents, s.currency, given.zone, NULL,
       given.people
FROM service s, {_GIVEN_BY}
WHERE s.is_active AND s.kind IN ('individual', 'workshop') AND given.people IS NOT NULL
"""
SQL_LIST = f"SELECT * FROM ({_ALL}) AS bookable ORDER BY place, kind, name, id LIMIT {BOOKABLE_MAX}"
SQL_ONE = f"SELECT * FROM ({_ALL}) AS bookable WHERE kind = %s AND id = %s"


class Practitioner(Struct, frozen=True):
    """A practitioner who gives it."""

    id: int
    name: str


class BookableThing(Struct, frozen=True, kw_only=True):
    kind: Bookable
    """`service` is the desk's, `individual` a session with a practitioner, `workshop` a seat in a session."""
    id: int
    """Among those of its kind."""
    name: str
    description: str
    duration_minutes: int | None
    """Of one slot; null where times differ."""
    price_minor: int
    """Of one slot or seat, in the currency's smallest unit. A service is paid at the desk."""
    currency: str
    time_zone: str
    """IANA: where it takes place."""
    capacity: int | None
    """Of a room, in guests."""
    practitioners: list[Practitioner]


async def everything(connection: AsyncConnection) -> list[BookableThing]:
    return [_thing(row) for row in await fetch_all(connection, SQL_LIST)]


async def one(connection: AsyncConnection, kind: Bookable, id_: int) -> BookableThing:
    """Raises NotFoundError, also for what cannot be booked any more."""
    return _thing(await read_one(connection, SQL_ONE, (kind, id_)))


def _thing(row: tuple[Any, ...]) -> BookableThing:
    _, kind, id_, name, description, minutes, price, currency, zone, capacity, people = row
    return BookableThing(
        kind=kind,
        id=id_,
        name=name,
        description=description,
        duration_minutes=minutes,
        price_minor=price,
        currency=currency,
        time_zone=zone,
        capacity=capacity,
        practitioners=[Practitioner(**one) for one in people],
    )
