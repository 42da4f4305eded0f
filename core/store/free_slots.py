"""What a list of free times depends on, read in one snapshot."""

from __future__ import annotations

from datetime import date, datetime

from msgspec import Struct

from core.domain.names import folded
from core.domain.refusals import Refused
from core.domain.resources.local_time import day_bounds
from core.domain.resources.service_names import check_bookable
from core.domain.values import Claim, Policy, Resource, Rules, Service
from core.store.bookings.rows import lapsed
from core.store.catalogue.booking_settings import SQL_RULES, rules_of
from core.store.catalogue.services import SQL_BY_NAME, nearest_names, service_of
from core.store.claims import SQL_CLAIMS
from core.store.connections.database import AsyncConnection, database_now_async
from core.store.sql.parameters import intervals_parameter, texts_of

SQL_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
SQL_TAKEN = f"""
SELECT taken.* FROM ({SQL_CLAIMS}) AS taken (resource_id, starts_at, ends_at, booking_id, closure_id)
WHERE NOT EXISTS (SELECT FROM booking b WHERE b.id = taken.booking_id AND {lapsed("b")})
"""
"""Claims in the way of a booking. Those of lapsed holds are not: `decide` would expire them."""


class DayAvailability(Struct, frozen=True):
    """Some days of one resource: its rules, what is taken, and the database's clock."""

    rules: Rules | None
    resource: Resource
    service: Service | None
    claims: list[Claim]
    now: datetime

    @property
    def minutes(self) -> int:
        """How long a slot is. 0 where there are no rules, and so no slots."""
        own = self.service.duration_minutes if self.service else None
        return own or (self.rules.duration_minutes if self.rules else 0)


async def read_day_availability(
    connection: AsyncConnection, service_name: str | None, first: date, last: date, policy: Policy
) -> DayAvailability:
    """Rules, resource and claims for local days that a service (or the desk) would be booked on.

    Raises Refused for a service name that cannot be booked.
    """
    names = [folded(service_name)] if service_name else []
    async with connection.pipeline():
        await connection.execute(SQL_BEGIN)
        rules_rows = await connection.execute(SQL_RULES)
        service_rows = await connection.execute(SQL_BY_NAME, (texts_of(names),))
        rules, resource = rules_of(await rules_rows.fetchone(), allow_past=policy.allow_past)
        rows = await service_rows.fetchall()
    service = None
    if rows:
        _, service, resource = service_of(rows[-1])
    if service_name:
        await _check_bookable(connection, service, service_name, policy)
    around = (day_bounds(first, resource.zone)[0], day_bounds(last, resource.zone)[1])
    async with connection.pipeline():
        claim_rows = await connection.execute(SQL_TAKEN, (intervals_parameter([(resource.id, *around)]),))
        now = await database_now_async(connection)
        await connection.execute("COMMIT")
        claims = [Claim(*found) for found in await claim_rows.fetchall()]
    return DayAvailability(rules, resource, service, claims, now)


async def _check_bookable(connection: AsyncConnection, service: Service | None, name: str, policy: Policy) -> None:
    """Ends the transaction if it raises."""
    try:
        check_bookable(service, name, policy, await nearest_names(connection, service, policy))
    except Refused:
        await connection.execute("COMMIT")
        raise


async def read_taken(connection: AsyncConnection, resource: Resource, day: date) -> list[Claim]:
    """What is taken of a resource on one of its local days."""
    starts, ends = day_bounds(day, resource.zone)
    cursor = await connection.execute(SQL_TAKEN, (intervals_parameter([(resource.id, starts, ends)]),))
    return [Claim(*row) for row in await cursor.fetchall()]
