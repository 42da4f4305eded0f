"""Endpoints of webhooks, as staff keep them. Their secrets come and go sealed: nothing here can read one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all, fetch_all_as, fetch_one, find_as, find_one
from core.store.deliveries.cursors import start_sender_async, stop_sender_async

SENDER = "webhooks"
ENDPOINTS_MAX = 50
PREVIOUS_SECRET_HOURS = 24
"""How long the secret before still signs, so that a receiver has time to take over the new one."""
BY_STAFF = "by staff"
"""Why an endpoint is disabled that nobody found fault with."""


class NewEndpoint(Struct, frozen=True):
    url: str
    event_types: Sequence[str]
    description: str = ""


class Endpoint(Struct, frozen=True):
    """One with how it does, without its secrets."""

    id: int
    url: str
    event_types: Sequence[str]
    description: str
    previous_until: datetime | None
    """Until when the secret before signs too."""
    created_by: int | None
    created_at: datetime
    disabled_at: datetime | None
    disabled_why: str | None
    failing_since: datetime | None
    failures: int
    """In a row."""
    waiting: int
    """Deliveries that are planned and not sent."""
    parked: int


_OWN = "(SELECT count(*) FROM delivery d WHERE d.sender = %(sender)s AND d.receiver = e.id::text AND "
_WAITING = f"""{_OWN}d.seq > r.taken_seq AND d.state = 'waiting' AND d.retry_at IS NULL)
       + {_OWN}d.retry_at IS NOT NULL) + (
       SELECT coalesce(sum(cardinality(u.ids)), 0) FROM delivery_run u
       WHERE u.sender = %(sender)s AND u.receivers[1] = e.id::text)"""
"""In turn, out of turn, and under way."""
SQL_LIST = f"""
SELECT e.id, e.url, e.event_types, e.description,
       CASE WHEN e.previous_until > clock_timestamp() THEN e.previous_until END AS previous_until,
       e.created_by, e.created_at, e.disabled_at, e.disabled_why, r.failing_since, coalesce(r.failures, 0) AS failures,
       ({_WAITING})::bigint AS waiting, {_OWN}d.parked_at IS NOT NULL)::bigint AS parked
FROM webhook_endpoint e LEFT JOIN delivery_receiver r ON r.sender = %(sender)s AND r.receiver = e.id::text
WHERE (%(id)s::bigint IS NULL OR e.id = %(id)s)
  AND (%(is_enabled)s::boolean IS NULL OR (e.disabled_at IS NULL) = %(is_enabled)s)
ORDER BY e.id DESC LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT = """
SELECT count(*) FROM webhook_endpoint WHERE %(is_enabled)s::boolean IS NULL OR (disabled_at IS NULL) = %(is_enabled)s
"""
SQL_ALONE = "SELECT pg_advisory_xact_lock(hashtext('webhook_endpoint'))"
"""Those who make and delete endpoints come one after the other: their number decides."""
SQL_MAKE = """
INSERT INTO webhook_endpoint (url, event_types, description, sealed_secret, created_by)
SELECT %(url)s, %(event_types)s::text[], %(description)s, %(sealed)s, %(by)s
WHERE (SELECT count(*) FROM webhook_endpoint) < %(most)s
RETURNING id
"""
SQL_LOCK = "SELECT id FROM webhook_endpoint WHERE id = %s FOR UPDATE"
SQL_CHANGE = """
UPDATE webhook_endpoint SET url = %(url)s, event_types = %(event_types)s::text[], description = %(description)s
WHERE id = %(id)s
"""
SQL_DISABLE = """
UPDATE webhook_endpoint SET disabled_at = clock_timestamp(), disabled_why = %(why)s
WHERE id = %(id)s AND disabled_at IS NULL
"""
SQL_ENABLE = """
UPDATE webhook_endpoint SET disabled_at = NULL, disabled_why = NULL WHERE id = %(id)s AND disabled_at IS NOT NULL
"""
SQL_FORGIVE = """
UPDATE delivery_receiver SET failures = 0, failing_since = NULL, paused_until = NULL, due_at = clock_timestamp(),
       touched_at = clock_timestamp()
WHERE sender = %(sender)s AND receiver = %(id)s::text
"""
"""What is failing begins anew: an old failure would disable it at once."""
SQL_DELETE = "DELETE FROM webhook_endpoint WHERE id = %s"
SQL_ANY = "SELECT EXISTS (SELECT FROM webhook_endpoint)"
SQL_ROTATE = """
UPDATE webhook_endpoint
SET sealed_previous = sealed_secret, previous_until = clock_timestamp() + make_interval(hours => %(hours)s),
    sealed_secret = %(sealed)s
WHERE id = %(id)s RETURNING previous_until
"""
SQL_SEALED = "SELECT id, sealed_secret, sealed_previous FROM webhook_endpoint ORDER BY id FOR UPDATE"
SQL_RESEAL = "UPDATE webhook_endpoint SET sealed_secret = %s, sealed_previous = %s WHERE id = %s"
SQL_FORGET_PREVIOUS = """
UPDATE webhook_endpoint SET sealed_previous = NULL, previous_until = NULL WHERE previous_until <= clock_timestamp()
"""


