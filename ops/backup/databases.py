"""The database to back up or restore: the settings', or the embedded stack's in a data folder, running or not."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from core.settings import Settings, from_environment, owner_database_url
from ops.backup.archive import BackupError

if TYPE_CHECKING:
    from ops.embedded.child import Child
    from ops.embedded.data_folder import DataFolder
    from ops.embedded.postgres import Postgres
    from ops.embedded.programs import Programs

FRONT_DOOR_UNKNOWN = 8000
"""The port that `make run` takes unless told: only the settings that name our own address follow from it."""
ANSWERS_WITHIN_S = 120.0
_POLL_S = 0.05


class Database(Struct, frozen=True):
    """Where to take a backup, or to restore one."""

    settings: Settings
    owner_url: str | None
    """A superuser's address, to create the application's role; None if that role does everything."""
    folder: Path | None = None
    """The embedded stack's."""
    is_alone: bool = False
    """The stack is stopped, and its PostgreSQL runs for this command."""

    @property
    def named(self) -> str:
        """Its name for a person."""
        return "the database of DATABASE_URL" if self.folder is None else f"the data folder {self.folder}"


def configured(environ: Mapping[str, str], *, asks: Collection[str]) -> Database:
    """The database of the settings, with these of the secrets. Raises `SettingsError`."""
    return Database(from_environment(environ, asks), owner_database_url(environ))


def embedded_environment(folder: Path) -> dict[str, str]:
    """What the embedded stack gives its processes on a data folder, running or stopped. Raises `BackupError`."""
    data = _data_folder(folder)
    ports = _ports(data)
    if not ports:
        raise BackupError(f"{data.folder} was not started yet: its settings are not chosen.")
    return _programs(data, ports, data.front_door_port).environment()


@contextmanager
def embedded(folder: Path, *, is_new_allowed: bool, may_run: bool) -> Iterator[Database]:
    """The embedded stack's database; if the stack is stopped, PostgreSQL alone runs as long as the block lasts.

    Raises `BackupError`, or what the embedded stack raises when it cannot start.
    """
    from ops.embedded.data_folder import DataFolderError  # noqa: PLC0415 - the image has no stack

    data = _data_folder(folder, is_new_allowed=is_new_allowed)
    data.prepare()
    try:
        data.lock("a command of holdfast is under way")
    except DataFolderError:
        if not may_run:
            raise
        yield _running(data)
        return
    try:
        with _postgres_alone(data) as database:
            yield database
    finally:
        data.unlock()


def _data_folder(folder: Path, *, is_new_allowed: bool = False) -> DataFolder:
    from ops.embedded.data_folder import MARKER, DataFolder  # noqa: PLC0415 - as above

    data = DataFolder(folder.resolve())
    if not is_new_allowed and not (data.folder / MARKER).exists():
        raise BackupError(f"{data.folder} is no data folder of Holdfast. Name the one that was given to make run.")
    return data


def _ports(data: DataFolder) -> dict[str, int]:
    """The settings of its last start; empty before the first."""
    found: dict[str, int] = {}
    with suppress(OSError, ValueError):
        found = json.loads((data.run / "ports.json").read_text())
    return found


def _running(data: DataFolder) -> Database:
    """The port of a stack that runs already."""
    ports = _ports(data)
    if not ports:
        raise BackupError(f"Holdfast is just starting on {data.folder}. Try again once it is ready.")
    return _database(_programs(data, ports, data.front_door_port))


@contextmanager
def _postgres_alone(data: DataFolder) -> Iterator[Database]:
    """Its PostgreSQL on a free port; a cluster is made if there is none."""
    from ops.embedded.child import Child  # noqa: PLC0415 - as above
    from ops.embedded.leftovers import end_leftovers, write_record  # noqa: PLC0415 - as above

    end_leftovers(data.record)
    data.empty_temporary()
    programs = _programs(data, data.ports())
    postgres = programs.postgres
    postgres.create()
    child = Child(postgres.program(data.logs / "postgres.log"))
    try:
        write_record(data.record, data.secret("mark"), [child])
        _await(postgres, child)
        postgres.create_database()
        yield structs.replace(_database(programs), is_alone=True)
    finally:
        child.stop()
        data.record.unlink(missing_ok=True)


def _await(postgres: Postgres, child: Child) -> None:
    deadline = time.monotonic() + ANSWERS_WITHIN_S
    while not postgres.answers():
        if child.exit_code() is not None or time.monotonic() > deadline:
            raise BackupError(f"PostgreSQL does not start. The end of {child.program.log}:\n{child.tail()}")
        time.sleep(_POLL_S)


def _programs(data: DataFolder, ports: dict[str, int], port: int | None = None) -> Programs:
    from ops.embedded.programs import Programs  # noqa: PLC0415 - as above

    return Programs(data, port or FRONT_DOOR_UNKNOWN, ports)


def _database(programs: Programs) -> Database:
    settings = from_environment(programs.environment())
    return Database(settings, programs.postgres.url(), programs.data_folder.folder)
