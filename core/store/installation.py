"""The row of the installation as processes read it again and again: its time zone, and whether it is under maintenance."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from core.store.audit import AuditEntry, Author, change_of, record
from core.store.connections.database import AsyncConnection, Connection, installed

SQL_READ = """
SELECT row ->> 'time_zone', (row ->> 'maintenance_since')::timestamptz, row ->> 'maintenance_message',
       (row ->> 'maintenance_retry_after_s')::integer
FROM (SELECT to_jsonb(i) FROM installation i) AS read (row)
"""
"""Through JSON, so that a process of this release can read a schema that has no such columns yet."""
SQL_KEEP_ZONE = "UPDATE installation SET time_zone = %s WHERE time_zone IS NULL"
SQL_BEGIN_MAINTENANCE = """
UPDATE installation SET maintenance_since = coalesce(maintenance_since, clock_timestamp()), maintenance_message = %s,
       maintenance_retry_after_s = %s
"""
SQL_END_MAINTENANCE = """
UPDATE installation SET maintenance_since = NULL, maintenance_message = NULL, maintenance_retry_after_s = NULL
"""
SQL_LOCK = "SELECT FROM installation FOR UPDATE"


SUBJECT = "installation:1"
"""In the audit log."""


class Maintenance(Struct, frozen=True):
    """While it lasts the API takes no writes."""

    since: datetime
    message: str | None
    """The operator's words for clients; None: ours."""
    retry_after_s: int


class Installation(Struct, frozen=True):
    time_zone: str | None
    """None before the first `migrate` that keeps it: the setting counts."""
    maintenance: Maintenance | None


def read_installation(connection: Connection) -> Installation:
    return _read(installed(connection.execute(SQL_READ).fetchone(), "installation row"))


async def read_installation_async(connection: AsyncConnection) -> Installation:
    """The same on an event loop."""
    return _read(installed(await (await connection.execute(SQL_READ)).fetchone(), "installation row"))


def keep_time_zone(connection: Connection, time_zone: str) -> str:
    """Write it down, unless one is kept already; returns the one that counts."""
    connection.execute(SQL_KEEP_ZONE, (time_zone,))
    return read_installation(connection).time_zone or time_zone


def begin_maintenance(connection: Connection, message: str | None, retry_after_s: int, by: Author) -> Maintenance:
    """Again: with another message or time, since the first time."""
    with connection.transaction():
        connection.execute(SQL_LOCK)
        before = read_installation(connection).maintenance
        connection.execute(SQL_BEGIN_MAINTENANCE, (message, retry_after_s))
        begun = read_installation(connection).maintenance
        assert begun is not None  # noqa: S101 - just written
        if begun != before:
            _record(connection, by, "installation.maintenance_began", before, begun)
    return begun


def end_maintenance(connection: Connection, by: Author) -> datetime | None:
    """Since when it was on; None if it was not."""
    with connection.transaction():
        connection.execute(SQL_LOCK)
        before = read_installation(connection).maintenance
        if before is None:
            return None
        connection.execute(SQL_END_MAINTENANCE)
        _record(connection, by, "installation.maintenance_ended", before, None)
    return before.since


def _record(
    connection: Connection, by: Author, action: str, before: Maintenance | None, after: Maintenance | None
) -> None:
    change = change_of(before, after)
    record(connection, AuditEntry(by, action, SUBJECT, change.before, change.after))


def _read(row: tuple[Any, ...]) -> Installation:
    time_zone, since, message, retry_after_s = row
    return Installation(time_zone, None if since is None else Maintenance(since, message, retry_after_s or 0))
