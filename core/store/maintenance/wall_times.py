"""After an upgrade of tzdata: what lies ahead keeps its wall time, and a report lists what moved.

`migrate` compares the rules of each zone with those that the database keeps. Where they differ it plans, in one
transaction with the new rules, which bookings, time slots, sessions and closures ahead must move. Then it moves
them, a few at a time, each with its claims; lanes stand still meanwhile. What cannot move stays where it is, says
why, and is tried again by the next `migrate`.

Bookings and closures have their local days and times. Slots and sessions are instants: what their wall time was,
the rules that were kept say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import uuid4

import psycopg
import structlog
from msgspec import Struct
from psycopg.errors import ExclusionViolation

from core.domain.commands import ENGINE
from core.domain.resources.time_zones import TZDATA_VERSION, ZONES, from_rules, is_guessed, readable, rules_of
from core.domain.resources.wall_times import Span, days_of_span, instant_at_wall_time, kept, span_of_days, wall
from core.store.claims import sql_claim_the_rest
from core.store.connections.database import Connection
from core.store.feed_events import SQL_EVENTS, EventRow, SlotFacts, event_parameters
from core.store.inbox.lane_batches import LANE_SPACE, SQL_HOLD_LANES
from core.store.sql.local_days import SQL_ZONES

log = structlog.get_logger()
T = TypeVar("T")

MOVED_AT_ONCE = 100
"""Things that are moved while lanes stand still."""
READ_AT_ONCE = 1_000
NAMED_MAX = 20
"""Moves that are logged; the table `wall_time_move` has all of them."""
LATE_DAYS = 30
"""For so long after a change of rules, bookings of processes that still have the old ones are looked for."""
REASON = "time zone rules changed"
_LIVE = "('held', 'confirmed', 'in_progress')"

SQL_VERSION = "SELECT tzdata FROM installation"
SQL_RULES = "SELECT zone, rules FROM zone_rules"
SQL_LATELY = "SELECT zone FROM zone_rules WHERE changed_at > clock_timestamp() - %s * interval '1 day'"
SQL_KEEP_RULES = """
INSERT INTO zone_rules AS z (zone, rules) SELECT zone, rules FROM unnest(%s::text[], %s::bytea[]) AS n (zone, rules)
ON CONFLICT (zone) DO UPDATE SET rules = excluded.rules, changed_at = clock_timestamp() WHERE z.rules <> excluded.rules
"""
SQL_KEEP_VERSION = "UPDATE installation SET tzdata = %s"
SQL_ALL_NEW = "UPDATE zone_rules SET changed_at = clock_timestamp() WHERE EXISTS (SELECT FROM booking)"
"""Processes of a release that kept no rules may still run, with any."""
SQL_ODD = "SELECT id, kind, name, zone FROM resource WHERE zone = ANY(%s) ORDER BY id"

_IN_ZONES = "r.zone = ANY(%(zones)s)"
_PRACTITIONERS = "(%(all)s OR r.kind <> 'practitioner')"
SQL_BOOKINGS = f"""
SELECT b.id, b.resource_id, r.zone, b.starts_at, b.ends_at, b.local_date, b.local_time
FROM booking b JOIN resource r ON r.id = b.resource_id LEFT JOIN marketplace_booking m ON m.booking_id = b.id
WHERE {_IN_ZONES} AND {_PRACTITIONERS} AND b.starts_at > clock_timestamp() AND b.status IN {_LIVE}
  AND b.deleted_at IS NULL AND b.time_slot_id IS NULL AND m.session_id IS NULL
