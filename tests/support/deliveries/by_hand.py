"""Planning, leasing and reporting by hand, as a delivery worker does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from core.deliveries.pauses import PAUSES, Pauses, after_failure
from core.deliveries.sender import Connections, Gap, Sender
from core.store.connections.database import Connection
from core.store.deliveries.leases import Attempt, Failed, Next, lease_due, report
from core.store.deliveries.values import Answer, Delivery, DeliveryState, NewDelivery, sent
from core.store.feed import FeedEvent, number_events

ALL = 1_000
NAME = "notes"


class PlainSender(Sender):
    """Tells each receiver of every event. What it sends is up to the test."""

    name = NAME
    receivers: Sequence[str] = ("1",)

    def plan(self, connection: Connection, events: Sequence[FeedEvent]) -> list[NewDelivery]:  # noqa: ARG002 - plans by the events alone
        return [
            NewDelivery(receiver, one.type, {"n": one.number}, event=one, booking_id=one.booking_id)
            for one in events
            for receiver in self.receivers
        ]

    def plan_gap(self, connection: Connection, gap: Gap) -> list[NewDelivery]:  # noqa: ARG002 - as above
        return [NewDelivery(receiver, "gap", {"events": gap.events, "why": gap.why}) for receiver in self.receivers]

    def send(self, connections: Connections, delivery: Delivery) -> Answer:  # noqa: ARG002 - never called
        return sent(f"{delivery.type} taken")


def write_events(connection: Connection, *bookings: int | None, ago_s: float = 0.0) -> None:
    """A batch for each, committed and numbered as lanes and the relay do."""
    for booking in bookings:
        connection.execute(
            """WITH b AS (INSERT INTO event_batch (events, created_at)
                          VALUES (1, clock_timestamp() - make_interval(secs => %s)) RETURNING id)
            INSERT INTO event (batch_id, n, type, version, command_id, is_final, booking_id, booking_version, actor,
                               contract, request_id)
            SELECT id, 0, 'booking_placed', 1, gen_random_uuid(), true, %s, 1, 'engine', 'agent', 'r' FROM b""",
            (ago_s, booking),
        )
    number_events(connection)


def to(receiver: str, booking: int | None = None, **data: Any) -> NewDelivery:
    return NewDelivery(receiver, "note", data, booking_id=booking)


def take(
    connection: Connection, limit: int = ALL, at_once: int = ALL, *, lease_s: float = 60.0, failing: bool = False
) -> list[Delivery]:
    return lease_due(connection, NAME, limit, at_once, lease_s, failing=failing)


def answer(
    connection: Connection, delivery: Delivery, given: Answer | None = None, pauses: Pauses = PAUSES
) -> DeliveryState | None:
    """Report an attempt, with the longest pauses that jitter leaves."""

    def next_of(failed: Failed) -> Next:
        return after_failure(failed, pauses, 0.0, given.retry_after_s if given else None)

    return report(connection, Attempt(delivery, given or sent("204"), 0.02), next_of)


def rows(connection: Connection) -> list[tuple[Any, ...]]:
    """(receiver, type, state, attempts) in the order of planning."""
    return connection.execute("SELECT receiver, type, state, attempts FROM delivery ORDER BY seq").fetchall()


def data_of(connection: Connection) -> list[dict[str, Any]]:
    return [json.loads(row[0]) for row in connection.execute("SELECT data::text FROM delivery ORDER BY seq").fetchall()]


def pass_time(connection: Connection, seconds: float) -> None:
    """As if all that is planned and tried were so much longer ago."""
    ago = timedelta(seconds=seconds)
    connection.execute(
        """UPDATE delivery SET due_at = due_at - %(ago)s, leased_until = leased_until - %(ago)s,
               tried_since = tried_since - %(ago)s, created_at = created_at - %(ago)s""",
        {"ago": ago},
    )
    connection.execute(
        """UPDATE delivery_receiver SET due_at = due_at - %(ago)s, paused_until = paused_until - %(ago)s,
               failing_since = failing_since - %(ago)s""",
        {"ago": ago},
    )


def due_at(connection: Connection, delivery: Delivery) -> datetime | None:
    row = connection.execute("SELECT due_at FROM delivery WHERE id = %s", (delivery.id,)).fetchone()
    return row[0] if row else None
