"""A resource's zone: it changes only while nothing of the resource lies ahead, and no lane is at work."""

from __future__ import annotations

from typing import Any

import psycopg

from core.store.inbox.lane_batches import LANE_SPACE

SQL_HOLD_LANES = """
SELECT pg_advisory_xact_lock(%s, lane) FROM (SELECT generate_series(0, lanes - 1) AS lane FROM installation) AS lanes
"""
"""In the lanes' order and before any row, as everything that locks several does; lanes never wait for each other."""
SQL_TAKEN_AHEAD = """
SELECT EXISTS (SELECT FROM claim WHERE resource_id = %s AND during && tstzrange(clock_timestamp(), NULL))
"""
"""Bookings, sessions and closures: each of them claims its time. The trigger `resource_keeps_zone` asks the same."""


async def zone_may_change(connection: psycopg.AsyncConnection[Any], resource_id: int) -> bool:
    """Whether the zone of a resource may change in this transaction, which holds up all lanes until it ends.

    A lane at work may have read the old zone, and be about to take time by it. Nobody is held up where the answer
    is no already.
    """
    if await _is_taken_ahead(connection, resource_id):
        return False
    await connection.execute(SQL_HOLD_LANES, (LANE_SPACE,))
    return not await _is_taken_ahead(connection, resource_id)


async def _is_taken_ahead(connection: psycopg.AsyncConnection[Any], resource_id: int) -> bool:
    row = await (await connection.execute(SQL_TAKEN_AHEAD, (resource_id,))).fetchone()
    return row is None or bool(row[0])
