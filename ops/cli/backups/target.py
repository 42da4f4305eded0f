"""The database that is backed up or restored, and how it is named to a person."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import note
from ops.cli.errors import expected, one_line
from ops.cli.store_access import database_errors, embedded_database, folder_of

if TYPE_CHECKING:
    from ops.backup.databases import Database

STANDARD = "-"
"""The name of standard input or output, where a file's name may stand."""

Programs = Annotated[
    Path | None,
    typer.Option(
        "--pg-bin",
        metavar="FOLDER",
        help="Where pg_dump, pg_restore and psql are, if they are not found by themselves.",
    ),
]


@contextmanager
def database_of(
    data: Path | None,
    *,
    may_run: bool,
    is_new_allowed: bool = False,
    database_alone: bool = False,
    service: str = "restore",
) -> Iterator[Database]:
    """The database that the options name. What is logged meanwhile, for example by migrations, goes to standard error.

    With `database_alone` its address is the only secret that is asked for: taking backups needs no Redis.
    """
    from core.configuration.secret_settings import DATABASE, given  # noqa: PLC0415 - a command imports what it needs
    from core.logs import configure  # noqa: PLC0415 - as above
    from core.settings import SettingsError  # noqa: PLC0415 - as above
    from ops.backup.databases import configured  # noqa: PLC0415 - as above

    folder = folder_of(data)
    if folder is None:
        with expected(SettingsError):
            database = configured(os.environ, asks={DATABASE} if database_alone else given(os.environ))
        configure(database.settings.log_level, service)
        with database_errors():
            yield database
        return
    with database_errors(), embedded_database(folder, is_new_allowed=is_new_allowed, may_run=may_run) as database:
        configure(database.settings.log_level, service)
        yield database


def note_in_the_audit_log(database: Database, action: str, after: Mapping[str, datetime]) -> None:
    """The backup or restore stands even if this fails: the database may be an older release's, or read-only."""
    import psycopg  # noqa: PLC0415 - as above

    from core.store.audit import AuditEntry, record  # noqa: PLC0415 - as above
    from core.store.connections.database import API_LIMITS, connect  # noqa: PLC0415 - as above
    from ops.operator_identity import operator  # noqa: PLC0415 - as above

    try:
        with connect(database.settings.database_url, API_LIMITS, "holdfast audit") as connection:
            record(connection, AuditEntry(operator(), action, "database:1", None, after))
    except psycopg.Error as problem:
        note(f"The audit log does not have it: {one_line(problem)}")


def counted(counts: Mapping[str, int]) -> str:
    bookings, people = counts.get("booking", 0), counts.get("user_account", 0)
    words = ("booking" if bookings == 1 else "bookings", "person" if people == 1 else "people")
    return f"{bookings:,} {words[0]} and {people:,} {words[1]}"


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def size(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000:,.1f} MB"
