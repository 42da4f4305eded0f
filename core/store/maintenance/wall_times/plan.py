"""Which bookings, time slots, sessions and closures ahead must move: planned where the rules of a zone changed.

Bookings and closures have their local days and times. Slots and sessions are instants: their wall time is that of
the rules that the database kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from msgspec import Struct

from core.domain.resources.time_zones import ZONES, from_rules, is_guessed, readable, rules_of
from core.domain.resources.wall_times import days_of_span, instant_at_wall_time, kept, span_of_days, wall
from core.store.connections.database import Connection, installed
from core.store.inbox.lane_batches import LANE_SPACE, SQL_HOLD_LANES
from core.store.sql.local_days import SQL_ZONES
from core.store.sql.parameters import chunks

log = structlog.get_logger()

READ_AT_ONCE = 1_000
NAMED_MAX = 20
"""Changes that a line of the log names; the table `wall_time_move` has all of them."""
LIVE = "('held', 'confirmed', 'in_progress')"
"""Statuses of bookings that take time."""
LATE_DAYS = 30
"""For this long after a change of rules, processes with the old ones may have booked: their bookings are looked for."""
SQL_VERSION = "SELECT tzdata FROM installation"
SQL_RULES = "SELECT zone, rules FROM zone_rules"
SQL_LATELY = "SELECT zone FROM zone_rules WHERE changed_at > clock_timestamp() - %s * interval '1 day'"
SQL_KEEP_RULES = """
INSERT INTO zone_rules AS z (zone, rules) SELECT zone, rules FROM unnest(%s::text[], %s::bytea[]) AS n (zone, rules)
ON CONFLICT (zone) DO UPDATE SET rules = excluded.rules, changed_at = clock_timestamp() WHERE z.rules <> excluded.rules
"""
SQL_KEEP_VERSION = "UPDATE installation SET tzdata = %s"
SQL_ALL_NEW = "UPDATE zone_rules SET changed_at = clock_timestamp() WHERE EXISTS (SELECT FROM booking)"
"""For processes of a release that kept no rules: they may still run, with whatever rules they have."""
_IN_ZONES = "r.zone = ANY(%(zones)s)"
_PRACTITIONERS = "(%(all)s OR r.kind <> 'practitioner')"
SQL_BOOKINGS = f"""
SELECT b.id, b.resource_id, r.zone, b.starts_at, b.ends_at, b.local_date, b.local_time
FROM booking b JOIN resource r ON r.id = b.resource_id LEFT JOIN marketplace_booking m ON m.booking_id = b.id
WHERE {_IN_ZONES} AND {_PRACTITIONERS} AND b.starts_at > clock_timestamp() AND b.status IN {LIVE}
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
WHERE {_IN_ZONES} AND {_PRACTITIONERS} AND upper(c.during) > clock_timestamp() AND c.busy_calendar_id IS NULL
"""
"""Busy times of calendars are instants, and are read anew."""
SQL_OF_PRACTITIONERS = f"""
SELECT b.id, 'booking', r.zone, b.starts_at, b.ends_at, b.local_date, b.local_time, NULL::date, NULL::time
FROM booking b JOIN resource r ON r.id = b.resource_id
WHERE {_IN_ZONES} AND r.kind = 'practitioner' AND b.starts_at > clock_timestamp() AND b.status IN {LIVE}
  AND b.deleted_at IS NULL
UNION ALL
SELECT c.id, 'closure', r.zone, lower(c.during), upper(c.during), c.first_day, c.starts, c.last_day, c.ends
FROM closure c JOIN resource r ON r.id = c.resource_id
WHERE {_IN_ZONES} AND r.kind = 'practitioner' AND upper(c.during) > clock_timestamp() AND c.busy_calendar_id IS NULL
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


class Move(Struct, frozen=True):
    """One thing that is to keep its wall time. Its new time is None if the new rules skip that wall time."""

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


def plan(connection: Connection, version: str) -> int:
    """Plan moves and keep the new rules, in the caller's transaction: the next run finds nothing to plan."""
    (known,) = installed(connection.execute(SQL_VERSION).fetchone(), "installation row")
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
        for some in chunks(moves, READ_AT_ONCE):
            cursor.executemany(SQL_PLAN, [_row(move, version) for move in some])
    connection.execute(SQL_SUPERSEDE, (version,))
    return len(moves)


def _by_local_times(connection: Connection, zones: Sequence[str], *, first: bool) -> Iterator[Move]:
    """Bookings and closures whose instants differ from their local times.

    The first time those of practitioners stay as they are: earlier releases let their zones change, so their local
    times may be another zone's, and the instants are what people agreed on.
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
    """Of practitioners, whose zones could change: from now on local times and instants agree."""
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
