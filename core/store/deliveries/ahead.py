"""Deliveries that come due by the clock: planned ahead, and added to those that wait when their time has come.

Until then they are no deliveries: they hold up none, count as none that waits, and are late for nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from core.store.connections.database import Connection
from core.store.deliveries.values import NewDelivery
from core.store.sql.parameters import chunks, json_of

TAKEN_AT_ONCE = 500
WRITTEN_AT_ONCE = 1_000

SQL_PLAN = """
INSERT INTO delivery_ahead (sender, receiver, key, booking_id, type, data, due_at)
SELECT %(sender)s, n.receiver, n.key, n.booking_id, n.type, n.data, n.due_at
FROM json_to_recordset(%(rows)s::json) AS n (
    id uuid, receiver text, key text, booking_id bigint, type text, data jsonb, due_at timestamptz)
WHERE NOT EXISTS (SELECT FROM delivery d WHERE d.id = n.id)
ON CONFLICT (sender, receiver, key) DO NOTHING
"""
"""What has become a delivery already is not planned again."""
SQL_TAKE = f"""
WITH due AS (
    SELECT sender, receiver, key FROM delivery_ahead WHERE sender = %(sender)s AND due_at <= clock_timestamp()
    ORDER BY due_at LIMIT {TAKEN_AT_ONCE} FOR UPDATE SKIP LOCKED
)
DELETE FROM delivery_ahead a USING due
WHERE (a.sender, a.receiver, a.key) = (due.sender, due.receiver, due.key)
RETURNING a.receiver, a.key, a.booking_id, a.type, a.data, a.due_at
"""


class _Row(Struct, frozen=True):
    id: str
    receiver: str
    key: str
    booking_id: int | None
    type: str
    data: Any
    due_at: datetime


def plan_ahead(connection: Connection, sender: str, deliveries: Sequence[NewDelivery]) -> None:
    """Write down what comes due later. Twice is harmless, as each has a key of its own."""
    rows = [
        _Row(str(one.id_of(sender)), one.receiver, one.key, one.booking_id, one.type, one.data, one.due_at)
        for one in deliveries
        if one.due_at is not None
    ]
    for some in chunks(rows, WRITTEN_AT_ONCE):
        connection.execute(SQL_PLAN, {"sender": sender, "rows": json_of(some)})


def take_due(connection: Connection, sender: str) -> list[NewDelivery]:
    """Take what has come due, those that are due longest first, to be added in the same transaction."""
    rows: list[tuple[Any, ...]] = connection.execute(SQL_TAKE.encode(), {"sender": sender}).fetchall()
    found = [
        NewDelivery(receiver, type_, data, booking_id=booking_id, key=key, once=True, due_at=due_at)
        for receiver, key, booking_id, type_, data, due_at in rows
    ]
    return sorted(found, key=lambda one: (one.due_at, one.key))
