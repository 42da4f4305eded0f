"""Closures that follow calendars: brought in line with the busy times by commands to the lanes, as all closures are.

A round compares a resource's closures with what its calendars say, and sends a bounded number of commands in the
transaction that notes their ids. The next round waits until they are decided; so a round that dies is repeated, and one
that is repeated does nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from core.domain.commands import BusySpan, CloseResource, CommandClass, ReopenResource
from core.domain.resources.busy_times import ClosureChanges, PresentClosure, closure_changes
from core.domain.resources.local_time import Span
from core.domain.resources.wall_times import days_of_span
from core.store.connections.database import Connection
from core.store.inbox.acceptance import NewCommand, engine_command, enqueue
from core.store.inbox.partition_keys import partition_key

SENT_AT_ONCE = 200
"""Commands of one round: the lanes have others to decide."""
RESOURCES_AT_ONCE = 20
NEXT_ROUND_S = 1.0
STUCK_S = 60.0
"""After a round that changed nothing, as where a lane has refused what another one made impossible."""

SQL_DUE = """
SELECT resource_id FROM busy_calendar WHERE sync_at <= clock_timestamp()
GROUP BY resource_id ORDER BY min(sync_at) LIMIT %s
"""
SQL_ALONE = "SELECT pg_try_advisory_xact_lock(hashtext('busy_calendar'), %s::integer)"
SQL_CALENDARS = """
SELECT b.id, b.sealed_url <> '', b.commands, b.left_to_do, r.zone
FROM busy_calendar b JOIN resource r ON r.id = b.resource_id WHERE b.resource_id = %s ORDER BY b.id FOR UPDATE OF b
"""
SQL_UNDECIDED = "SELECT EXISTS (SELECT FROM inbox WHERE id = ANY(%s))"
SQL_TIMES = "SELECT calendar_id, starts_at, ends_at FROM busy_time WHERE calendar_id = ANY(%s) ORDER BY starts_at"
SQL_PRESENT = """
SELECT id, busy_calendar_id, lower(during), upper(during) FROM closure
WHERE resource_id = %(resource)s AND (busy_calendar_id IS NOT NULL OR during && tstzrange(%(since)s, NULL))
"""
SQL_ROUND = """
UPDATE busy_calendar SET commands = %(commands)s::uuid[], left_to_do = %(left)s,
       sync_at = clock_timestamp() + make_interval(secs => %(next_s)s)
WHERE resource_id = %(resource)s
"""
"""Of `next_s` NULL: until there is news."""
SQL_GONE = "DELETE FROM busy_calendar WHERE resource_id = %s AND sealed_url = ''"


class _Calendars(Struct, frozen=True):
    """Those of one resource, locked."""

    resource_id: int
    zone: str
    followed: list[int]
    commands: list[UUID]
    left_to_do: int


def sync_due(connection: Connection) -> int:
    """Bring the closures of some resources a round nearer to what their calendars say; how many commands were sent."""
    due = [row[0] for row in connection.execute(SQL_DUE, (RESOURCES_AT_ONCE,)).fetchall()]
    return sum(sync(connection, resource_id) for resource_id in due)


def sync(connection: Connection, resource_id: int) -> int:
    with connection.transaction():
        if not _yes(connection, SQL_ALONE, resource_id):
            return 0
        rows = connection.execute(SQL_CALENDARS, (resource_id,)).fetchall()
        if not rows:
            return 0
        found = _calendars(resource_id, rows)
        if found.commands and _yes(connection, SQL_UNDECIDED, found.commands):
            _next_round(connection, found, found.commands, found.left_to_do, NEXT_ROUND_S)
            return 0
        return _round(connection, found, _changes(connection, found))


def _round(connection: Connection, found: _Calendars, changes: ClosureChanges) -> int:
    left = len(changes)
    if not left:
        _next_round(connection, found, [], 0, None)
        connection.execute(SQL_GONE, (found.resource_id,))
        return 0
    if 0 < found.left_to_do <= left:
        _next_round(connection, found, [], 0, STUCK_S)
        return 0
    commands = _commands(found, changes)
    enqueue(connection, commands)
    _next_round(connection, found, [one.id for one in commands], left, NEXT_ROUND_S)
    return len(commands)


def _changes(connection: Connection, found: _Calendars) -> ClosureChanges:
    wanted: dict[int, list[Span]] = {}
    for calendar_id, starts_at, ends_at in connection.execute(SQL_TIMES, (found.followed,)).fetchall():
        wanted.setdefault(calendar_id, []).append((starts_at, ends_at))
    since: datetime | None = min((spans[0][0] for spans in wanted.values()), default=None)
    rows = connection.execute(SQL_PRESENT, {"resource": found.resource_id, "since": since}).fetchall()
    return closure_changes(wanted, [PresentClosure(row[0], row[1], (row[2], row[3])) for row in rows])


def _commands(found: _Calendars, changes: ClosureChanges) -> list[NewCommand]:
    """By their times; one that ends comes before one that is made at the same time, so that a lane does both at once."""
    ended = [(one.span, 0, _reopen(found, one)) for one in changes.end]
    made = [(span, 1, _close(found, calendar_id, span)) for calendar_id, span in changes.make]
    ordered = sorted([*ended, *made], key=lambda one: (one[0][0], one[1]))
    return [command for _, _, command in ordered[:SENT_AT_ONCE]]


def _close(found: _Calendars, calendar_id: int, span: Span) -> NewCommand:
    first_day, starts, last_day, ends = days_of_span(span, found.zone)
    busy = BusySpan(calendar_id, *span)
    return _sent(found, span, CloseResource(found.resource_id, first_day, last_day, starts, ends, busy=busy))


def _reopen(found: _Calendars, closure: PresentClosure) -> NewCommand:
    return _sent(found, closure.span, ReopenResource(closure.id))


def _sent(found: _Calendars, span: Span, command: CloseResource | ReopenResource) -> NewCommand:
    key = partition_key(found.resource_id, days_of_span(span, found.zone)[0])
    return engine_command(command, key, request_prefix="busy", command_class=CommandClass.BULK, contract="appointments")


def _calendars(resource_id: int, rows: Sequence[tuple[Any, ...]]) -> _Calendars:
    followed = [row[0] for row in rows if row[1]]
    sent = {id_ for row in rows for id_ in row[2]}
    return _Calendars(resource_id, rows[0][4], followed, sorted(sent), min(row[3] for row in rows))


def _next_round(
    connection: Connection, found: _Calendars, commands: Sequence[UUID], left: int, next_s: float | None
) -> None:
    values = {"resource": found.resource_id, "commands": list(commands), "left": left, "next_s": next_s}
    connection.execute(SQL_ROUND, values)


def _yes(connection: Connection, sql: str, value: object) -> bool:
    row = connection.execute(sql.encode(), (value,)).fetchone()
    return bool(row and row[0])