async def listed(
    connection: AsyncConnection, *, is_enabled: bool | None, limit: int, offset: int
) -> tuple[list[Endpoint], int]:
    """The newest first, and how many there are in all."""
    values = {"id": None, "sender": SENDER, "is_enabled": is_enabled, "limit": limit, "offset": offset}
    found = await fetch_all_as(connection, Endpoint, SQL_LIST, values)
    return found, int((await fetch_one(connection, SQL_COUNT, {"is_enabled": is_enabled}))[0])


async def by_id(connection: AsyncConnection, endpoint_id: int) -> Endpoint | None:
    values = {"id": endpoint_id, "sender": SENDER, "is_enabled": None, "limit": 1, "offset": 0}
    return await find_as(connection, Endpoint, SQL_LIST, values)


async def make(connection: AsyncConnection, new: NewEndpoint, sealed: str, by: int | None) -> int | None:
    """Its id, or None if there are `ENDPOINTS_MAX` already. The first one starts the sender. Call it in a transaction."""
    await connection.execute(SQL_ALONE)
    values = {
        "url": new.url,
        "event_types": list(new.event_types),
        "description": new.description,
        "sealed": sealed,
        "by": by,
        "most": ENDPOINTS_MAX,
    }
    row = await find_one(connection, SQL_MAKE, values)
    if row is None:
        return None
    await start_sender_async(connection, SENDER)
    return int(row[0])


async def lock(connection: AsyncConnection, endpoint_id: int) -> bool:
    """Whether it exists; nobody else changes it until the transaction ends."""
    return await find_one(connection, SQL_LOCK, (endpoint_id,)) is not None


async def change(connection: AsyncConnection, endpoint_id: int, new: NewEndpoint) -> None:
    values = {
        "id": endpoint_id,
        "url": new.url,
        "event_types": list(new.event_types),
        "description": new.description,
    }
    await connection.execute(SQL_CHANGE, values)


async def disable(connection: AsyncConnection, endpoint_id: int) -> None:
    """It is planned and sent nothing any more. Harmless if it is disabled already."""
    await connection.execute(SQL_DISABLE, {"id": endpoint_id, "why": BY_STAFF})


async def enable(connection: AsyncConnection, endpoint_id: int) -> None:
    """From now on it is told again, as if it had never failed. Harmless if it is enabled already."""
    if (await connection.execute(SQL_ENABLE, {"id": endpoint_id})).rowcount:
        await connection.execute(SQL_FORGIVE, {"sender": SENDER, "id": endpoint_id})


async def delete(connection: AsyncConnection, endpoint_id: int) -> None:
    """The last one stops the sender. Call it in a transaction."""
    await connection.execute(SQL_ALONE)
    await connection.execute(SQL_DELETE, (endpoint_id,))
    if not (await fetch_one(connection, SQL_ANY))[0]:
        await stop_sender_async(connection, SENDER)


async def rotate(connection: AsyncConnection, endpoint_id: int, sealed: str) -> datetime:
    """Until when the secret before signs too. One before that ends at once."""
    values = {"id": endpoint_id, "sealed": sealed, "hours": PREVIOUS_SECRET_HOURS}
    until: datetime = (await fetch_one(connection, SQL_ROTATE, values))[0]
    return until


async def reseal(connection: AsyncConnection, seal_anew: Callable[[str], str | None]) -> int:
    """Seal all secrets with today's key; how many endpoints were changed. `seal_anew` is None for what stays as it is.

    Previous secrets that sign no more go. Call it in a transaction.
    """
    await connection.execute(SQL_FORGET_PREVIOUS)
    changed = 0
    for id_, secret, previous in await fetch_all(connection, SQL_SEALED):
        new = seal_anew(secret), None if previous is None else seal_anew(previous)
        if new != (None, None):
            await connection.execute(SQL_RESEAL, (new[0] or secret, new[1] or previous, id_))
            changed += 1
    return changed
