"""The weekly partitions of `outcome`: created ahead, dropped when old, and repaired when they were missing.

An outcome whose week has no partition goes into the default partition: none was created for weeks, or the clock was
far ahead for a moment. It is found there like any other, but while it is there its week cannot get a partition. So
the default partition is replaced by an empty one, and its rows are inserted again, each into its week. Rows of weeks
that are not due yet stay in the default partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from msgspec import Struct
from psycopg import sql

from core.store.connections.database import Connection

log = structlog.get_logger()

OUTCOME_DAYS = 30
"""Command bodies and outcomes live this long."""
WEEKS_AHEAD = 4
"""Created ahead. A look-up by id searches every partition, so not many more."""
DEFAULT_PARTITION = "outcome_rest"
MOVED_ROWS = 10_000
"""At most this many rows are moved. If there are more, most stay, and their table becomes a partition."""
LOCK_WAIT_S = 2
"""Others queue behind a transaction that waits for the table's lock. The next sweep tries again."""
WEEK = timedelta(weeks=1)

_OF_OUTCOME = """
SELECT c.relname, regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \\('([^']+)'\\) TO \\('([^']+)'\\)$$) AS ends
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'outcome'::regclass
"""
SQL_PARTITIONS = f"""
SELECT relname, ends[1]::timestamptz, ends[2]::timestamptz FROM ({_OF_OUTCOME}) AS parts
WHERE ends IS NOT NULL ORDER BY 2
"""
SQL_OUTCOMES_BEHIND = f"""
(SELECT extract(epoch FROM clock_timestamp() - min(ends[2]::timestamptz) - interval '{OUTCOME_DAYS} days')
 FROM ({_OF_OUTCOME}) AS parts)
"""
SQL_MONDAY = "SELECT date_trunc('week', clock_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', clock_timestamp()"
SQL_WITHOUT_A_WEEK = f"""
SELECT date_trunc('week', decided_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', count(*) FROM {DEFAULT_PARTITION} GROUP BY 1
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
    """The partitions that exist, and what should."""

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
        """Weeks that lack a partition: the present one, those ahead, and past ones with outcomes."""
        past = [week for week in self.stray if self._is_kept(week) and week < self.monday]
        ahead = [self.monday + n * WEEK for n in range(WEEKS_AHEAD + 1)]
        return [week for week in sorted([*past, *ahead]) if not self.has(week)]

    @property
    def misplaced(self) -> bool:
        """Whether outcomes of a week that is due lie in the default partition."""
        return any(self._is_kept(week) and week <= self.last for week in self.stray)

    @property
    def old(self) -> list[str]:
        """Partitions of which every row is too old."""
        return [one.name for one in self.partitions if one.end + timedelta(days=OUTCOME_DAYS) < self.now]

    @property
    def run_to_keep(self) -> tuple[datetime, datetime] | None:
        """Start and end of the weeks whose outcomes are too many to move; None if there are few.

        They are the fullest week and its neighbours, as far as no partition lies between them.
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
        """Whether its outcomes are still kept; older ones are deleted where they are."""
        return week + WEEK + timedelta(days=OUTCOME_DAYS) > self.now

    def _is_free(self, first: datetime, last: datetime) -> bool:
        return not any(one.start < last + WEEK and first < one.end for one in self.partitions)


def look(connection: Connection) -> Weeks:
    monday, now = _row(connection, SQL_MONDAY)
    partitions = [Partition(*row) for row in connection.execute(SQL_PARTITIONS).fetchall()]
    stray = {row[0]: row[1] for row in connection.execute(SQL_WITHOUT_A_WEEK).fetchall()}
    return Weeks(monday, now, partitions, stray)


def ensure(connection: Connection) -> None:
    """Create the missing partitions. Several may call this at once, and while outcomes are written."""
    weeks = look(connection)
    if not weeks.missing and not weeks.misplaced:
        return
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
        connection.execute("LOCK TABLE ONLY outcome IN ACCESS EXCLUSIVE MODE")
        _settle(connection, look(connection))  # again: another process may have done it before us


def drop(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))


def _settle(connection: Connection, weeks: Weeks) -> None:
    if not weeks.misplaced:
        _create(connection, weeks.missing)
        return
    log.warning("outcomes lie in the default partition", rows=sum(weeks.stray.values()), weeks=len(weeks.stray))
    _run(connection, f"ALTER TABLE outcome DETACH PARTITION {DEFAULT_PARTITION}")
    _run(connection, f"ALTER TABLE {DEFAULT_PARTITION} RENAME TO {STRAY}")
    _run(
        connection,
        f"CREATE TABLE {DEFAULT_PARTITION} PARTITION OF outcome DEFAULT WITH (autovacuum_analyze_scale_factor = 1)",
    )
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
    """The rows are too many to move while others wait: their table becomes the partition of their weeks.

    It is named after the last week, as a sweep of an earlier release drops partitions by name.
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
