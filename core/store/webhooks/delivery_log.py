"""The delivery log of an endpoint: what was planned for it, what became of each attempt, and what is sent again."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all_as, fetch_one, find_as
from core.store.deliveries.parked import SQL_TRIED
from core.store.lists.pages import COUNT_EXACT_TO, COUNT_LIMIT, Total
from core.store.webhooks.endpoints import SENDER

REDELIVERED_AT_ONCE = 1_000
"""Deliveries of one request."""


class DeliveryFilter(Struct, frozen=True):
    """What a list asks for; every field that is given narrows it."""

    state: str | None = None
    type: str | None = None
    booking_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Planned before it."""


class LoggedDelivery(Struct, frozen=True):
    id: UUID
    type: str
    booking_id: int | None
    state: str
    attempts: int
    created_at: datetime
    due_at: datetime | None
    """When it is tried next, if it waits."""
    done_at: datetime | None
    answer: str | None
    """To the last attempt."""
    data: dict[str, Any]


class LoggedAttempt(Struct, frozen=True):
    number: int
    at: datetime
    duration_ms: int
    verdict: str
    answer: str
    detail: dict[str, Any] | None


_COLUMNS = "id, type, booking_id, state, attempts, created_at, due_at, done_at, answer, data"
_WANTED = """
sender = %(sender)s AND receiver = %(receiver)s
  AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(type)s::text IS NULL OR type = %(type)s)
  AND (%(booking_id)s::bigint IS NULL OR booking_id = %(booking_id)s)
  AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
"""
SQL_LIST = f"SELECT {_COLUMNS} FROM delivery WHERE {_WANTED} ORDER BY seq DESC LIMIT %(limit)s OFFSET %(offset)s"
SQL_COUNT = f"SELECT count(*) FROM (SELECT FROM delivery WHERE {_WANTED} LIMIT {COUNT_LIMIT}) AS found"
SQL_ONE = f"SELECT {_COLUMNS} FROM delivery WHERE sender = %(sender)s AND receiver = %(receiver)s AND id = %(id)s"
SQL_ATTEMPTS = f"{SQL_TRIED} ORDER BY number"
SQL_AGAIN = """
WITH chosen AS (
    SELECT id FROM delivery w
    WHERE sender = %(sender)s AND receiver = %(receiver)s AND (%(id)s::uuid IS NULL OR id = %(id)s)
      AND (state = 'waiting' AND %(id)s::uuid IS NOT NULL
           AND NOT EXISTS (SELECT FROM delivery_run u WHERE w.id = ANY (u.ids))
           OR state IN ('parked', 'dropped') OR state = 'sent' AND %(sent_too)s)
      AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
    ORDER BY seq LIMIT %(limit)s FOR UPDATE
), kept AS (
    INSERT INTO delivery_attempt (delivery_id, number, at, duration_ms, verdict, answer, detail)
    SELECT id, attempts, tried_at, duration_ms, 'sent', answer, detail FROM delivery
    WHERE id IN (SELECT id FROM chosen) AND tried_at IS NOT NULL
    ON CONFLICT (delivery_id, number) DO NOTHING
)
UPDATE delivery SET state = 'waiting', due_at = clock_timestamp(), retry_at = clock_timestamp(), parked_at = NULL,
       done_at = NULL, tried_since = NULL, tried_at = NULL, duration_ms = NULL, detail = NULL
WHERE id IN (SELECT id FROM chosen)
"""
"""Under the id that it had. One that is being sent at this moment stays as it is."""
SQL_LOCK_RECEIVER = """
INSERT INTO delivery_receiver AS r (sender, receiver, due_at) VALUES (%(sender)s, %(receiver)s, clock_timestamp())
ON CONFLICT (sender, receiver) DO UPDATE SET due_at = clock_timestamp(), paused_until = NULL, touched_at = clock_timestamp()
"""
"""Before its deliveries, as workers lock them."""


async def page(
    connection: AsyncConnection, endpoint_id: int, wanted: DeliveryFilter, limit: int, offset: int
) -> tuple[list[LoggedDelivery], Total]:
    """The newest first, and how many there are in all."""
    values = {
        "sender": SENDER,
        "receiver": str(endpoint_id),
        "state": wanted.state,
        "type": wanted.type,
        "booking_id": wanted.booking_id,
        "since": wanted.since,
        "until": wanted.until,
        "limit": limit,
        "offset": offset,
    }
    found = await fetch_all_as(connection, LoggedDelivery, SQL_LIST, values)
    count = int((await fetch_one(connection, SQL_COUNT, values))[0])
    return found, Total(min(count, COUNT_EXACT_TO), count <= COUNT_EXACT_TO)


async def one(connection: AsyncConnection, endpoint_id: int, delivery_id: UUID) -> LoggedDelivery | None:
    values = {"sender": SENDER, "receiver": str(endpoint_id), "id": delivery_id}
    return await find_as(connection, LoggedDelivery, SQL_ONE, values)


async def attempts(connection: AsyncConnection, delivery_id: UUID) -> list[LoggedAttempt]:
    return await fetch_all_as(connection, LoggedAttempt, SQL_ATTEMPTS, {"id": delivery_id})


async def redeliver(connection: AsyncConnection, endpoint_id: int, delivery_id: UUID) -> bool:
    """Send one again, whatever became of it. False if it is being sent at this moment. Call it in a transaction."""
    return await _again(connection, endpoint_id, delivery_id=delivery_id, sent_too=True) == 1


async def redeliver_range(
    connection: AsyncConnection, endpoint_id: int, since: datetime, until: datetime | None, *, sent_too: bool
) -> int:
    """Send again what was planned in a time and given up on, the earliest first; how many. Call it in a transaction."""
    return await _again(connection, endpoint_id, since=since, until=until, sent_too=sent_too)


async def _again(
    connection: AsyncConnection,
    endpoint_id: int,
    *,
    delivery_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    sent_too: bool,
) -> int:
    values = {
        "sender": SENDER,
        "receiver": str(endpoint_id),
        "id": delivery_id,
        "since": since,
        "until": until,
        "sent_too": sent_too,
        "limit": REDELIVERED_AT_ONCE,
    }
    await connection.execute(SQL_LOCK_RECEIVER, values)
    return (await connection.execute(SQL_AGAIN, values)).rowcount
