"""Moves what is planned, a few at a time, each thing with its claims. Lanes stand still meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from msgspec import Struct
from psycopg.errors import ExclusionViolation

from core.domain.commands import ENGINE
from core.domain.resources.local_time import Span
from core.domain.resources.time_zones import TZDATA_VERSION
from core.store.claims import sql_claim_the_rest
from core.store.connections.database import Connection, database_now
from core.store.feed_events import SQL_EVENTS, EventRow, SlotFacts, event_parameters
from core.store.feed_filter import BookingPlace, service_number
from core.store.inbox.lane_batches import LANE_SPACE, SQL_HOLD_LANES
from core.store.maintenance.wall_times.plan import LIVE
from core.store.sql.parameters import chunks

MOVED_AT_ONCE = 100
"""Things that are moved while lanes stand still."""
REASON = "time zone rules changed"
SQL_DUE = """
SELECT id FROM wall_time_move
WHERE moved_at IS NULL AND ends_at > clock_timestamp() AND new_starts_at IS NOT NULL AND new_ends_at IS NOT NULL
ORDER BY new_starts_at > starts_at,
         CASE WHEN new_starts_at > starts_at THEN -1 ELSE 1 END * extract(epoch FROM starts_at), id
"""
"""Moves to an earlier time begin with the earliest, moves to a later one with the latest: so each finds its time free."""
SQL_TAKE = """
SELECT id, kind, row_id, starts_at, ends_at, new_starts_at, new_ends_at FROM wall_time_move
WHERE id = ANY(%s) AND moved_at IS NULL ORDER BY array_position(%s::bigint[], id)
"""
SQL_MOVED = "UPDATE wall_time_move SET moved_at = clock_timestamp(), problem = NULL WHERE id = %s"
SQL_PROBLEM = "UPDATE wall_time_move SET problem = %s WHERE id = %s"
SQL_FORGET = "DELETE FROM wall_time_move WHERE id = %s"
"""For what was cancelled or moved meanwhile."""
_MOVE_BOOKINGS = """
moved AS (UPDATE booking b SET starts_at = b.starts_at + %(by)s, ends_at = b.ends_at + %(by)s, version = b.version + 1,
                 updated_at = clock_timestamp()
          FROM chosen WHERE b.id = chosen.id
          RETURNING b.id, b.version, b.status, b.contract, b.user_id, b.resource_id, b.service_name, b.local_date),
claims AS (UPDATE claim k SET during = tstzrange(lower(k.during) + %(by)s, upper(k.during) + %(by)s)
           FROM chosen WHERE k.booking_id = chosen.id),
listed AS (UPDATE marketplace_booking m SET starts_at = m.starts_at + %(by)s, ends_at = m.ends_at + %(by)s
           FROM chosen WHERE m.booking_id = chosen.id AND m.starts_at IS NOT NULL)
SELECT id, version, status, contract, user_id, resource_id, service_name, local_date FROM moved ORDER BY id
"""
SQL_MOVE_BOOKING = f"""
WITH chosen AS (SELECT id FROM booking WHERE id = %(id)s FOR UPDATE), {_MOVE_BOOKINGS}
"""
SQL_MOVE_SLOTS_BOOKINGS = f"""
WITH chosen AS (SELECT id FROM booking WHERE time_slot_id = %(id)s AND status IN {LIVE} AND deleted_at IS NULL
                ORDER BY id FOR UPDATE), {_MOVE_BOOKINGS}
"""
SQL_MOVE_SESSIONS_BOOKINGS = f"""
WITH chosen AS (SELECT b.id FROM booking b JOIN marketplace_booking m ON m.booking_id = b.id
                WHERE m.session_id = %(id)s AND b.status IN {LIVE} AND b.deleted_at IS NULL
                ORDER BY b.id FOR UPDATE OF b), {_MOVE_BOOKINGS}
