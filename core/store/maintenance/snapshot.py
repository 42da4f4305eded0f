"""The facts of a backup's manifest, read in the very snapshot that is dumped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg
from msgspec import Struct
from psycopg import sql

from core.store.connections.database import Connection, connect

SNAPSHOT_LIMITS = {
    "timezone": "UTC",
    # The transaction stays open as long as the dump takes.
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
    "lock_timeout": "60s",
}
COUNTED = ("user_account", "booking", "marketplace_booking", "payment", "inbox", "outcome", "event")
"""Tables whose rows the manifest counts, and a restore counts again."""

SQL_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
SQL_EXPORT = "SELECT pg_export_snapshot()"
SQL_FACTS = """
SELECT (SELECT version_num FROM alembic_version), clock_timestamp(), f.epoch, f.last_position,
       to_jsonb(i) ->> 'demo_at' IS NOT NULL, pg_database_size(current_database()),
       (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r')
FROM feed f, installation i
"""


class Facts(Struct, frozen=True):
    schema: str
    taken_at: datetime
    """By the database's clock, just after the snapshot was taken."""
    epoch: str
    head: int
    demo: bool
    database_bytes: int
    tables: int
    counts: dict[str, int]


class Snapshot(Struct, frozen=True):
    name: str
    """As `pg_dump --snapshot` wants it."""
    facts: Facts


@contextmanager
def exported_snapshot(url: str) -> Iterator[Snapshot]:
    """One moment of the database, which `pg_dump` can read too as long as the block lasts. Writers go on meanwhile."""
    with connect(url, SNAPSHOT_LIMITS, "holdfast backup") as connection:
        connection.execute(SQL_BEGIN)
        row = connection.execute(SQL_EXPORT).fetchone()
        assert row is not None  # noqa: S101 - a SELECT without FROM has one row
        yield Snapshot(str(row[0]), read_facts(connection))


def read_facts(connection: Connection) -> Facts:
    """Raises `psycopg.errors.UndefinedTable` if this is no database of Holdfast, LookupError if its rows are missing."""
    row = connection.execute(SQL_FACTS).fetchone()
    if row is None:
        raise LookupError("There is no feed: run the migrate command first.")
    counts = count_rows(connection, COUNTED)
    schema, taken_at, epoch, head, demo, size, tables = row
    return Facts(schema, taken_at, epoch, head, demo, size, tables, counts)


def count_rows(connection: psycopg.Connection[tuple[object, ...]], tables: tuple[str, ...]) -> dict[str, int]:
    each = [sql.SQL("(SELECT count(*) FROM {})").format(sql.Identifier("public", table)) for table in tables]
    row = connection.execute(sql.SQL("SELECT ") + sql.SQL(", ").join(each)).fetchone()
    assert row is not None  # noqa: S101 - as above
    return dict(zip(tables, (int(str(one)) for one in row), strict=True))