"""
SQL_SLOTS = f"""
SELECT s.id, r.id, r.zone, s.starts_at, s.ends_at
FROM time_slot s JOIN category c ON c.id = s.category_id JOIN resource r ON r.id = c.resource_id
WHERE {_IN_ZONES} AND s.starts_at > clock_timestamp() AND s.deleted_at IS NULL
"""
SQL_SESSIONS = f"""
SELECT s.id, r.id, r.zone, s.starts_at, s.ends_at
FROM service_session s JOIN practitioner p ON p.id = s.practitioner_id JOIN resource r ON r.id = p.resource_id
WHERE {_IN_ZONES} AND s.starts_at > clock_timestamp() AND NOT s.is_cancelled
"""
SQL_CLOSURES = f"""
SELECT c.id, r.id, r.zone, lower(c.during), upper(c.during), c.first_day, c.starts, c.last_day, c.ends
FROM closure c JOIN resource r ON r.id = c.resource_id
WHERE {_IN_ZONES} AND {_PRACTITIONERS} AND upper(c.during) > clock_timestamp()
"""
SQL_OF_PRACTITIONERS = f"""
SELECT b.id, 'booking', r.zone, b.starts_at, b.ends_at, b.local_date, b.local_time, NULL::date, NULL::time
FROM booking b JOIN resource r ON r.id = b.resource_id
WHERE {_IN_ZONES} AND r.kind = 'practitioner' AND b.starts_at > clock_timestamp() AND b.status IN {_LIVE}
  AND b.deleted_at IS NULL
UNION ALL
SELECT c.id, 'closure', r.zone, lower(c.during), upper(c.during), c.first_day, c.starts, c.last_day, c.ends
FROM closure c JOIN resource r ON r.id = c.resource_id
WHERE {_IN_ZONES} AND r.kind = 'practitioner' AND upper(c.during) > clock_timestamp()
"""
SQL_CORRECT_BOOKING = "UPDATE booking SET local_date = %s, local_time = %s WHERE id = %s"
SQL_CORRECT_CLOSURE = "UPDATE closure SET first_day = %s, starts = %s, last_day = %s, ends = %s WHERE id = %s"
SQL_PLAN = """
INSERT INTO wall_time_move (tzdata, kind, row_id, resource_id, zone, starts_at, ends_at, new_starts_at, new_ends_at, problem)
VALUES (%(tzdata)s, %(kind)s, %(row_id)s, %(resource_id)s, %(zone)s, %(starts_at)s, %(ends_at)s, %(new_starts_at)s,
        %(new_ends_at)s, %(problem)s)
ON CONFLICT (tzdata, kind, row_id) DO UPDATE
SET starts_at = excluded.starts_at, ends_at = excluded.ends_at, new_starts_at = excluded.new_starts_at,
    new_ends_at = excluded.new_ends_at, problem = excluded.problem, moved_at = NULL
"""
SQL_SUPERSEDE = """
DELETE FROM wall_time_move o USING wall_time_move n
WHERE o.moved_at IS NULL AND n.tzdata = %s AND o.tzdata <> n.tzdata AND n.kind = o.kind AND n.row_id = o.row_id
"""

SQL_DUE = """
SELECT id FROM wall_time_move
WHERE moved_at IS NULL AND ends_at > clock_timestamp() AND new_starts_at IS NOT NULL AND new_ends_at IS NOT NULL
ORDER BY new_starts_at > starts_at,
         CASE WHEN new_starts_at > starts_at THEN -1 ELSE 1 END * extract(epoch FROM starts_at), id
"""
"""Moves to an earlier time begin with the earliest, moves to a later one with the latest: each into time that is free by then."""
SQL_TAKE = """
SELECT id, kind, row_id, starts_at, ends_at, new_starts_at, new_ends_at FROM wall_time_move
WHERE id = ANY(%s) AND moved_at IS NULL ORDER BY array_position(%s::bigint[], id)
"""
SQL_MOVED = "UPDATE wall_time_move SET moved_at = clock_timestamp(), problem = NULL WHERE id = %s"
SQL_PROBLEM = "UPDATE wall_time_move SET problem = %s WHERE id = %s"
SQL_FORGET = "DELETE FROM wall_time_move WHERE id = %s"
"""It was cancelled, or somebody moved it: nothing is left to be done or told."""

_MOVE_BOOKINGS = """
moved AS (UPDATE booking b SET starts_at = b.starts_at + %(by)s, ends_at = b.ends_at + %(by)s, version = b.version + 1,
                 updated_at = clock_timestamp()
          FROM chosen WHERE b.id = chosen.id RETURNING b.id, b.version, b.status, b.contract, b.user_id),
