"""What is planned: where each sender stands in the feed, and the deliveries that are written as it goes on.

A cursor moves in the transaction that writes what was planned up to it, so nothing is planned twice or forgotten.
Several planners are harmless: whoever locks the cursor plans. A sender without a cursor has nothing to do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from core.store.connections.database import AsyncConnection, Connection
from core.store.deliveries.values import NewDelivery
from core.store.feed import NOWHERE, settle_epoch, settle_origin
from core.store.sql.parameters import chunks, json_of, texts_of

OLD_S = 3600
"""After the feed got a new epoch, what was decided longer before it began is not sent by itself: the database may be an
older one, restored, and the receiver may have had it. What is younger is sent, with the id that it had."""
WRITTEN_AT_ONCE = 1_000
"""Rows of one statement."""
OLD_ANSWER = "the feed began anew: it may have been sent before, so a person decides"

SQL_START = """
INSERT INTO delivery_cursor (sender, epoch, position) SELECT %(sender)s, epoch, last_position FROM feed
ON CONFLICT (sender) DO NOTHING
"""
SQL_STOP = "DELETE FROM delivery_cursor WHERE sender = %(sender)s"
SQL_ANY_CURSOR = "SELECT EXISTS (SELECT FROM delivery_cursor)"
SQL_BEHIND = """
SELECT c.sender FROM delivery_cursor c, feed f
WHERE c.sender IN (SELECT json_array_elements_text(%(senders)s::json))
  AND (c.position <> f.last_position OR c.epoch <> f.epoch
       OR EXISTS (SELECT FROM delivery_ahead a WHERE a.sender = c.sender AND a.due_at <= clock_timestamp()))
