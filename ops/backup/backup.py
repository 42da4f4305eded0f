"""Take a backup: one moment of the database, while bookings go on."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Thread
from typing import IO

import psycopg
from msgspec import Struct

from core.store.connections.database import MIGRATE_LIMITS, connect
from core.store.maintenance.restore import MARK, is_marked
from core.store.maintenance.snapshot import Facts, Snapshot, exported_snapshot
from ops.backup.archive import BackupError, Body, Manifest, new_file
from ops.backup.client_programs import ClientPrograms, address, find_programs
from ops.backup.databases import Database

DUMP = (
    *("--format=custom", "--compress=gzip:6", "--schema=public", f"--exclude-table=public.{MARK}", "--verbose"),
    *("--no-publications", "--no-subscriptions", "--no-tablespaces", "--lock-wait-timeout=60s"),
)
"""Only the schema `public` is Holdfast's. Its extensions are created again, as `migrate` does."""
_TABLE = re.compile(rb"dumping contents of table \"?(?:public\.)?([\w.]+)")
PROBLEM_LINES = 3


class Progress(Struct, frozen=True):
    """How far a backup is."""

    tables: int
    of: int
    table: str
    written_bytes: int


Told = Callable[[Progress], None]


class Taken(Struct, frozen=True):
    manifest: Manifest
    size_bytes: int


def take(database: Database, name: str, told: Told, folder: Path | None = None) -> Taken:
    """Write a backup to a file, or to standard output. Raises `BackupError`; then there is no file of that name.

    `folder` holds PostgreSQL's programs, unless they are found.
    """
    url = database.settings.database_url
    try:
        major = _server_major(url)
        programs = find_programs(url, major, folder)
        with exported_snapshot(url) as snapshot, new_file(name) as file:
            manifest = _manifest(snapshot.facts, programs, major)
            body = Body(file, manifest, lambda _: None)
            _dump(url, programs, snapshot, body, told)
            body.finish()
            return Taken(manifest, body.size_bytes)
    except (psycopg.errors.UndefinedTable, LookupError):
        raise BackupError(f"There is nothing of Holdfast in {database.named}: run migrate first.") from None
    except psycopg.Error as problem:
        raise BackupError(f"PostgreSQL cannot be read: {' '.join(str(problem).split())}") from None
    except OSError as problem:
        raise BackupError(f"{name} cannot be written: {problem.strerror}.") from None


def _server_major(url: str) -> int:
    with connect(url, MIGRATE_LIMITS, "holdfast backup") as connection:
        if is_marked(connection):
            raise BackupError("A restore into this database did not finish. Run holdfast restore again, then back up.")
        return connection.info.server_version // 10_000


def _manifest(facts: Facts, programs: ClientPrograms, major: int) -> Manifest:
    return Manifest(
        holdfast=release(),
        schema=facts.schema,
        taken_at=facts.taken_at,
        epoch=facts.epoch,
        head=facts.head,
        demo=facts.demo,
        postgresql=major,
        pg_dump=programs.version,
        database_bytes=facts.database_bytes,
        counts=facts.counts,
    )


def release() -> str:
    try:
        return version("holdfast")
    except PackageNotFoundError:  # a checkout that is not installed
        return "unknown"


def _dump(url: str, programs: ClientPrograms, snapshot: Snapshot, body: Body, told: Told) -> None:
    where = address(url, "holdfast backup")
    argv = programs.argv("pg_dump", *DUMP, f"--snapshot={snapshot.name}", f"--dbname={where.conninfo}")
    with subprocess.Popen(argv, env=where.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as dump:
        assert dump.stdout is not None  # noqa: S101 - both are pipes
        assert dump.stderr is not None  # noqa: S101
        watch = _Watch(dump.stderr, snapshot.facts.tables, body, told)
        try:
            body.copy(dump.stdout)
        except BaseException:
            dump.kill()
            raise
        finally:
            watch.join()
    if dump.returncode != 0:
        raise BackupError(f"pg_dump failed, and there is no backup: {watch.last_lines()}")


class _Watch(Thread):
    """Reads what pg_dump reports: which table it is at, or what went wrong."""

    def __init__(self, said: IO[bytes], tables: int, body: Body, told: Told) -> None:
        super().__init__(daemon=True)
        self._said, self._tables, self._body, self._told = said, tables, body, told
        self._last: list[str] = []
        self.start()

    def run(self) -> None:
        begun = 0
        for line in self._said:
            self._last = [*self._last, line.decode(errors="replace").strip()][-PROBLEM_LINES:]
            if found := _TABLE.search(line):
                begun += 1
                table = found[1].decode()
                self._told(Progress(begun, max(begun, self._tables), table, self._body.size_bytes))

    def last_lines(self) -> str:
        return " ".join(self._last)
