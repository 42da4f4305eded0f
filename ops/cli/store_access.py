"""The database and the settings that a command uses: those of the environment, or of a data folder."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.cli.console import note
from ops.cli.errors import CommandError, expected, one_line

if TYPE_CHECKING:
    from core.settings import Settings
    from core.store.connections.database import AsyncConnection, Connection
    from ops.backup.databases import Database

EMBEDDED = Path(".data")
WITHOUT_STORES = frozenset({"check", "import", "keep-backups", "processes", "start"})
"""Commands that have no database, or that of DATABASE_URL alone."""

Data = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        show_default=False,
        help="The data folder of holdfast run, running or stopped. Without it the database is DATABASE_URL's, or that "
        "of ./.data where DATABASE_URL is not set.",
    ),
]


def with_data(commands: typer.Typer) -> typer.Typer:
    """`--data` for each command that has a database, unless it has one of its own."""
    for command in commands.registered_commands:
        callback = command.callback
        if callback is None or (command.name or callback.__name__) in WITHOUT_STORES:
            continue
        if "data" not in inspect.signature(callback).parameters:
            command.callback = _taking_data(callback)
    return commands


def _taking_data(callback: Callable[..., Any]) -> Callable[..., Any]:
    """The same command with one option more, for `read_settings`."""

    @functools.wraps(callback)
    def command(*given: Any, data: Path | None = None, **named: Any) -> Any:
        with ExitStack() as opened:
            chosen = _CHOSEN.set(_Choice(data, opened))
            try:
                return callback(*given, **named)
            finally:
                _CHOSEN.reset(chosen)

    signature = inspect.signature(callback, eval_str=True)
    option = inspect.Parameter("data", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Data)
    taken = signature.replace(parameters=[*signature.parameters.values(), option])
    command.__signature__ = taken  # type: ignore[attr-defined]
    return command


@dataclass(slots=True)
class _Choice:
    """What the command line names, until the command ends."""

    data: Path | None
    opened: ExitStack
    database: Database | None = field(default=None, init=False)


_CHOSEN: ContextVar[_Choice | None] = ContextVar("chosen", default=None)


def folder_of(data: Path | None) -> Path | None:
    """The data folder whose database is meant; None: DATABASE_URL's is."""
    if data is not None or _names_database():
        return data
    return EMBEDDED if EMBEDDED.exists() else None


def _names_database() -> bool:
    return any(os.environ.get(name, "").strip() for name in ("DATABASE_URL", "DATABASE_URL_FILE"))


def read_settings() -> Settings:
    """As every process reads them, with the secrets that this container is given, or as the embedded stack has them on
    the data folder that is meant.
    """
    from core.configuration.secret_settings import given  # noqa: PLC0415 - as below
    from core.settings import SettingsError, from_environment  # noqa: PLC0415 - `holdfast --help` needs none of it

    if (found := _embedded()) is not None:
        return found.settings
    if not _names_database():
        raise CommandError(
            "DATABASE_URL is not set. Set it in the environment, or name the data folder of holdfast run with --data."
        )
    with expected(SettingsError):
        return from_environment(asks=given(os.environ))


def read_owner_url() -> str | None:
    """The superuser's address of the same database, where there is one."""
    from core.settings import SettingsError, owner_database_url  # noqa: PLC0415 - as above

    if (found := _embedded()) is not None:
        return found.owner_url
    with expected(SettingsError):
        return owner_database_url()


def read_environment(data: Path | None) -> Mapping[str, str]:
    """What a process is started with: this environment, or what the embedded stack has on a data folder."""
    from core.settings import SettingsError  # noqa: PLC0415 - as above
    from ops.backup.archive import BackupError  # noqa: PLC0415 - as above
    from ops.backup.databases import embedded_environment  # noqa: PLC0415 - as above

    folder = folder_of(data)
    if folder is None:
        return os.environ
    with expected(BackupError, SettingsError):
        return embedded_environment(folder)


def _embedded() -> Database | None:
    """The one of the data folder that this command means; opened once, until the command ends."""
    choice = _CHOSEN.get()
    folder = folder_of(choice.data) if choice is not None else None
    if choice is None or folder is None:
        return None
    if choice.database is None:
        choice.database = choice.opened.enter_context(embedded_database(folder, may_run=True))
        if choice.database.is_alone:
            note(f"Holdfast is not running on {folder}: its PostgreSQL runs alone for this command.")
    return choice.database


@contextmanager
def embedded_database(folder: Path, *, may_run: bool, is_new_allowed: bool = False) -> Iterator[Database]:
    """The database of a data folder; if its stack is stopped, PostgreSQL alone runs as long as the block lasts."""
    from core.settings import SettingsError  # noqa: PLC0415 - as above
    from ops.backup.archive import BackupError  # noqa: PLC0415 - as above
    from ops.backup.databases import embedded  # noqa: PLC0415 - as above
    from ops.embedded.data_folder import DataFolderError  # noqa: PLC0415 - the image has no stack
    from ops.embedded.postgres import PostgresError  # noqa: PLC0415 - as above
    from ops.embedded.system_account import AccountError  # noqa: PLC0415 - as above

    kinds = (AccountError, BackupError, DataFolderError, PostgresError, SettingsError)
    with expected(*kinds), embedded(folder, is_new_allowed=is_new_allowed, may_run=may_run) as database:
        yield database


@contextmanager
def database(settings: Settings, purpose: str) -> Iterator[Connection]:
    """A session of the application's role within the limits of the API's, `holdfast PURPOSE` to pg_stat_activity."""
    from core.store.connections.database import API_LIMITS, connect  # noqa: PLC0415 - as above

    with database_errors(), connect(settings.database_url, API_LIMITS, f"holdfast {purpose}") as connection:
        yield connection


@asynccontextmanager
async def database_async(settings: Settings, purpose: str) -> AsyncIterator[AsyncConnection]:
    """The same on an event loop, for functions that the API has there."""
    from core.store.connections.database import API_LIMITS, connect_async  # noqa: PLC0415 - as above

    with database_errors():
        connection = await connect_async(settings.database_url, API_LIMITS, f"holdfast {purpose}")
        async with connection:
            yield connection


@contextmanager
def database_errors() -> Iterator[None]:
    """A database that cannot be reached, is not migrated or takes too long is an expected error."""
    import psycopg  # noqa: PLC0415 - as above

    try:
        yield
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        raise CommandError("The database is not at this release: run holdfast migrate first.") from None
    except psycopg.OperationalError as problem:
        raise CommandError(f"PostgreSQL does not answer as it should: {one_line(problem)}") from None
