"""How it goes with each sender, for metrics and `holdfast status`, read with bounded effort."""

from __future__ import annotations

from msgspec import Struct

from core.store.connections.database import Connection

COUNTED_MAX = 100_000

SQL_SENDERS = f"""
WITH under_way AS (
    SELECT sender, sum(cardinality(ids)) AS n, min(leased_at) AS oldest FROM delivery_run GROUP BY sender
), waiting AS (
    SELECT sender, count(*) AS n, min(created_at) AS oldest FROM (
        SELECT r.sender, w.created_at FROM delivery_receiver r CROSS JOIN LATERAL (
            SELECT created_at FROM delivery
            WHERE sender = r.sender AND receiver = r.receiver AND seq > r.taken_seq AND state = 'waiting'
              AND retry_at IS NULL
            UNION ALL
            SELECT created_at FROM delivery
            WHERE sender = r.sender AND receiver = r.receiver AND retry_at IS NOT NULL) AS w
        WHERE r.due_at IS NOT NULL LIMIT {COUNTED_MAX}) AS counted
    GROUP BY sender
), parked AS (
    SELECT sender, count(*) AS n FROM (
        SELECT sender FROM delivery WHERE parked_at IS NOT NULL LIMIT {COUNTED_MAX}) AS p
    GROUP BY sender
), senders AS (
    SELECT sender FROM delivery_cursor UNION SELECT sender FROM waiting UNION SELECT sender FROM parked
    UNION SELECT sender FROM under_way
)
SELECT s.sender, (coalesce(w.n, 0) + coalesce(u.n, 0))::bigint, coalesce(p.n, 0),
       greatest(0, coalesce(f.last_position - c.position, 0)), coalesce(c.missed_events, 0),
       greatest(0, coalesce(extract(epoch FROM clock_timestamp() - least(w.oldest, u.oldest)), 0))::float8
FROM feed f CROSS JOIN senders s LEFT JOIN waiting w USING (sender) LEFT JOIN parked p USING (sender)
     LEFT JOIN under_way u USING (sender) LEFT JOIN delivery_cursor c USING (sender)
ORDER BY s.sender
"""
"""A receiver for whom something waits beside what is under way has a time to be looked at (`due_at`)."""
SQL_LAG = """
SELECT greatest(0, coalesce(extract(epoch FROM clock_timestamp() - min(greatest(due_at, paused_until))), 0))::float8
FROM delivery_receiver
WHERE due_at <= clock_timestamp() AND (paused_until IS NULL OR paused_until <= clock_timestamp())
"""
SQL_CALENDARS = """
SELECT count(*) FILTER (WHERE failures = 0 AND read_at IS NOT NULL),
       count(*) FILTER (WHERE failures > 0), count(*) FILTER (WHERE failures = 0 AND read_at IS NULL),
       greatest(0, coalesce(extract(epoch FROM clock_timestamp() - min(fetch_at)), 0))::float8
FROM busy_calendar WHERE sealed_url <> ''
"""


class SenderState(Struct, frozen=True):
    """One sender that has something to do, or has left something undone."""

    sender: str
    waiting: int
    parked: int
    unplanned_events: int
    missed_events: int
    """Deleted before they were planned, in all."""
    oldest_s: float
    """Age of the oldest delivery that waits."""


class DeliveriesState(Struct, frozen=True):
    senders: tuple[SenderState, ...]
    lag_s: float
    """How late the delivery workers are with what is due, calendars that are to be fetched included."""
    busy_calendars: dict[str, int]
    """By how they do: followed, failing, waiting."""


def read_deliveries(connection: Connection) -> DeliveriesState:
    senders = connection.execute(SQL_SENDERS.encode()).fetchall()
    lag = connection.execute(SQL_LAG).fetchone()
    followed, failing, waiting, overdue_s = connection.execute(SQL_CALENDARS).fetchone() or (0, 0, 0, 0.0)
    return DeliveriesState(
        tuple(SenderState(*row) for row in senders),
        max(lag[0] if lag else 0.0, overdue_s),
        {"followed": followed, "failing": failing, "waiting": waiting},
    )
