"""What `holdfast status` reads from PostgreSQL beside the measurements: lanes, sessions, recent decisions."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from core.store.connections.database import Connection
from core.store.installation import Maintenance, read_installation
from core.store.measurements import INBOX_COUNTED_MAX, Measurements, measure
from core.store.pulse import NEWER

RATE_WINDOW_S = 10
BATCHES_COUNTED_MAX = 2_000
"""Of the newest: under a load that makes more of them within the window, a shorter window is counted."""
OUTCOME_OF_EVENT = {"command_refused": "rejected", "command_withdrawn": "rejected", "command_failed": "failed"}
"""By the type of the event that says that a command is decided. Every other one is a success."""

SQL_LANES = f"""
SELECT lane, count(*),
       extract(epoch FROM clock_timestamp() - min(accepted_at) FILTER (
           WHERE awaits IS NULL AND put_offs = 0 AND NOT {NEWER}))::float8
FROM (SELECT * FROM inbox LIMIT {INBOX_COUNTED_MAX}) AS counted GROUP BY lane ORDER BY lane
"""
SQL_DECIDED = f"""
WITH recent AS MATERIALIZED (
    SELECT id, created_at FROM (
        SELECT id, created_at FROM event_batch ORDER BY id DESC LIMIT {BATCHES_COUNTED_MAX}
    ) AS newest WHERE created_at > clock_timestamp() - interval '{RATE_WINDOW_S} s'
)
SELECT e.type, count(*), (SELECT CASE WHEN count(*) < {BATCHES_COUNTED_MAX} THEN {RATE_WINDOW_S}
    ELSE extract(epoch FROM clock_timestamp() - min(created_at)) END FROM recent)::float8
FROM recent JOIN event e ON e.batch_id = recent.id WHERE e.is_final AND e.type <> 'canary' GROUP BY e.type
"""
"""By the primary keys of both tables. Our own canaries are left out."""
SQL_SESSIONS = """
SELECT application_name, count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'holdfast %' GROUP BY application_name
"""
SQL_SERVER = """
SELECT current_setting('server_version'), (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_setting('max_connections')::integer, (SELECT lanes FROM installation), (SELECT epoch FROM feed)
"""


class WaitingLane(Struct, frozen=True):
    """A lane with commands in the inbox."""

    lane: int
    waiting: int
    """Commands, of those that were counted: `INBOX_COUNTED_MAX` of all lanes at most."""
    lag_s: float | None
    """Age of the oldest command that it should have decided. None: what waits is put off, or waits for Stripe or for a
    newer worker."""


class Decided(Struct, frozen=True):
    """How many commands were decided in the last seconds, without canaries."""

    within_s: float
    succeeded: int
    rejected: int
    """Refused or withdrawn."""
    failed: int
    """Parked."""

    @property
    def per_second(self) -> float:
        return (self.succeeded + self.rejected + self.failed) / self.within_s


class RunningState(Struct, frozen=True):
    measurements: Measurements
    maintenance: Maintenance | None
    lanes: int
    """Of the installation."""
    waiting_lanes: tuple[WaitingLane, ...]
    decided: Decided
    feed_epoch: str
    sessions: dict[str, int]
    """Of Holdfast's processes in this database, by application name."""
    server_version: str
    connections: int
    """Of all clients to the server."""
    connections_max: int


def read_running_state(connection: Connection) -> RunningState:
    """Raises psycopg.Error, or ValueError if the feed's row is missing."""
    ((version, connections, connections_max, lanes, epoch),) = _rows(connection, SQL_SERVER)
    return RunningState(
        measurements=measure(connection),
        maintenance=read_installation(connection).maintenance,
        lanes=lanes,
        waiting_lanes=tuple(WaitingLane(*row) for row in _rows(connection, SQL_LANES)),
        decided=_decided(_rows(connection, SQL_DECIDED)),
        feed_epoch=epoch,
        sessions=dict(_rows(connection, SQL_SESSIONS)),
        server_version=version,
        connections=connections,
        connections_max=connections_max,
    )


def _decided(rows: list[tuple[Any, ...]]) -> Decided:
    counts = dict.fromkeys(("succeeded", "rejected", "failed"), 0)
    for type_, found, _ in rows:
        counts[OUTCOME_OF_EVENT.get(type_, "succeeded")] += found
    return Decided(within_s=rows[0][2] if rows else float(RATE_WINDOW_S), **counts)


def _rows(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    return connection.execute(statement.encode()).fetchall()
