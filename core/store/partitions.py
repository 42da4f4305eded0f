"""The weeks of the outcomes: partitions made ahead, dropped when they are old, and made good when they were missing.

An outcome whose week has no partition lands in the default partition: nobody made one for weeks, or the
clock was far ahead for a moment. There it is found like any other, but its week cannot get a partition as
long as it lies there. So the default partition is changed for an empty one and what lay in it is put in
again, each row into its week. What belongs to weeks that are not due yet waits in the default partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from msgspec import Struct
from psycopg import sql

from core.store.database import Connection

log = structlog.get_logger()

OUTCOME_DAYS = 30
"""Command bodies and outcomes live this long."""
WEEKS_AHEAD = 4
"""Made ahead. A look-up by id asks each partition, so not many more."""
REST = "outcome_rest"
"""The default partition."""
MOVED_ROWS = 10_000
"""As many are put in again row by row. Of more, most stay where they are: their table becomes a partition."""
LOCK_WAIT_S = 2
"""Everybody else waits behind whoever waits for the lock of the whole table. The next sweep tries again."""
WEEK = timedelta(weeks=1)

_OF_OUTCOME = """
SELECT c.relname, regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \\('([^']+)'\\) TO \\('([^']+)'\\)$$) AS ends
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'outcome'::regclass
"""
SQL_PARTITIONS = f"""
SELECT relname, ends[1]::timestamptz, ends[2]::timestamptz FROM ({_OF_OUTCOME}) AS parts
WHERE ends IS NOT NULL ORDER BY 2
"""
SQL_BEHIND = f"""
(SELECT extract(epoch FROM clock_timestamp() - min(ends[2]::timestamptz) - interval '{OUTCOME_DAYS} days')
 FROM ({_OF_OUTCOME}) AS parts)