ORDER BY c.sender
"""
SQL_LOCK = """
SELECT c.epoch, c.position, f.epoch, f.last_position, f.epoch_began_at
FROM delivery_cursor c, feed f WHERE c.sender = %s FOR UPDATE OF c SKIP LOCKED
"""
SQL_MOVE = "UPDATE delivery_cursor SET position = %(position)s, epoch = %(epoch)s WHERE sender = %(sender)s"
SQL_MISSED = """
UPDATE delivery_cursor SET missed_events = missed_events + %(events)s, missed_at = clock_timestamp(), missed_why = %(why)s
WHERE sender = %(sender)s
"""
SQL_WAKE = """
INSERT INTO delivery_receiver AS r (sender, receiver, due_at)
SELECT %(sender)s, receiver, min(coalesce(due_at, clock_timestamp()))
FROM json_to_recordset(%(rows)s::json) AS n (receiver text, due_at timestamptz, is_old boolean)
WHERE NOT is_old GROUP BY receiver ORDER BY receiver
ON CONFLICT (sender, receiver) DO UPDATE SET due_at = least(r.due_at, excluded.due_at), touched_at = clock_timestamp()
"""
"""Before the deliveries are written: its lock makes their `seq` rise in the order in which they become visible. In one
order, so that two writers do not wait for each other."""
SQL_ADD = """
WITH added AS (
    INSERT INTO delivery (id, sender, receiver, booking_id, type, epoch, position, data, state, due_at, retry_at, done_at,
                          parked_at, answer)
    SELECT n.id, %(sender)s, n.receiver, n.booking_id, n.type, f.epoch, n.position, n.data,
           CASE WHEN n.is_old THEN 'parked' ELSE 'waiting' END,
           CASE WHEN NOT n.is_old THEN coalesce(n.due_at, clock_timestamp()) END,
           CASE WHEN NOT n.is_old AND n.due_at > clock_timestamp() THEN n.due_at END,
           CASE WHEN n.is_old THEN clock_timestamp() END, CASE WHEN n.is_old THEN clock_timestamp() END,
           CASE WHEN n.is_old THEN %(old_answer)s END
    FROM feed f, ROWS FROM (json_to_recordset(%(rows)s::json) AS (
        id uuid, receiver text, booking_id bigint, type text, position bigint, data jsonb, due_at timestamptz,
        is_old boolean)) WITH ORDINALITY
        AS n (id, receiver, booking_id, type, position, data, due_at, is_old, n)
    ORDER BY n.n
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
SELECT count(*) FROM added
"""
"""In the order given, which `seq` keeps."""
SQL_PARK_OLD = f"""
UPDATE delivery SET state = 'parked', due_at = NULL, retry_at = NULL, done_at = clock_timestamp(),
       parked_at = clock_timestamp(), answer = %(old_answer)s
WHERE id IN (
    SELECT w.id FROM delivery_receiver r CROSS JOIN LATERAL (
        SELECT id, created_at FROM delivery
        WHERE sender = r.sender AND receiver = r.receiver AND seq > r.taken_seq AND state = 'waiting' AND retry_at IS NULL
        UNION ALL
        SELECT id, created_at FROM delivery WHERE sender = r.sender AND receiver = r.receiver AND retry_at IS NOT NULL
    ) AS w
    WHERE r.sender = %(sender)s AND w.created_at < (SELECT epoch_began_at FROM feed) - interval '{OLD_S} seconds'
    LIMIT {WRITTEN_AT_ONCE})
"""


class Cursor(Struct, frozen=True):
    """Where a sender stands, and the feed at that moment."""

    epoch: str
    position: int
    feed_epoch: str
    head: int
    epoch_began_at: datetime | None
    """Of the feed's present epoch."""


class _Row(Struct, frozen=True):
    id: str
    receiver: str
    booking_id: int | None
    type: str
    position: int | None
    data: Any
    due_at: datetime | None
    is_old: bool


def start_sender(connection: Connection, sender: str) -> None:
    """From now on it has something to do: what is decided after this moment is planned for it. Harmless if it had before."""
    settle_origin(connection)
    connection.execute(SQL_START, {"sender": sender})


async def start_sender_async(connection: AsyncConnection, sender: str) -> None:
    """The same on an event loop, e.g. in the transaction that makes the first endpoint."""
    await settle_epoch(connection, NOWHERE, None)
    await connection.execute(SQL_START, {"sender": sender})


def stop_sender(connection: Connection, sender: str) -> None:
    """It has nothing to do any more, and costs nothing. What it has planned is still sent."""
    connection.execute(SQL_STOP, {"sender": sender})


async def stop_sender_async(connection: AsyncConnection, sender: str) -> None:
    """The same on an event loop, e.g. in the transaction that deletes the last endpoint."""
    await connection.execute(SQL_STOP, {"sender": sender})


def any_sender(connection: Connection) -> bool:
    """Whether any sender has something to do."""
    row = connection.execute(SQL_ANY_CURSOR).fetchone()
    return bool(row and row[0])


def senders_behind(connection: Connection, senders: Collection[str]) -> list[str]:
    """Those of them whose cursor is not at the feed's head, or for whom something has come due by the clock."""
    return [row[0] for row in connection.execute(SQL_BEHIND, {"senders": texts_of(senders)}).fetchall()]


def lock_cursor(connection: Connection, sender: str) -> Cursor | None:
    """Call it in a transaction. None if the sender has none, or another planner has it now."""
    row = connection.execute(SQL_LOCK, (sender,)).fetchone()
    return Cursor(*row) if row else None


def move_cursor(connection: Connection, sender: str, epoch: str, position: int) -> None:
    connection.execute(SQL_MOVE, {"sender": sender, "epoch": epoch, "position": position})


def note_missed(connection: Connection, sender: str, events: int, why: str) -> None:
    connection.execute(SQL_MISSED, {"sender": sender, "events": events, "why": why})


def add(
    connection: Connection, sender: str, deliveries: Sequence[NewDelivery], old_before: datetime | None = None
) -> int:
    """Write deliveries in their order; how many are new. One that was planned before stays as it is.

    What follows from an event of before `old_before`, or came due before then, is parked.
    """
    added = 0
    for some in chunks(deliveries, WRITTEN_AT_ONCE):
        values = _parameters(sender, some, old_before)
        with connection.transaction():
            connection.execute(SQL_WAKE, values)
            row = connection.execute(SQL_ADD, values).fetchone()
        added += int(row[0]) if row else 0
    return added


async def add_async(connection: AsyncConnection, sender: str, deliveries: Sequence[NewDelivery]) -> int:
    """The same on an event loop, for what follows from no event: a test, an old delivery sent anew."""
    added = 0
    for some in chunks(deliveries, WRITTEN_AT_ONCE):
        values = _parameters(sender, some, None)
        async with connection.transaction():
            await connection.execute(SQL_WAKE, values)
            row = await (await connection.execute(SQL_ADD, values)).fetchone()
        added += int(row[0]) if row else 0
    return added


def park_old(connection: Connection, sender: str) -> int:
    """Park some of what waits from long before the feed's epoch; 0 when none is left. Call it in a transaction."""
    return connection.execute(SQL_PARK_OLD, {"sender": sender, "old_answer": OLD_ANSWER}).rowcount


def _parameters(sender: str, deliveries: Sequence[NewDelivery], old_before: datetime | None) -> dict[str, object]:
    rows = [_row(sender, one, old_before) for one in deliveries]
    return {"sender": sender, "rows": json_of(rows), "old_answer": OLD_ANSWER}


def _row(sender: str, one: NewDelivery, old_before: datetime | None) -> _Row:
    decided = one.event.at if one.event else one.due_at
    return _Row(
        id=str(one.id_of(sender)),
        receiver=one.receiver,
        booking_id=one.booking_id,
        type=one.type,
        position=one.event.number if one.event else None,
        data=one.data,
        due_at=one.due_at,
        is_old=old_before is not None and decided is not None and decided < old_before,
    )
