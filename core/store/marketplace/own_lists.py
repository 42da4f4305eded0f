"""What somebody has that is no booking: credits to book with, and places in waiting lists."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all_as
from core.store.marketplace.rows import CREDIT_COLUMNS

LISTED_MAX = 100
SQL_CREDITS = f"""
SELECT f.booking_id, f.bundle, f.granted, f.balance, f.expires_at, f.is_paid,
       ARRAY(SELECT s.name FROM service s WHERE s.id = ANY(f.service_ids) ORDER BY s.name, s.id) AS services
FROM (SELECT {CREDIT_COLUMNS} AS is_paid, cb.service_name AS bundle FROM credit c JOIN booking cb ON cb.id = c.booking_id
      WHERE c.user_id = %(user_id)s AND c.balance > 0 AND c.expires_at > clock_timestamp()
        AND cb.status IN ('held', 'confirmed', 'in_progress', 'completed') AND cb.deleted_at IS NULL) f
ORDER BY f.expires_at, f.booking_id LIMIT {LISTED_MAX}
"""
SQL_WAITING = f"""
SELECT w.session_id, s.name AS service_name, ss.title, ss.starts_at, ss.ends_at, r.zone AS time_zone,
       (SELECT count(*) FROM waiting_place p WHERE p.session_id = w.session_id AND p.booking_id IS NULL AND p.id <= w.id)
       AS position, w.created_at
FROM waiting_place w JOIN service_session ss ON ss.id = w.session_id JOIN service s ON s.id = ss.service_id
JOIN practitioner t ON t.id = ss.practitioner_id JOIN resource r ON r.id = t.resource_id
WHERE w.user_id = %(user_id)s AND w.booking_id IS NULL ORDER BY w.id LIMIT {LISTED_MAX}
"""


class OwnCredits(Struct, frozen=True):
    """What is left of one bundle."""

    booking_id: int
    bundle: str
    granted: int
    balance: int
    expires_at: datetime
    is_paid: bool
    """They pay for nothing before the bundle itself is paid."""
    services: list[str]
    """What they pay for."""


class OwnWaitingPlace(Struct, frozen=True):
    session_id: int
    service_name: str
    title: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    position: int
    """From 1: the next free seat."""
    created_at: datetime


async def credits_of(connection: AsyncConnection, user_id: int | None) -> list[OwnCredits]:
    """Those that can still be used, the soonest to expire first."""
    return await fetch_all_as(connection, OwnCredits, SQL_CREDITS, {"user_id": user_id})


async def waiting_places_of(connection: AsyncConnection, user_id: int | None) -> list[OwnWaitingPlace]:
    """In the order in which they were taken."""
    return await fetch_all_as(connection, OwnWaitingPlace, SQL_WAITING, {"user_id": user_id})