claims AS (UPDATE claim k SET during = tstzrange(lower(k.during) + %(by)s, upper(k.during) + %(by)s)
           FROM chosen WHERE k.booking_id = chosen.id),
listed AS (UPDATE marketplace_booking m SET starts_at = m.starts_at + %(by)s, ends_at = m.ends_at + %(by)s
           FROM chosen WHERE m.booking_id = chosen.id AND m.starts_at IS NOT NULL)
SELECT id, version, status, contract, user_id FROM moved ORDER BY id
"""
SQL_MOVE_BOOKING = f"""
WITH chosen AS (SELECT id FROM booking WHERE id = %(id)s FOR UPDATE), {_MOVE_BOOKINGS}
"""
SQL_MOVE_SLOTS_BOOKINGS = f"""
WITH chosen AS (SELECT id FROM booking WHERE time_slot_id = %(id)s AND status IN {_LIVE} AND deleted_at IS NULL
                ORDER BY id FOR UPDATE), {_MOVE_BOOKINGS}
"""
SQL_MOVE_SESSIONS_BOOKINGS = f"""
WITH chosen AS (SELECT b.id FROM booking b JOIN marketplace_booking m ON m.booking_id = b.id
                WHERE m.session_id = %(id)s AND b.status IN {_LIVE} AND b.deleted_at IS NULL
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
    "booking": f"SELECT starts_at FROM booking WHERE id = %s AND status IN {_LIVE} AND deleted_at IS NULL FOR UPDATE",
    "time_slot": "SELECT starts_at FROM time_slot WHERE id = %s AND deleted_at IS NULL FOR UPDATE",
    "session": "SELECT starts_at FROM service_session WHERE id = %s AND NOT is_cancelled FOR UPDATE",
    "closure": "SELECT lower(during) FROM closure WHERE id = %s FOR UPDATE",
}
SQL_REPORT = """
SELECT kind, row_id, resource_id, zone, starts_at, new_starts_at, problem FROM wall_time_move
WHERE moved_at >= %(since)s OR moved_at IS NULL AND ends_at > clock_timestamp() ORDER BY moved_at NULLS FIRST, id
"""


class Move(Struct, frozen=True):
    """One thing that is to keep its wall time; None where the new rules skip it."""

    kind: str
    row_id: int
    resource_id: int
    zone: str
    starts_at: datetime
    ends_at: datetime
    new_starts_at: datetime | None
    new_ends_at: datetime | None

    @property
    def problem(self) -> str | None:
        skipped = self.new_starts_at is None or self.new_ends_at is None
        return "the clocks skip its local time" if skipped else None


class Due(Struct, frozen=True):
    """A move that is planned."""

    id: int
    kind: str
    row_id: int
    starts_at: datetime
    ends_at: datetime
    new_starts_at: datetime
    new_ends_at: datetime


def keep_wall_times(connection: Connection, version: str = TZDATA_VERSION) -> None:
    """Plan what new rules ask for, move what is due, and tell. Safe to run again at any point, and by each `migrate`."""
    (began,) = _one(connection, "SELECT clock_timestamp()")
    with connection.transaction():
        planned = _plan(connection, version)
    _carry_out(connection)
    _tell(connection, planned, version, began)


