"""Planning, leasing and reporting by hand, as a delivery worker does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.deliveries.pauses import PAUSES, Pauses, after_failure
from core.deliveries.sender import Connections, Gap, Sender
from core.store.connections.database import Connection
from core.store.deliveries.leases import Run, RunLimits, lease_runs, take_back_lost
from core.store.deliveries.reports import Attempt, Ended, Failed, Next, report
from core.store.deliveries.values import Answer, Delivery, DeliveryState, NewDelivery, sent
from core.store.feed import FeedEvent, number_events

ALL = 1_000
NAME = "notes"
RUNS: dict[tuple[UUID, datetime], Run] = {}
"""By their delivery and when it was leased."""


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


def take_one_by_one(
    connection: Connection, sender: str, limit: int, at_once: int, lease_s: float = 60.0, *, failing: bool = False
) -> list[Run]:
    """What is due, each in a run of its own."""
    take_back_lost(connection, sender)
    return lease_runs(connection, sender, limit, RunLimits(at_once, lease_s, 1), failing=failing)


def take(
    connection: Connection, limit: int = ALL, at_once: int = ALL, *, lease_s: float = 60.0, failing: bool = False
) -> list[Delivery]:
    runs = take_one_by_one(connection, NAME, limit, at_once, lease_s, failing=failing)
    RUNS.update({(run.deliveries[0].id, run.leased_at): run for run in runs})
    return [run.deliveries[0] for run in runs]


def run_of(delivery: Delivery) -> Run:
    """In which it was taken."""
    return RUNS[delivery.id, delivery.leased_at]


def answer(
    connection: Connection, delivery: Delivery, given: Answer | None = None, pauses: Pauses = PAUSES
) -> DeliveryState | None:
    """Report an attempt, with the longest pauses that jitter leaves."""
    ended = report_one(connection, run_of(delivery), given or sent("204"), pauses)
    return None if ended is None else ended.state


def report_one(
    connection: Connection,
    run: Run,
    given: Answer,
    pauses: Pauses = PAUSES,
    also: Callable[[Ended], None] = lambda _: None,
) -> Ended | None:
    """Of a run with one delivery."""

    def next_of(answer: Answer, failed: Failed) -> Next:
        return after_failure(failed, pauses, 0.0, answer.retry_after_s)

    ended = report(connection, run, [Attempt(run.deliveries[0], given, 0.02)], next_of, also)
    return None if ended is None else ended[0]


def rows(connection: Connection) -> list[tuple[Any, ...]]:
    """(receiver, type, state, attempts) in the order of planning."""
    return connection.execute("SELECT receiver, type, state, attempts FROM delivery ORDER BY seq").fetchall()


def data_of(connection: Connection) -> list[dict[str, Any]]:
    return [json.loads(row[0]) for row in connection.execute("SELECT data::text FROM delivery ORDER BY seq").fetchall()]


def pass_time(connection: Connection, seconds: float) -> None:
    """As if all that is planned and tried were so much longer ago."""
    ago = timedelta(seconds=seconds)
    for table, columns in {
        "delivery": "due_at retry_at tried_since created_at",
        "delivery_receiver": "due_at paused_until failing_since",
        "delivery_run": "leased_at leased_until",
    }.items():
        earlier = ", ".join(f"{column} = {column} - %(ago)s" for column in columns.split())
        connection.execute(f"UPDATE {table} SET {earlier}".encode(), {"ago": ago})


def due_at(connection: Connection, delivery: Delivery) -> datetime | None:
    row = connection.execute("SELECT due_at FROM delivery WHERE id = %s", (delivery.id,)).fetchone()
    return row[0] if row else None