"""
SQL_MOVE_SLOT = """
UPDATE time_slot s SET starts_at = %(starts_at)s, ends_at = %(ends_at)s FROM category c
WHERE s.id = %(id)s AND c.id = s.category_id RETURNING s.id, c.id, c.name
"""
SQL_MOVE_SESSION = """
WITH claims AS (UPDATE claim SET during = tstzrange(lower(during) + %(by)s, upper(during) + %(by)s)
                WHERE session_id = %(id)s)
UPDATE service_session SET starts_at = %(starts_at)s, ends_at = %(ends_at)s, updated_at = clock_timestamp()
WHERE id = %(id)s
"""
SQL_MOVE_CLOSURE = "UPDATE closure SET during = tstzrange(%(starts_at)s, %(ends_at)s) WHERE id = %(id)s"
SQL_FREE_CLOSURE = "DELETE FROM claim WHERE closure_id = %(id)s"
SQL_CLOSE_THE_REST = sql_claim_the_rest(
    "c.during && tstzrange(%(from)s, %(until)s) AND c.resource_id = ANY(%(resources)s)"
)
"""Time that something left inside a closure is closed."""
SQL_RESOURCES = {
    "booking": "SELECT DISTINCT resource_id FROM claim WHERE booking_id = %(id)s",
    "time_slot": "SELECT DISTINCT k.resource_id FROM claim k JOIN booking b ON b.id = k.booking_id WHERE b.time_slot_id = %(id)s",
    "session": "SELECT DISTINCT resource_id FROM claim WHERE session_id = %(id)s",
    "closure": "SELECT resource_id FROM closure WHERE id = %(id)s",
}
SQL_IN_THE_WAY = """
SELECT coalesce('booking ' || k.booking_id, 'session ' || k.session_id, 'closure ' || k.closure_id, 'time taken by nobody known')
FROM claim k LEFT JOIN booking b ON b.id = k.booking_id
WHERE k.resource_id = ANY(%(resources)s) AND k.during && tstzrange(%(from)s, %(until)s)
  AND CASE %(kind)s WHEN 'booking' THEN k.booking_id WHEN 'session' THEN k.session_id WHEN 'closure' THEN k.closure_id
                    ELSE b.time_slot_id END IS DISTINCT FROM %(id)s