def _plan(connection: Connection, version: str) -> int:
    """Plan and keep the new rules in one transaction, so that the next run finds nothing to plan."""
    (known,) = _one(connection, SQL_VERSION)
    moves: list[Move] = []
    if known != version:
        before: dict[str, bytes] = dict(connection.execute(SQL_RULES).fetchall())
        in_use = [row[0] for row in connection.execute(SQL_ZONES).fetchall() if not is_guessed(row[0])]
        changed = [name for name in in_use if before.get(readable(name)) != rules_of(readable(name))]
        moves += _by_local_times(connection, changed, first=not before)
        moves += _by_rules(connection, changed, before)
        if not before:
            _correct_local_times(connection, in_use)
        names = sorted(ZONES)
        connection.execute(SQL_KEEP_RULES, (names, [rules_of(name) for name in names]))
        if not before:
            connection.execute(SQL_ALL_NEW)
        connection.execute(SQL_KEEP_VERSION, (version,))
    else:
        late = [row[0] for row in connection.execute(SQL_LATELY, (LATE_DAYS,)).fetchall()]
        moves += _by_local_times(connection, late, first=False)
    with connection.cursor() as cursor:
        for some in in_batches(moves, READ_AT_ONCE):
            cursor.executemany(SQL_PLAN, [_row(move, version) for move in some])
    connection.execute(SQL_SUPERSEDE, (version,))
    return len(moves)


def _by_local_times(connection: Connection, zones: Sequence[str], *, first: bool) -> Iterator[Move]:
    """Bookings and closures whose instants do not show the local times that they have.

    The first time those of practitioners are left: earlier releases let their zones change, so their local times
    may be another zone's, and the instants are what people agreed on.
    """
    values = {"zones": list(zones), "all": not first}
    if not zones:
        return
    for id_, resource_id, zone, starts_at, ends_at, day, at in _read(connection, SQL_BOOKINGS, values):
        if (begins := instant_at_wall_time(day, at, zone, starts_at)) != starts_at:
            ends = None if begins is None else ends_at + (begins - starts_at)
            yield Move("booking", id_, resource_id, zone, starts_at, ends_at, begins, ends)
    for row in _read(connection, SQL_CLOSURES, values):
        id_, resource_id, zone, starts_at, ends_at, first_day, starts, last_day, ends_at_time = row
        span = span_of_days(first_day, starts, last_day, ends_at_time, zone, (starts_at, ends_at))
        if span != (starts_at, ends_at):
            yield Move("closure", id_, resource_id, zone, starts_at, ends_at, *span)


def _correct_local_times(connection: Connection, zones: Sequence[str]) -> None:
    """Of practitioners, whose zones could change: from here on local times and instants agree."""
    connection.execute(SQL_HOLD_LANES, (LANE_SPACE,))
    corrected: list[dict[str, Any]] = []
    for id_, kind, zone, starts_at, ends_at, *times in _read(connection, SQL_OF_PRACTITIONERS, {"zones": list(zones)}):
        shown = days_of_span((starts_at, ends_at), zone) if kind == "closure" else wall(starts_at, zone)
        if shown != tuple(times[: len(shown)]):
            corrected.append({"kind": kind, "id": id_, "times": shown})
    for one in corrected:
        statement = SQL_CORRECT_CLOSURE if one["kind"] == "closure" else SQL_CORRECT_BOOKING
        connection.execute(statement, (*one["times"], one["id"]))
    if corrected:
        found = [{one["kind"]: one["id"], "now": " ".join(map(str, one["times"]))} for one in corrected[:NAMED_MAX]]
        log.warning("local times were another zone's and are now the practitioner's", count=len(corrected), found=found)


def _by_rules(connection: Connection, zones: Iterable[str], before: Mapping[str, bytes]) -> Iterator[Move]:
    """Time slots and sessions, by the wall time that they had with the rules of `before`."""
    rules = {name: from_rules(before[readable(name)]) for name in zones if readable(name) in before}
    for kind, statement in (("time_slot", SQL_SLOTS), ("session", SQL_SESSIONS)):
        for id_, resource_id, zone, starts_at, ends_at in _read(connection, statement, {"zones": list(rules)}):
            if (begins := kept(starts_at, rules[zone], zone)) != starts_at:
                ends = None if begins is None else ends_at + (begins - starts_at)
                yield Move(kind, id_, resource_id, zone, starts_at, ends_at, begins, ends)


