"""Measurements of the state in the database, with bounded effort: counts use small indexes, or stop at a limit."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from core.domain.commands import CommandClass
from core.domain.payments.values import PaymentState
from core.store.connections.database import Connection
from core.store.deliveries.senders_state import DeliveriesState, read_deliveries
from core.store.pulse import Pulse, read_pulse

INBOX_COUNTED_MAX = 100_000
"""So that a million waiting rows of bulks are not counted to the end."""
UNSETTLED = (
    PaymentState.QUEUED,
    PaymentState.CREATING,
    PaymentState.OPEN,
    PaymentState.PROCESSING,
    PaymentState.CLOSING,
    PaymentState.RETURNING,
    PaymentState.REFUNDING,
    PaymentState.REFUND_FAILED,
)
"""States in which something is still to happen. Settled payments only become more: they are counted as they change."""

SQL_INBOX = f"SELECT class, count(*) FROM (SELECT class FROM inbox LIMIT {INBOX_COUNTED_MAX}) AS counted GROUP BY class"
SQL_HOLDS = """
SELECT count(*) FILTER (WHERE hold_expires_at > clock_timestamp()), count(*) FILTER (WHERE hold_expires_at <= clock_timestamp())
FROM booking WHERE status = 'held'
"""
SQL_PAYMENTS = """
SELECT state, count(*) FROM payment WHERE due_at IS NOT NULL AND state = 'creating' GROUP BY state
UNION ALL SELECT state, count(*) FROM payment WHERE due_at IS NOT NULL AND state IN ('open', 'processing') GROUP BY state
UNION ALL SELECT state, count(*) FROM payment WHERE due_at IS NOT NULL AND state = 'closing' GROUP BY state
UNION ALL SELECT state, count(*) FROM payment WHERE due_at IS NOT NULL AND state IN ('returning', 'refunding') GROUP BY state
UNION ALL SELECT state, count(*) FROM payment WHERE state = 'queued' GROUP BY state
UNION ALL SELECT state, count(*) FROM payment WHERE state = 'refund_failed' GROUP BY state
"""
"""Each by the index that the payments workers use; something is due for each of these payments as long as it is under way."""
SQL_DIFFERING = """
SELECT count(*) FILTER (WHERE differs_since IS NOT NULL) FROM payment
WHERE parked_at IS NOT NULL OR state = 'refund_failed' OR differs_since IS NOT NULL
"""
"""By the index of the payments that need a person."""
SQL_FEED = """
SELECT last_position,
       coalesce(extract(epoch FROM clock_timestamp() - (
           SELECT created_at FROM event_batch WHERE first_position IS NULL ORDER BY id LIMIT 1))::float8, 0)
FROM feed
"""


class Measurements(Struct, frozen=True):
    pulse: Pulse
    inbox: dict[str, int]
    """By class; a class of which nothing waits has 0."""
    holds: int
    holds_lapsed: int
    """Their time is over, but the sweep has not expired them yet."""
    payments: dict[str, int]
    """By state, those of `UNSETTLED`."""
    payments_differing: int
    feed_head: int
    relay_lag_s: float
    deliveries: DeliveriesState = DeliveriesState((), 0.0, {"followed": 0, "failing": 0, "waiting": 0})


def measure(connection: Connection) -> Measurements:
    """Raises psycopg.Error."""
    classes = {CommandClass(number).name.lower(): found for number, found in _rows(connection, SQL_INBOX)}
    states = {str(state): found for state, found in _rows(connection, SQL_PAYMENTS)}
    ((standing, lapsed),) = _rows(connection, SQL_HOLDS)
    ((differing,),) = _rows(connection, SQL_DIFFERING)
    ((head, relay_lag_s),) = _rows(connection, SQL_FEED)
    return Measurements(
        pulse=read_pulse(connection),
        inbox={one.name.lower(): classes.get(one.name.lower(), 0) for one in CommandClass},
        holds=standing,
        holds_lapsed=lapsed,
        payments={one.value: states.get(one.value, 0) for one in UNSETTLED},
        payments_differing=differing,
        feed_head=head,
        relay_lag_s=max(0.0, relay_lag_s),
        deliveries=read_deliveries(connection),
    )


def _rows(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    return connection.execute(statement.encode()).fetchall()
