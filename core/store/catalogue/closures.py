"""Closures, as the catalogue reads one and as a batch loads and writes them. Their lists are in `lists/closures`.

A closure's row says what is closed. Its claims, beside those of the bookings in it, put all of its
time under the exclusion constraint; a trigger claims for it what a booking in it gives back.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from core.domain.commands import CloseResource, Command
from core.domain.events import Event, ResourceClosed, ResourceReopened
from core.domain.needs import Needs
from core.domain.resources.closures import SHOWN_IN_THE_WAY, closure_intervals
from core.domain.state import State
from core.domain.values import Closure, Resource
from core.store.bookings.rows import BOOKING_COLUMNS, booking_of
from core.store.catalogue.changes import read_one
from core.store.claims import sql_claim_the_rest
from core.store.connections.database import AsyncConnection
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.round_trip import RoundTrip, Rows
from core.store.sql.lost_races import require_all
from core.store.sql.parameters import json_of

CLOSURE_COLUMNS = """c.id, r.id, r.kind, r.name, r.zone, c.first_day, c.starts, c.last_day, c.ends, lower(c.during),
       upper(c.during), c.reason, c.created_at, c.busy_calendar_id"""
SQL_CLOSURES = f"""
SELECT {CLOSURE_COLUMNS} FROM closure c JOIN resource r ON r.id = c.resource_id
WHERE c.id = ANY(%s) ORDER BY c.id FOR UPDATE OF c
"""
SQL_SHOWN = f"SELECT {BOOKING_COLUMNS} FROM booking WHERE id = ANY(%s) AND deleted_at IS NULL"
SQL_CLOSE = """
INSERT INTO closure (id, resource_id, first_day, starts, last_day, ends, during, reason, created_at, busy_calendar_id)
SELECT id, resource_id, first_day, starts, last_day, ends, tstzrange(starts_at, ends_at), reason, created_at, calendar_id
FROM json_to_recordset(%s::json) AS c (
    id bigint, resource_id bigint, first_day date, starts time, last_day date, ends time, starts_at timestamptz,
    ends_at timestamptz, reason text, created_at timestamptz, calendar_id bigint)
"""
SQL_CLAIM_THE_REST = sql_claim_the_rest("c.id = ANY(%s)")
SQL_OVERLOOKED = """
WITH made AS (SELECT * FROM json_to_recordset(%s::json) AS made (id bigint, in_the_way bigint[]))
SELECT CASE WHEN EXISTS (
    SELECT c.id, k.booking_id FROM made JOIN closure c ON c.id = made.id
    JOIN claim k ON k.resource_id = c.resource_id AND k.during && c.during AND k.booking_id IS NOT NULL
    EXCEPT SELECT id, unnest(in_the_way) FROM made) THEN batch_lost_race() END
"""
"""The race is lost if a booking is in a closure's way that its answer does not name: another lane made it meanwhile."""
SQL_REOPEN = require_all("DELETE FROM closure WHERE id = ANY(%s) RETURNING id")

SQL_ONE = f"SELECT {CLOSURE_COLUMNS} FROM closure c JOIN resource r ON r.id = c.resource_id WHERE c.id = %s"


class ClosureRow(Struct, frozen=True):
    """For `SQL_CLOSE` and `SQL_OVERLOOKED`."""

    id: int
    resource_id: int
    first_day: Any
    starts: Any
    last_day: Any
    ends: Any
    starts_at: Any
    ends_at: Any
    reason: str
    created_at: Any
    calendar_id: int | None
    in_the_way: tuple[int, ...]


def closure_of(row: Sequence[Any]) -> Closure:
    """A row that begins with `CLOSURE_COLUMNS`."""
    return Closure(row[0], Resource(*row[1:5]), *row[5:14])


async def one(connection: AsyncConnection, closure_id: int) -> Closure:
    """Raises NotFoundError."""
    return closure_of(await read_one(connection, SQL_ONE, (closure_id,)))


def ask_closures(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    def store_closures(rows: Rows) -> None:
        state.closures |= {row[0]: closure_of(row) for row in rows}

    if needs.closures:
        pipeline.ask(SQL_CLOSURES, (list(needs.closures),), store_closures)


def ask_bookings_in_the_way(pipeline: QueryPipeline, state: State, commands: Sequence[Command]) -> None:
    """Read the first of the bookings in the way of closures, for their answers to show."""

    def store_bookings(rows: Rows) -> None:
        state.shown_only |= {row[0]: booking_of(row) for row in rows}

    ids: set[int] = set()
    for command in commands:
        for resource_id, starts_at, ends_at in (
            closure_intervals(state, command) if isinstance(command, CloseResource) else ()
        ):
            inside = state.claims[resource_id].touching(starts_at, ends_at)
            ids.update(islice((one.booking_id for one in inside if one.booking_id is not None), SHOWN_IN_THE_WAY))
    if ids:
        pipeline.ask(SQL_SHOWN, (list(ids),), store_bookings)


_OF_CLOSURES = frozenset({ResourceClosed, ResourceReopened})


def reopen_closures(trip: RoundTrip, events: Sequence[Event]) -> None:
    """Delete closures that the batch ends and did not make itself; their claims go with them. Before other claims."""
    if _OF_CLOSURES.isdisjoint(map(type, events)):
        return
    made = {event.closure.id for event in events if isinstance(event, ResourceClosed)}
    ended = [e.closure.id for e in events if isinstance(e, ResourceReopened) and e.closure.id not in made]
    if ended:
        trip.execute(SQL_REOPEN, (ended, len(ended)))


def write_closures(trip: RoundTrip, events: Sequence[Event]) -> None:
    """Write closures that the batch makes and does not end itself. After all other claims."""
    if _OF_CLOSURES.isdisjoint(map(type, events)):
        return
    if closures := _closed(events):
        rows = json_of(closures)
        trip.execute(SQL_CLOSE, (rows,))
        trip.execute(SQL_CLAIM_THE_REST, ([closure.id for closure in closures],))
        trip.execute(SQL_OVERLOOKED, (rows,))


def _closed(events: Sequence[Event]) -> list[ClosureRow]:
    ended = {event.closure.id for event in events if isinstance(event, ResourceReopened)}
    made = ((event.closure, event.in_the_way) for event in events if isinstance(event, ResourceClosed))
    return [
        ClosureRow(
            id=c.id,
            resource_id=c.resource.id,
            first_day=c.first_day,
            starts=c.starts,
            last_day=c.last_day,
            ends=c.ends,
            starts_at=c.starts_at,
            ends_at=c.ends_at,
            reason=c.reason,
            created_at=c.created_at,
            calendar_id=c.calendar_id,
            in_the_way=in_the_way,
        )
        for c, in_the_way in made
        if c.id not in ended
    ]
