"""What practitioners' free slots depend on, in one snapshot: of many in two round trips, of one in a shared one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from core.domain.marketplace.values import MarketService, Practitioner
from core.domain.resources.local_time import Span
from core.store.bookings.rows import lapsed
from core.store.connections.database import AsyncConnection, database_now_async
from core.store.free_slots import sql_holds_time
from core.store.marketplace.rows import (
    PRACTITIONER_COLUMNS,
    PRACTITIONERS,
    SERVICE_COLUMNS,
    practitioner_of,
    service_of,
)
from core.store.reads.shared_reads import Found, Query

SQL_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
SQL_SERVICE = f"SELECT {SERVICE_COLUMNS} FROM service s WHERE s.id = %s"
SQL_PRACTITIONERS = f"""
SELECT {PRACTITIONER_COLUMNS} FROM {PRACTITIONERS}
JOIN service_practitioner g ON g.practitioner_id = p.id AND g.service_id = %s
WHERE p.is_active AND (%s::bigint[] IS NULL OR p.id = ANY(%s)) ORDER BY p.id LIMIT %s
"""
SQL_TAKEN = f"""
WITH lapsed AS MATERIALIZED (SELECT id FROM booking b WHERE {lapsed("b", "now()")})
SELECT c.resource_id, lower(c.during), upper(c.during)
FROM unnest(%s::bigint[]) AS w (resource_id)
JOIN claim c ON c.resource_id = w.resource_id AND c.during && tstzrange(%s, %s)
WHERE NOT EXISTS (SELECT FROM lapsed WHERE lapsed.id = c.booking_id)
"""
"""Claims of lapsed holds do not count: a decision would expire them. There are few at any moment, so
they are looked for once and not for each claim.
"""
SQL_PRACTITIONER = f"""
SELECT {PRACTITIONER_COLUMNS} FROM {PRACTITIONERS}
JOIN service_practitioner g ON g.practitioner_id = p.id AND g.service_id = %s
WHERE p.is_active AND p.id = %s
"""
SQL_TAKEN_OF_ONE = f"""
SELECT lower(c.during), upper(c.during)
FROM practitioner p JOIN service s ON s.id = %s
JOIN claim c ON c.resource_id = p.resource_id AND c.during && tstzrange(
    %s::timestamptz - make_interval(mins => p.buffer_before_minutes),
    %s::timestamptz + make_interval(mins => coalesce(s.duration_minutes, 0) + p.buffer_after_minutes))
WHERE p.id = %s AND {sql_holds_time("c.booking_id")}
"""
"""As far as sessions that begin within an interval, and their buffers, may reach."""


class PractitionerAvailability(Struct, frozen=True):
    service: MarketService | None
    practitioners: list[Practitioner]
    """Those of them who give the service."""
    taken: dict[int, list[Span]]
    """By resource."""
    now: datetime


async def read_practitioner_availability(
    connection: AsyncConnection,
    service_id: int,
    practitioner_ids: Sequence[int] | None,
    within: Span,
    *,
    most: int,
) -> PractitionerAvailability:
    """For these practitioners, or for all who give the service (`practitioner_ids` None), up to `most`."""
    wanted = None if practitioner_ids is None else list(practitioner_ids)
    async with connection.pipeline():
        await connection.execute(SQL_BEGIN)
        service_rows = await connection.execute(SQL_SERVICE, (service_id,))
        practitioner_rows = await connection.execute(SQL_PRACTITIONERS, (service_id, wanted, wanted, most))
        service_row = await service_rows.fetchone()
        practitioners = [practitioner_of(row) for row in await practitioner_rows.fetchall()]
    resources = [practitioner.resource_id for practitioner in practitioners]
    service = service_of(service_row) if service_row else None
    around = _around(service, practitioners, within)
    async with connection.pipeline():
        claim_rows = await connection.execute(SQL_TAKEN, (resources, *around))
        now = await database_now_async(connection)
        await connection.execute("COMMIT")
        taken: defaultdict[int, list[Span]] = defaultdict(list)
        for resource_id, starts_at, ends_at in await claim_rows.fetchall():
            taken[resource_id].append((starts_at, ends_at))
    return PractitionerAvailability(service, practitioners, taken, now)


def one_practitioner_queries(service_id: int, practitioner_id: int, within: Span) -> Sequence[Query]:
    return (
        (SQL_SERVICE, (service_id,)),
        (SQL_PRACTITIONER, (service_id, practitioner_id)),
        (SQL_TAKEN_OF_ONE, (service_id, *within, practitioner_id)),
    )


def one_practitioner(found: Found) -> PractitionerAvailability:
    """What `one_practitioner_queries` found."""
    services, practitioners = map(service_of, found.rows(0)), [practitioner_of(row) for row in found.rows(1)]
    taken = {practitioner.resource_id: list(found.rows(2)) for practitioner in practitioners}
    return PractitionerAvailability(next(services, None), practitioners, taken, found.now)


def _around(service: MarketService | None, practitioners: Sequence[Practitioner], within: Span) -> Span:
    """How far sessions that begin within an interval, and their buffers, may reach."""
    length = timedelta(minutes=service.minutes if service else 0)
    buffers = [practitioner.buffers for practitioner in practitioners] or [(timedelta(), timedelta())]
    return within[0] - max(before for before, _ in buffers), within[1] + length + max(after for _, after in buffers)
