"""Connections to PostgreSQL, each kind with its timeouts.

A worker that is stopped or cut off must release its locks without doing anything. So every session bounds its
transactions, its waits for locks and its idling, and TCP notices a dead peer (docs/lanes.md, "Letting go").
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

CONNECT_TIMEOUT_S = 5
KEEPALIVE = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "connect_timeout": CONNECT_TIMEOUT_S,
}

API_LIMITS = {
    "timezone": "UTC",
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "5s",
    "transaction_timeout": "10s",
}
LIST_LIMITS = {
    **API_LIMITS,
    # The best plan for a list depends on its filters: one service has ten bookings, another half of all.
    # A plan made for any value would be wrong for some.
    "plan_cache_mode": "force_custom_plan",
}
LANE_LIMITS = {
    "timezone": "UTC",
    "statement_timeout": "8s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "3s",
    "transaction_timeout": "10s",
    # A lane's statements touch a few hundred rows by key. On a table whose statistics say
    # "empty" the planner would rather scan or hash it, and keep that plan while it fills.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # So each has only one good plan, and is not planned again for each batch.
    "plan_cache_mode": "force_generic_plan",
}
TIDY_LIMITS = {
    **LANE_LIMITS,
    # Rarely, the partitions of outcome must be repaired, which reads many rows.
    "statement_timeout": "60s",
    "transaction_timeout": "120s",
    # A deletion that is lost in a crash is simply repeated, so nobody waits for the disk.
    "synchronous_commit": "off",
}
MIGRATE_LIMITS = {
    "timezone": "UTC",
    # Nothing else is bounded: a migration takes its time, and waits for the one before it.
    "idle_in_transaction_session_timeout": "1min",
}

EXPORT_LIMITS = {
    "timezone": "UTC",
    # One snapshot for the whole read, which may take minutes. A reader that stops must not hold it for ever.
    "statement_timeout": "60s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "60s",
}

Connection = psycopg.Connection[TupleRow]
Kind = TypeVar("Kind", bound=psycopg.AsyncConnection[Any])
Row = TypeVar("Row")
AsyncConnection = psycopg.AsyncConnection[TupleRow]

SQL_NOW = "SELECT clock_timestamp()"
SQL_COMMIT_NOTHING = """
SET statement_timeout = '1s'; SET synchronous_commit = local; SELECT pg_logical_emit_message(true, 'holdfast', '')
"""


def conninfo(url: str, application: str) -> str:
    """A libpq connection string for `url`; `application` shows in pg_stat_activity."""
    return make_conninfo(url, **KEEPALIVE, application_name=application)


def connect(url: str, limits: dict[str, str], application: str) -> Connection:
    """A session within its limits. Autocommit: transactions are opened by name, never by accident."""
    connection = psycopg.connect(conninfo(url, application), autocommit=True)
    try:
        set_limits(connection, limits)
    except BaseException:
        connection.close()
        raise
    return connection


async def connect_async(url: str, limits: dict[str, str], application: str) -> AsyncConnection:
    """The same on an event loop."""
    return await connect_as(psycopg.AsyncConnection[TupleRow], url, limits, application)


async def connect_as(connection_class: type[Kind], url: str, limits: dict[str, str], application: str) -> Kind:
    """The same, as a connection of a given class."""
    connection = await connection_class.connect(conninfo(url, application), autocommit=True)
    try:
        await set_limits_async(connection, limits)
    except BaseException:
        await connection.close()
        raise
    return connection


def connect_lane(url: str, application: str) -> Connection:
    """A worker's connection."""
    connection = connect(url, LANE_LIMITS, application)
    connection.prepare_threshold = None  # `RoundTrip` prepares; psycopg would drop its statements along with its own
    return connection


def connect_tidy(url: str) -> Connection:
    """The connection of the sweep that deletes expired rows."""
    return connect(url, TIDY_LIMITS, "holdfast tidy")


def database_now(connection: Connection) -> datetime:
    """PostgreSQL's clock, which all machines share."""
    row = connection.execute(SQL_NOW).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    now: datetime = row[0]
    return now


async def database_now_async(connection: AsyncConnection) -> datetime:
    """The same on an event loop."""
    row = await (await connection.execute(SQL_NOW)).fetchone()
    assert row is not None  # noqa: S101 - as above
    now: datetime = row[0]
    return now


def commit_nothing(connection: Connection) -> None:
    """A transaction that, like a batch, writes to the WAL and waits for the disk, but touches no table."""
    connection.execute(SQL_COMMIT_NOTHING)


def installed(row: Row | None, name: str) -> Row:
    """A row that every migrated database has, e.g. the desk's."""
    if row is None:
        raise LookupError(f"There is no {name}: run the migrate command first.")
    return row


def set_limits(connection: psycopg.Connection[Any], limits: dict[str, str]) -> None:
    """By a statement, not by the startup parameter `options`: PgBouncer refuses that one, or ignores it."""
    connection.execute(_set(limits))
    if not connection.autocommit:
        connection.commit()


async def set_limits_async(connection: psycopg.AsyncConnection[Any], limits: dict[str, str]) -> None:
    """The same on an event loop."""
    await connection.execute(_set(limits))
    if not connection.autocommit:
        await connection.commit()


def _set(limits: dict[str, str]) -> sql.Composed:
    """All in one statement: one round trip for each new session."""
    settings = [sql.SQL("set_config({}, {}, false)").format(name, value) for name, value in limits.items()]
    return sql.SQL("SELECT ") + sql.SQL(", ").join(settings)
