"""The lane of a marketplace command: that of the practitioner's day, the session's day, or the service it is about."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.domain.resources.local_time import local
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import find_one
from core.store.inbox.partition_keys import partition_key

SQL_PRACTITIONER = (
    "SELECT p.resource_id, r.zone FROM practitioner p JOIN resource r ON r.id = p.resource_id WHERE p.id = %s"
)
SQL_SESSION = """
SELECT s.service_id, s.practitioner_id, s.starts_at, s.ends_at, p.resource_id, r.zone
FROM service_session s JOIN practitioner p ON p.id = s.practitioner_id JOIN resource r ON r.id = p.resource_id
WHERE s.id = %s
"""
SQL_BOOKING = """
SELECT b.resource_id, b.local_date, r.zone FROM booking b JOIN resource r ON r.id = b.resource_id
WHERE b.id = %s AND b.contract = 'marketplace' AND b.deleted_at IS NULL
"""
SQL_PURCHASE = """
SELECT s.kind, (SELECT count(*) FROM service_session ss WHERE ss.service_id = s.id AND NOT ss.is_cancelled),
       ARRAY(SELECT si.item_id FROM service_item si WHERE si.service_id = s.id ORDER BY si.position)
FROM service s WHERE s.id = %s
"""


class SessionPartition(Struct, frozen=True):
    """Where a session's commands go, and what never changes of it."""

    service_id: int
    practitioner_id: int
    starts_at: datetime
    ends_at: datetime
    key: str


class Purchase(Struct, frozen=True):
    """What a course, package or bundle consists of right now."""

    kind: str
    sessions: int
    items: tuple[int, ...]


def day_key(resource_id: int, at: datetime, zone_name: str) -> str:
    """For the resource's local day of an instant."""
    return partition_key(resource_id, local(at, zone_name).date())


def any_key(service_id: int, at: datetime) -> str:
    """For a session with any practitioner of a service."""
    return f"service-{service_id}:{at.date().isoformat()}"


def purchase_key(service_id: int) -> str:
    """For a course, package or bundle."""
    return f"service-{service_id}"


async def practitioner_key(connection: AsyncConnection, practitioner_id: int, at: datetime) -> str | None:
    """For a practitioner's local day of an instant. None if there is no such practitioner, as below."""
    row = await find_one(connection, SQL_PRACTITIONER, (practitioner_id,))
    return None if row is None else day_key(row[0], at, row[1])


async def session_partition(connection: AsyncConnection, session_id: int) -> SessionPartition | None:
    row = await find_one(connection, SQL_SESSION, (session_id,))
    return None if row is None else SessionPartition(*[*row[:4], day_key(row[4], row[2], row[5])])


async def booking_key(connection: AsyncConnection, booking_id: int, at: datetime | None = None) -> str | None:
    """The booking's own day, or the one that it wants to move to."""
    row = await find_one(connection, SQL_BOOKING, (booking_id,))
    if row is None:
        return None
    return partition_key(row[0], row[1]) if at is None else day_key(row[0], at, row[2])


async def read_purchase(connection: AsyncConnection, service_id: int) -> Purchase | None:
    row = await find_one(connection, SQL_PURCHASE, (service_id,))
    return None if row is None else Purchase(row[0], row[1], tuple(row[2]))