ORDER BY lower(k.during) LIMIT 5
"""
_PRESENT = {
    "booking": f"SELECT starts_at FROM booking WHERE id = %s AND status IN {LIVE} AND deleted_at IS NULL FOR UPDATE",
    "time_slot": "SELECT starts_at FROM time_slot WHERE id = %s AND deleted_at IS NULL FOR UPDATE",
    "session": "SELECT starts_at FROM service_session WHERE id = %s AND NOT is_cancelled FOR UPDATE",
    "closure": "SELECT lower(during) FROM closure WHERE id = %s FOR UPDATE",
}


class Due(Struct, frozen=True):
    """A move that is planned."""

    id: int
    kind: str
    row_id: int
    starts_at: datetime
    ends_at: datetime
    new_starts_at: datetime
    new_ends_at: datetime


def carry_out(connection: Connection) -> None:
    due = [row[0] for row in connection.execute(SQL_DUE).fetchall()]
    for ids in chunks(due, MOVED_AT_ONCE):
        with connection.transaction():
            connection.execute(SQL_HOLD_LANES, (LANE_SPACE,))
            rows = connection.execute(SQL_TAKE, (list(ids), list(ids))).fetchall()
            news = [fact for row in rows for fact in _move(connection, Due(*row))]
            if news:
                connection.execute(SQL_EVENTS, event_parameters(news, database_now(connection)))


def _move(connection: Connection, due: Due) -> list[EventRow]:
    """Move one, or note why it cannot be moved; returns its events for the feed."""
    present = connection.execute(_PRESENT[due.kind].encode(), (due.row_id,)).fetchone()
    if present is None or present[0] != due.starts_at:
        connection.execute(SQL_FORGET, (due.id,))
        return []
    try:
        with connection.transaction():
            news = _moved(connection, due)
    except ExclusionViolation as problem:
        connection.execute(SQL_PROBLEM, (_in_the_way(connection, due, problem), due.id))
        return []
    connection.execute(SQL_MOVED, (due.id,))
    return news


def _moved(connection: Connection, due: Due) -> list[EventRow]:
    values: dict[str, Any] = {
        "id": due.row_id,
        "by": due.new_starts_at - due.starts_at,
        "starts_at": due.new_starts_at,
        "ends_at": due.new_ends_at,
    }
    resources = [row[0] for row in connection.execute(SQL_RESOURCES[due.kind].encode(), values).fetchall()]
    news: list[EventRow] = []
    match due.kind:
        case "booking":
            news = _bookings(connection, SQL_MOVE_BOOKING, values)
        case "time_slot":
            news = _slot(connection, due, values)
        case "session":
            connection.execute(SQL_MOVE_SESSION, values)
            news = _bookings(connection, SQL_MOVE_SESSIONS_BOOKINGS, values)
        case _:
            connection.execute(SQL_MOVE_CLOSURE, values)
            connection.execute(SQL_FREE_CLOSURE, values)
    span: Span = min(due.starts_at, due.new_starts_at), max(due.ends_at, due.new_ends_at)
    connection.execute(SQL_CLOSE_THE_REST, {"from": span[0], "until": span[1], "resources": resources})
    return news


def _bookings(connection: Connection, statement: str, values: Mapping[str, Any]) -> list[EventRow]:
    rows = connection.execute(statement.encode(), values).fetchall()
    return [_booking_news(row, {}) for row in rows]


def _slot(connection: Connection, due: Due, values: Mapping[str, Any]) -> list[EventRow]:
    ((slot_id, category_id, category),) = connection.execute(SQL_MOVE_SLOT, values).fetchall()
    rows = connection.execute(SQL_MOVE_SLOTS_BOOKINGS.encode(), values).fetchall()
    user_id = rows[0][4] if rows else None
    facts = SlotFacts(slot_id, category_id, category, due.new_starts_at, due.new_ends_at, bool(rows), user_id)
    news = [_news("timeslot_updated", "calendar", None, None, {"slot": facts})]
    return news + [_booking_news(row, {"slot": facts}) for row in rows]


def _booking_news(row: tuple[Any, ...], more: Mapping[str, Any]) -> EventRow:
    """Of a row of `_MOVE_BOOKINGS`. The booking keeps its local day."""
    id_, version, status, contract, _, resource_id, service_name, day = row
    place = BookingPlace(resource_id, service_number(service_name), day)
    change = {"was": status, "now": status, "reason": REASON, "place": place, **more}
    return _news("booking_updated", contract, id_, version, change)


def _news(type_: str, contract: str, booking_id: int | None, version: int | None, data: dict[str, Any]) -> EventRow:
    return EventRow(
        type=type_,
        command_id=uuid4(),
        is_final=False,
        booking_id=booking_id,
        booking_version=version,
        owner=None,
        actor=str(ENGINE.kind),
        contract=contract,
        request_id=f"tzdata-{TZDATA_VERSION}",
        data=data,
    )


def _in_the_way(connection: Connection, due: Due, problem: ExclusionViolation) -> str:
    """What has the time that it needs; PostgreSQL's own words if that is a buffer or another slot."""
    values = {"kind": due.kind, "id": due.row_id, "from": due.new_starts_at, "until": due.new_ends_at}
    resources = [row[0] for row in connection.execute(SQL_RESOURCES[due.kind].encode(), values).fetchall()]
    rows = connection.execute(SQL_IN_THE_WAY, {**values, "resources": resources}).fetchall()
    found = ", ".join(row[0] for row in rows)
    return f"in the way: {found or problem.diag.message_detail or problem}"