"""
SQL_MONDAY = "SELECT date_trunc('week', clock_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', clock_timestamp()"
SQL_WITHOUT_A_WEEK = f"""
SELECT date_trunc('week', decided_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', count(*) FROM {REST} GROUP BY 1
"""
SQL_COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = 'outcome'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
STRAY = "outcome_stray"


class Partition(Struct, frozen=True):
    name: str
    start: datetime
    end: datetime


class Weeks(Struct, frozen=True):
    """What is there and what should be."""

    monday: datetime
    """Of the present week; weeks begin on Monday, 0:00 UTC."""
    now: datetime
    partitions: Sequence[Partition]
    stray: Mapping[datetime, int]
    """Rows in the default partition, by week."""

    @property
    def last(self) -> datetime:
        return self.monday + WEEKS_AHEAD * WEEK

    @property
    def missing(self) -> list[datetime]:
        """Weeks that should have a partition and have none: from now on, and those past that have outcomes."""
        past = [week for week in self.stray if self._is_kept(week) and week < self.monday]
        ahead = [self.monday + n * WEEK for n in range(WEEKS_AHEAD + 1)]
        return [week for week in sorted([*past, *ahead]) if not self.has(week)]

    @property
    def misplaced(self) -> bool:
        """Whether outcomes lie in the default partition whose week is due."""
        return any(self._is_kept(week) and week <= self.last for week in self.stray)

    @property
    def old(self) -> list[str]:
        """Partitions of which every row is too old."""
        return [one.name for one in self.partitions if one.end + timedelta(days=OUTCOME_DAYS) < self.now]

    @property
    def run_to_keep(self) -> tuple[datetime, datetime] | None:
        """Start and end of the weeks whose outcomes are too many to be moved; None if they are not.

        The fullest week and its neighbours, as far as no partition stands between them.
        """
        if sum(self.stray.values()) <= MOVED_ROWS:
            return None
        fullest = max(self.stray, key=lambda week: self.stray[week])
        near = [week for week in self.stray if week <= max(fullest, self.monday)]
        start = min(week for week in near if week <= fullest and self._is_free(week, fullest))
        end = max(week for week in near if week >= fullest and self._is_free(fullest, week))
        return start, end + WEEK

    def has(self, week: datetime) -> bool:
        return not self._is_free(week, week)

    def _is_kept(self, week: datetime) -> bool:
        """Whether it still has outcomes that are kept; others are deleted where they are."""
        return week + WEEK + timedelta(days=OUTCOME_DAYS) > self.now

    def _is_free(self, first: datetime, last: datetime) -> bool:
        return not any(one.start < last + WEEK and first < one.end for one in self.partitions)


def look(connection: Connection) -> Weeks:
    monday, now = _row(connection, SQL_MONDAY)
    partitions = [Partition(*row) for row in connection.execute(SQL_PARTITIONS).fetchall()]
    stray = {row[0]: row[1] for row in connection.execute(SQL_WITHOUT_A_WEEK).fetchall()}
    return Weeks(monday, now, partitions, stray)


def ensure(connection: Connection) -> None:
    """Give each week that is due its partition. Safe to call by several at once, and while outcomes are written."""
    weeks = look(connection)
    if not weeks.missing and not weeks.misplaced:
        return
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
        connection.execute("LOCK TABLE ONLY outcome IN ACCESS EXCLUSIVE MODE")
        _settle(connection, look(connection))  # again: somebody else may have had the lock before


def drop(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))


def _settle(connection: Connection, weeks: Weeks) -> None:
    if not weeks.misplaced:
        _create(connection, weeks.missing)
        return
    log.warning("outcomes lie in the default partition", rows=sum(weeks.stray.values()), weeks=len(weeks.stray))
    _run(connection, f"ALTER TABLE outcome DETACH PARTITION {REST}")
    _run(connection, f"ALTER TABLE {REST} RENAME TO {STRAY}")
    _run(connection, f"CREATE TABLE {REST} PARTITION OF outcome DEFAULT WITH (autovacuum_analyze_scale_factor = 1)")
    run = weeks.run_to_keep
    if run is None:
        _create(connection, weeks.missing)
        _move(connection, sql.SQL("true"))
        _run(connection, f"DROP TABLE {STRAY}")
    else:
        _create(connection, [week for week in weeks.missing if not run[0] <= week < run[1]])
        _move(connection, sql.SQL("decided_at < {} OR decided_at >= {}").format(*map(sql.Literal, run)))
        _adopt(connection, *run)


def _create(connection: Connection, weeks: Iterable[datetime]) -> None:
    for week in weeks:
        statement = """CREATE TABLE {} PARTITION OF outcome FOR VALUES FROM ({}) TO ({})
                       WITH (autovacuum_analyze_scale_factor = 1)"""
        # Found by keys only: statistics taken whenever it has doubled are good enough.
        parts = (sql.Identifier(_name(week)), sql.Literal(week), sql.Literal(week + WEEK))
        connection.execute(sql.SQL(statement).format(*parts))


def _move(connection: Connection, where: sql.Composable) -> None:
    columns = sql.SQL(", ").join(sql.Identifier(row[0]) for row in connection.execute(SQL_COLUMNS).fetchall())
    statement = "WITH gone AS (DELETE FROM {} WHERE {} RETURNING *) INSERT INTO outcome ({}) SELECT {} FROM gone"
    connection.execute(sql.SQL(statement).format(sql.Identifier(STRAY), where, columns, columns))


def _adopt(connection: Connection, start: datetime, end: datetime) -> None:
    """Too many to be moved while everybody waits: their table becomes the partition of their weeks.

    Named after the last of them. A sweep of an earlier release drops by that name.
    """
    name = sql.Identifier(_name(end - WEEK))
    connection.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(sql.Identifier(STRAY), name))
    statement = "ALTER TABLE outcome ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})"
    connection.execute(sql.SQL(statement).format(name, sql.Literal(start), sql.Literal(end)))


def _name(week: datetime) -> str:
    year, number, _ = week.astimezone(UTC).isocalendar()
    return f"outcome_{year}w{number:02}"


def _run(connection: Connection, statement: str) -> None:
    connection.execute(statement.encode())


def _row(connection: Connection, statement: str) -> tuple[datetime, datetime]:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without a table answers one row
    return row[0], row[1]
