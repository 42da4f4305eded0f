"""Agent keys as staff see them: who made each and how it is used, never the key itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from msgspec import Struct

from core.identity.credentials.agent_keys import Network
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all_as, fetch_one, find_as

USE_DAYS_SHOWN = 30


class KeyRecord(Struct, frozen=True):
    """A key with the sums of its use."""

    id: int
    name: str
    hint: str
    networks: Sequence[Network]
    writes_per_minute: int
    created_by: int | None
    created_at: datetime
    revoked_by: int | None
    revoked_at: datetime | None
    requests: int
    refused: int
    last_used_at: datetime | None
    last_address: str


class DayOfUse(Struct, frozen=True):
    date: date
    requests: int
    refused: int


class KeyUse(Struct, frozen=True):
    """What one process has seen of a key since it last told."""

    key_id: int
    requests: int
    refused: int
    last_address: str


SQL_LIST = """
SELECT k.id, k.name, k.hint, k.networks, k.writes_per_minute, k.created_by, k.created_at, k.revoked_by, k.revoked_at,
       coalesce(s.requests, 0)::bigint AS requests, coalesce(s.refused, 0)::bigint AS refused, s.last_used_at,
       coalesce(l.last_address, '') AS last_address
FROM agent_key k
LEFT JOIN LATERAL (SELECT sum(requests) AS requests, sum(refused) AS refused, max(last_used_at) AS last_used_at
                   FROM agent_key_use WHERE key_id = k.id) s ON true
LEFT JOIN LATERAL (SELECT last_address FROM agent_key_use WHERE key_id = k.id ORDER BY day DESC LIMIT 1) l ON true
WHERE (%(id)s::bigint IS NULL OR k.id = %(id)s)
  AND (%(is_active)s::boolean IS NULL OR (k.revoked_at IS NULL) = %(is_active)s)
ORDER BY k.id DESC LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT = """
SELECT count(*) FROM agent_key WHERE %(is_active)s::boolean IS NULL OR (revoked_at IS NULL) = %(is_active)s
"""
SQL_DAYS = """
SELECT day AS date, requests, refused FROM agent_key_use WHERE key_id = %(id)s ORDER BY day DESC LIMIT %(most)s
"""
SQL_ADD_USE = """
INSERT INTO agent_key_use AS u (key_id, day, requests, refused, last_used_at, last_address)
SELECT key_id, (clock_timestamp() AT TIME ZONE 'UTC')::date, requests, refused, clock_timestamp(), last_address
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[]) AS n (key_id, requests, refused, last_address)
ORDER BY key_id
ON CONFLICT (key_id, day) DO UPDATE
SET requests = u.requests + excluded.requests, refused = u.refused + excluded.refused,
    last_used_at = excluded.last_used_at, last_address = excluded.last_address
"""
"""Sorted, so that two processes that tell at once wait for each other."""


async def listed(connection: AsyncConnection, *, is_active: bool | None, limit: int, offset: int) -> list[KeyRecord]:
    """Newest first; revoked ones stay in the list."""
    values = {"id": None, "is_active": is_active, "limit": limit, "offset": offset}
    return await fetch_all_as(connection, KeyRecord, SQL_LIST, values)


async def count(connection: AsyncConnection, *, is_active: bool | None) -> int:
    return int((await fetch_one(connection, SQL_COUNT, {"is_active": is_active}))[0])


async def by_id(connection: AsyncConnection, key_id: int) -> KeyRecord | None:
    return await find_as(connection, KeyRecord, SQL_LIST, {"id": key_id, "is_active": None, "limit": 1, "offset": 0})


async def days(connection: AsyncConnection, key_id: int) -> list[DayOfUse]:
    """The newest days on which the key was used."""
    return await fetch_all_as(connection, DayOfUse, SQL_DAYS, {"id": key_id, "most": USE_DAYS_SHOWN})


async def add_use(connection: AsyncConnection, seen: Sequence[KeyUse]) -> None:
    columns = [
        [use.key_id for use in seen],
        [use.requests for use in seen],
        [use.refused for use in seen],
        [use.last_address for use in seen],
    ]
    await connection.execute(SQL_ADD_USE, columns)
