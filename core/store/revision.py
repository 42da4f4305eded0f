"""Whether code and schema fit each other, so that a process waits instead of failing commands.

A process needs all migrations that its code knows. It also works with a newer schema, as migrations only add. If one
removes something after all, `installation.serves_from` names the oldest release that can still work with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import structlog

from core.store.connections.database import AsyncConnection, Connection

log = structlog.get_logger()

NEWEST = max(path.stem[:4] for path in (Path(__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))
"""The newest migration that this code knows."""
LOG_AGAIN_S = 60.0
NO_SCHEMA = "the database has no schema yet: migrate it"

SQL_REVISION = """
SELECT v.version_num, to_jsonb(i) ->> 'serves_from', to_regclass('public.restore_unfinished') IS NOT NULL
FROM alembic_version v LEFT JOIN installation i ON true
"""
"""The column is read by its name in JSON: an older schema does not have it. The table stands while a restore is under
way (`core.store.maintenance.restore`)."""


class SchemaDoesNotFitError(psycopg.OperationalError):
    """The message says why. It is an outage until the database is migrated or another release is started."""


def schema_mismatch(row: tuple[Any, ...] | None) -> str | None:
    """Why to wait, from the row of `SQL_REVISION`; None if the schema fits."""
    revision, serves_from, is_restoring = row or (None, None, False)
    if is_restoring:
        return "a restore into this database is under way or did not finish: run holdfast restore again"
    if revision is None:
        return NO_SCHEMA
    if revision < NEWEST:
        return f"the schema is at migration {revision}, this release needs {NEWEST}: migrate the database"
    if serves_from is not None and serves_from > NEWEST:
        return f"the schema serves releases from migration {serves_from} on, this one knows {NEWEST}: start a newer release"
    return None


def check_schema(connection: Connection) -> None:
    """Raises SchemaDoesNotFitError, or psycopg.Error if the database does not answer."""
    try:
        reason = schema_mismatch(connection.execute(SQL_REVISION).fetchone())
    except _CANNOT_BE_READ as problem:
        reason = _unreadable(problem)
    if reason:
        raise SchemaDoesNotFitError(reason)


async def check_schema_async(connection: AsyncConnection) -> None:
    """The same on an event loop."""
    try:
        reason = schema_mismatch(await (await connection.execute(SQL_REVISION)).fetchone())
    except _CANNOT_BE_READ as problem:
        reason = _unreadable(problem)
    if reason:
        raise SchemaDoesNotFitError(reason)


_CANNOT_BE_READ = (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege)


def _unreadable(problem: psycopg.Error) -> str:
    """Without details of the database: `/readyz` shows it to everybody."""
    if isinstance(problem, psycopg.errors.UndefinedTable):
        return NO_SCHEMA
    return "the role may not read the schema's revision: give it what holdfast doctor lists"


class SchemaWatch:
    """Logs that a process waits for its schema: at first, then once a minute, and when the wait is over."""

    def __init__(self) -> None:
        self._logged_at: float | None = None

    @property
    def waits(self) -> bool:
        return self._logged_at is not None

    def check(self, connection: Connection) -> None:
        """The same as `check_schema`."""
        with self._logged():
            check_schema(connection)

    async def check_async(self, connection: AsyncConnection) -> None:
        with self._logged():
            await check_schema_async(connection)

    @contextmanager
    def _logged(self) -> Iterator[None]:
        try:
            yield
        except SchemaDoesNotFitError as problem:
            now = time.monotonic()
            if self._logged_at is None or now - self._logged_at > LOG_AGAIN_S:
                log.error("waiting for a schema that fits", reason=str(problem))  # noqa: TRY400 - the reason is all
                self._logged_at = now
            raise
        if self._logged_at is not None:
            log.info("the schema fits")
            self._logged_at = None
