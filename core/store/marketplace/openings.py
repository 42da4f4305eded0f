"""What the slots of practitioners depend on, read in one snapshot and two round trips."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from msgspec import Struct

from core.domain.calendars import MINUTES_PER_DAY
from core.domain.marketplace.availability import Busy, Interval
from core.domain.marketplace.values import MarketService, Practitioner
from core.domain.values import Claim
from core.store.marketplace.rows import (
    PRACTITIONER_COLUMNS,
    PRACTITIONERS,
    SERVICE_COLUMNS,
    practitioner_of,
    service_of,
)
from core.store.offers import SQL_BEGIN, database_now

AROUND = timedelta(minutes=2 * MINUTES_PER_DAY)
"""How far beyond the days asked for a session and its buffers may reach."""

SQL_SERVICE = f"SELECT {SERVICE_COLUMNS} FROM service s WHERE s.id = %s"
SQL_GIVERS = f"""
SELECT {PRACTITIONER_COLUMNS} FROM {PRACTITIONERS}
JOIN service_practitioner g ON g.practitioner_id = p.id AND g.service_id = %s
WHERE p.is_active AND (%s::bigint[] IS NULL OR p.id = ANY(%s)) ORDER BY p.id LIMIT %s
"""
SQL_TAKEN = """
SELECT c.resource_id, lower(c.during), upper(c.during), c.booking_id
FROM unnest(%s::bigint[]) AS w (resource_id)
CROSS JOIN LATERAL (
    SELECT * FROM claim c WHERE c.resource_id = w.resource_id AND c.during && tstzrange(%s, %s)) AS c
WHERE NOT EXISTS (
    SELECT FROM booking b WHERE b.id = c.booking_id AND b.status = 'held' AND b.hold_expires_at <= clock_timestamp())
"""
"""Claims of lapsed holds do not count: a decision would expire them."""


class Openings(Struct, frozen=True):
    service: MarketService | None
    practitioners: list[Practitioner]
    """Those asked for who give the service."""
    busy: dict[int, Busy]
    """By resource."""
    now: datetime


async def read_openings(
    connection: psycopg.AsyncConnection[Any],
    service_id: int,
    practitioner_ids: Sequence[int] | None,
    within: Interval,
    *,
    most: int,
) -> Openings:
    """`practitioner_ids` None asks for everybody who gives the service, `most` of them."""
    wanted = None if practitioner_ids is None else list(practitioner_ids)
    async with connection.pipeline():
        await connection.execute(SQL_BEGIN)
        service_rows = await connection.execute(SQL_SERVICE, (service_id,))
        giver_rows = await connection.execute(SQL_GIVERS, (service_id, wanted, wanted, most))
        service_row = await service_rows.fetchone()
        practitioners = [practitioner_of(row) for row in await giver_rows.fetchall()]
    resources = [practitioner.resource_id for practitioner in practitioners]
    async with connection.pipeline():
        claim_rows = await connection.execute(SQL_TAKEN, (resources, within[0] - AROUND, within[1] + AROUND))
        now = await database_now(connection)
        await connection.execute("COMMIT")
        claims: defaultdict[int, list[Claim]] = defaultdict(list)
        for row in await claim_rows.fetchall():
            claims[row[0]].append(Claim(*row))
    busy = {resource_id: Busy(claims[resource_id]) for resource_id in resources}
    return Openings(service_of(service_row) if service_row else None, practitioners, busy, now)
