"""What a slot list needs to know, read in one snapshot."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import psycopg
from msgspec import Struct

from core.domain.calendars import day_bounds
from core.domain.values import Claim, Resource, Rules, Service
from core.store.load import SQL_CLAIMS, SQL_NOW, SQL_RULES, SQL_SERVICES, rules_of

SQL_TAKEN = f"""
SELECT taken.* FROM ({SQL_CLAIMS}) AS taken (resource_id, starts_at, ends_at, booking_id)
WHERE NOT EXISTS (
    SELECT FROM booking b WHERE b.id = taken.booking_id AND b.status = 'held' AND b.hold_expires_at <= clock_timestamp())
"""
"""Claims that stand in the way of a booking: those of lapsed holds do not, as `decide` would expire them."""


class DayOnOffer(Struct, frozen=True):
    """One resource's day: its rules, what is taken, and the database's clock."""

    rules: Rules | None
    resource: Resource
    service: Service | None
    claims: list[Claim]
    now: datetime


async def read_day(
    connection: psycopg.AsyncConnection[Any], service_name: str | None, day: date, *, allow_past: bool
) -> DayOnOffer:
    """Rules, resource and claims for the day a service (or the desk) would be booked on."""
    rules, desk = rules_of(await (await connection.execute(SQL_RULES)).fetchone(), allow_past=allow_past)
    service, resource = None, desk
    if service_name:
        row = await (await connection.execute(SQL_SERVICES, ([service_name.casefold()],))).fetchone()
        if row:
            service, resource = Service(*row[:4]), Resource(*row[4:])
    claims = await read_taken(connection, resource, day)
    return DayOnOffer(rules, resource, service, claims, await database_now(connection))


async def read_taken(connection: psycopg.AsyncConnection[Any], resource: Resource, day: date) -> list[Claim]:
    """What is taken of a resource on one of its local days."""
    starts, ends = day_bounds(day, resource.zone)
    cursor = await connection.execute(SQL_TAKEN, ([resource.id], [starts], [ends]))
    return [Claim(*row) for row in await cursor.fetchall()]


async def database_now(connection: psycopg.AsyncConnection[Any]) -> datetime:
    """PostgreSQL's clock, which all machines share."""
    row = await (await connection.execute(SQL_NOW)).fetchone()
    assert row is not None  # noqa: S101 - SELECT without FROM always answers a row
    now: datetime = row[0]
    return now
