"""After an upgrade of tzdata, what lies ahead keeps its wall time, and a report lists what moved.

`migrate` compares the rules of each zone with those that the database keeps. Where they differ it plans, in one
transaction with the new rules, what must move, and then moves it. What cannot move stays where it is with its reason,
and is tried again by the next `migrate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog

from core.domain.resources.time_zones import TZDATA_VERSION, ZONES, readable
from core.store.connections.database import Connection, database_now
from core.store.maintenance.wall_times.moves import carry_out
from core.store.maintenance.wall_times.plan import NAMED_MAX, plan
from core.store.sql.local_days import SQL_ZONES

log = structlog.get_logger()

SQL_ODD = "SELECT id, kind, name, zone FROM resource WHERE zone = ANY(%s) ORDER BY id"
SQL_REPORT = """
SELECT kind, row_id, resource_id, zone, starts_at, new_starts_at, problem FROM wall_time_move
WHERE moved_at >= %(since)s OR moved_at IS NULL AND ends_at > clock_timestamp() ORDER BY moved_at NULLS FIRST, id
"""


def keep_wall_times(connection: Connection, version: str = TZDATA_VERSION) -> None:
    """Plan what new rules ask for, move what is due, and log it. Each `migrate` runs it; it is safe to run again at any point."""
    began = database_now(connection)
    with connection.transaction():
        planned = plan(connection, version)
    carry_out(connection)
    _report(connection, planned, version, began)


def _report(connection: Connection, planned: int, version: str, began: datetime) -> None:
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
            found=[_shown(row) for row in rows if row[-1] is None][:NAMED_MAX],
        )
    if left:
        log.error(
            "these could not keep their wall time", count=len(left), found=[_shown(row) for row in left][:NAMED_MAX]
        )


def _shown(row: Sequence[Any]) -> dict[str, Any]:
    kind, row_id, resource_id, zone, was, becomes, problem = row
    shown = {kind: row_id, "resource": resource_id, "zone": zone, "from": str(was), "to": str(becomes)}
    return shown if problem is None else {**shown, "problem": problem}
