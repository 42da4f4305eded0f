"""Commands that fail alone: charged an attempt each time, set aside after the last."""

from __future__ import annotations

import structlog

from core.store.about import people_of
from core.store.database import Connection
from core.store.inbox import SQL_MOVE, Waiting, move_parameters
from core.store.news import final_event, write_event_rows
from core.store.round_trip import RoundTrip
from core.store.save import Decided
from core.wire.outcomes import parked

log = structlog.get_logger()

MAX_ATTEMPTS = 3


def charge(connection: Connection, one: Waiting, why: str) -> list[Decided]:
    """Note one more failed attempt; after the third, park the command with an outcome and an event."""
    if one.attempts + 1 < MAX_ATTEMPTS:
        connection.execute("UPDATE inbox SET attempts = attempts + 1 WHERE id = %s", (one.envelope.id,))
        return []
    log.error("command parked", command_id=str(one.envelope.id), request_id=one.envelope.request_id, why=why)
    return park(connection, one)


def park(connection: Connection, one: Waiting) -> list[Decided]:
    envelope, outcome = one.envelope, parked(one.envelope.id)
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None  # noqa: S101 - SELECT without FROM always answers a row
    moved = connection.execute(SQL_MOVE, move_parameters([(envelope.id, outcome, people_of(envelope))], row[0]))
    if moved.rowcount == 0:
        return []
    with RoundTrip(connection) as trip:
        write_event_rows(trip, [final_event(envelope, "command_failed")], row[0])
    return [Decided(envelope, (), outcome)]