def _read(connection: Connection, statement: str, values: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    with connection.cursor(name="ahead") as cursor:
        cursor.itersize = READ_AT_ONCE
        yield from cursor.execute(statement.encode(), values)


def _row(move: Move, version: str) -> dict[str, Any]:
    row = {name: getattr(move, name) for name in Move.__struct_fields__}
    return {**row, "tzdata": version, "problem": move.problem}


def _carry_out(connection: Connection) -> None:
    due = [row[0] for row in connection.execute(SQL_DUE).fetchall()]
    for ids in in_batches(due, MOVED_AT_ONCE):
        with connection.transaction():
            connection.execute(SQL_HOLD_LANES, (LANE_SPACE,))
            rows = connection.execute(SQL_TAKE, (list(ids), list(ids))).fetchall()
            news = [fact for row in rows for fact in _move(connection, Due(*row))]
            if news:
                (now,) = _one(connection, "SELECT clock_timestamp()")
                connection.execute(SQL_EVENTS, event_parameters(news, now))


def _move(connection: Connection, due: Due) -> list[EventRow]:
    """Move one, or say why not; what the feed is told."""
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
    return [
        _news("booking_updated", contract, id_, version, {"was": status, "now": status, "reason": REASON})
        for id_, version, status, contract, _ in rows
    ]


def _slot(connection: Connection, due: Due, values: Mapping[str, Any]) -> list[EventRow]:
    slot_id, category_id, category = _one(connection, SQL_MOVE_SLOT, values)
    rows = connection.execute(SQL_MOVE_SLOTS_BOOKINGS.encode(), values).fetchall()
    user_id = rows[0][4] if rows else None
    facts = SlotFacts(slot_id, category_id, category, due.new_starts_at, due.new_ends_at, bool(rows), user_id)
    news = [_news("timeslot_updated", "calendar", None, None, {"slot": facts})]
    for id_, version, status, contract, _ in rows:
        told = {"was": status, "now": status, "reason": REASON, "slot": facts}
        news.append(_news("booking_updated", contract, id_, version, told))
    return news


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
    """What has the time that it needs; if nothing is found (a buffer, another slot), PostgreSQL's own words."""
    values = {"kind": due.kind, "id": due.row_id, "from": due.new_starts_at, "until": due.new_ends_at}
    resources = [row[0] for row in connection.execute(SQL_RESOURCES[due.kind].encode(), values).fetchall()]
    rows = connection.execute(SQL_IN_THE_WAY, {**values, "resources": resources}).fetchall()
    found = ", ".join(row[0] for row in rows)
    return f"in the way: {found or problem.diag.message_detail or problem}"


def _tell(connection: Connection, planned: int, version: str, began: datetime) -> None:
    unlisted = [row[0] for row in connection.execute(SQL_ZONES).fetchall() if row[0] not in ZONES]
    odd = connection.execute(SQL_ODD, (unlisted,)).fetchall() if unlisted else []
    if odd:
        found = [
            {"resource": id_, "kind": kind, "name": name, "zone": zone, "read_as": readable(zone)}
            for id_, kind, name, zone in odd
        ]
        log.warning("resources have a zone that tzdata does not list", count=len(odd), found=found[:NAMED_MAX])
    rows = connection.execute(SQL_REPORT, {"since": began}).fetchall()
    left = [row for row in rows if row[-1] is not None]
    if rows or planned:
        log.warning(
            "time zone rules changed: what lies ahead keeps its wall time",
            tzdata=version,
            moved=len(rows) - len(left),
            found=[_told(row) for row in rows if row[-1] is None][:NAMED_MAX],
        )
    if left:
        log.error(
            "these could not keep their wall time", count=len(left), found=[_told(row) for row in left][:NAMED_MAX]
        )


def _told(row: Sequence[Any]) -> dict[str, Any]:
    kind, row_id, resource_id, zone, was, becomes, problem = row
    told = {kind: row_id, "resource": resource_id, "zone": zone, "from": str(was), "to": str(becomes)}
    return told if problem is None else {**told, "problem": problem}


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _one(
    connection: psycopg.Connection[Any], statement: str, values: Mapping[str, Any] | None = None
) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(statement.encode(), values).fetchone()
    assert row is not None  # noqa: S101 - each of these answers one row
    return row
