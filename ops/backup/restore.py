"""Restore a backup: all of it in one transaction, or nothing."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from threading import Thread
from typing import IO, BinaryIO

import psycopg
from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from core.store.connections.database import Connection, connect
from core.store.feed import Position
from core.store.maintenance import restore as store
from core.store.maintenance.restore import RESTORE_LIMITS, Restored
from core.store.maintenance.snapshot import COUNTED, count_rows, read_facts
from core.store.migrate import upgrade
from core.store.revision import NEWEST
from ops.backup.archive import CHUNK_BYTES, Archive, BackupError, Manifest
from ops.backup.backup import release
from ops.backup.client_programs import Address, ClientPrograms, address, find_programs
from ops.backup.databases import Database
from ops.backup.leftover_keys import drop_keys
from ops.database_roles import create_application_role

NOT_OURS = ("EXTENSION", "COMMENT - EXTENSION", "SCHEMA - public", "COMMENT - SCHEMA", "ACL - SCHEMA")
"""Entries of a dump that are left out, as `pg_restore --list` names them: they belong to the target's owner."""
LOAD = ("--no-owner", "--no-privileges", "--no-tablespaces", "--no-security-labels", "--exit-on-error")
PROBLEM_CHARS_MAX = 300
SESSIONS_END_WITHIN_S = 5.0
_POLL_S = 0.1


class Step(StrEnum):
    """The steps of a restore, in order."""

    VERIFY = "verify the checksum"
    LOAD = "load the database"
    MIGRATE = "bring it to this release"
    SETTLE = "settle what may have happened since"
    ANALYZE = "gather statistics"


Told = Callable[[Step, int, int], None]
"""Called with a step, the bytes done and their total; 0 and 0 if unknown."""


class Outcome(Struct, frozen=True):
    """A finished restore."""

    taken_at: datetime
    position: Position
    """From which the feed continues, in a new epoch."""
    migrated_from: str | None
    """The schema before, if it was an older one."""
    dropped_keys: int | None
    """In Redis; None if it does not answer."""


class RestoreRefusedError(BackupError):
    """The restore was refused, and nothing was touched."""


def check(archive: Archive, database: Database, *, replace: bool) -> None:
    """Whether the backup may be restored there. Raises `RestoreRefusedError`; no row is changed."""
    manifest = archive.manifest
    _check_release(manifest)
    _check_demo(manifest, database)
    if database.owner_url is not None:
        create_application_role(database.owner_url, database.settings.database_url)  # as any migrate does
    with connect(database.settings.database_url, RESTORE_LIMITS, "holdfast restore") as connection:
        major = connection.info.server_version // 10_000
        if major < manifest.postgresql:
            raise RestoreRefusedError(
                f"The backup is of PostgreSQL {manifest.postgresql}, and {database.named} is of PostgreSQL {major}. "
                "Restore it into one that is at least as new."
            )
        _check_nobody_serves(connection)
        if not replace and not store.is_empty(connection):
            raise RestoreRefusedError(
                f"{database.named} is not empty. Name an empty database, or replace what is there with --replace."
            )


def _check_release(manifest: Manifest) -> None:
    if manifest.schema > NEWEST:
        raise RestoreRefusedError(
            f"The backup is of a newer release ({manifest.holdfast}, schema {manifest.schema}); this one knows schema "
            f"{NEWEST}. Restore it with that release or a newer one."
        )


def _check_demo(manifest: Manifest, database: Database) -> None:
    if manifest.demo and not database.settings.demo:
        raise RestoreRefusedError(
            "The backup is of the demo, whose passwords and agent key everybody knows, and stays a demo. "
            "Restore it with HOLDFAST_DEMO=1, into a database that only the demo uses."
        )
    if database.settings.demo and not manifest.demo:
        raise RestoreRefusedError(
            "The backup is not of the demo, and a demo would open its data with passwords that everybody knows. "
            "Restore it and start Holdfast with HOLDFAST_DEMO=0."
        )


def _check_nobody_serves(connection: Connection) -> None:
    """A session may end a moment after its process, so a restore right after a stop waits for it."""
    deadline = time.monotonic() + SESSIONS_END_WITHIN_S
    while (found := store.serving(connection)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    if found:
        named = ", ".join(f"{one.name.removeprefix('holdfast ')} ({one.sessions})" for one in found)
        raise RestoreRefusedError(
            f"Processes of Holdfast still have sessions in this database: {named}. Stop the API, the workers and the "
            "notifier, then restore."
        )


def restore(archive: Archive, database: Database, told: Told, *, replace: bool, folder: Path | None = None) -> Outcome:
    """Verify, check and load a backup, and make the database fit to serve. Raises `BackupError`."""
    manifest, url = archive.manifest, database.settings.database_url
    with _said_plainly():
        archive.verify(lambda done: told(Step.VERIFY, done, archive.size_bytes))
        check(archive, database, replace=replace)
        programs = find_programs(url, max(manifest.postgresql, _major(manifest.pg_dump)), folder)
        with connect(url, RESTORE_LIMITS, "holdfast restore") as connection:
            was_empty = store.is_empty(connection)
            store.mark(connection)
            with _nothing_was_changed_if_it_fails(connection, was_empty=was_empty):
                _check_nobody_serves(connection)  # from now on none can come
                _load(archive, programs, address(url, "holdfast restore"), told)
            _count_again(connection, manifest)
        return _finish(database, _restored(manifest), told)


def recovered(database: Database, at: datetime, told: Told) -> Outcome:
    """Settle a database that PostgreSQL itself has recovered to a point in time."""
    with _said_plainly():
        with connect(database.settings.database_url, RESTORE_LIMITS, "holdfast restore") as connection:
            _check_nobody_serves(connection)
            facts = read_facts(connection)
            major = connection.info.server_version // 10_000
        bookings = facts.counts["booking"]
        restored = Restored(at, release(), facts.schema, major, bookings, facts.epoch, facts.head)
        return _finish(database, restored, told)


def _restored(manifest: Manifest) -> Restored:
    return Restored(
        taken_at=manifest.taken_at,
        holdfast=manifest.holdfast,
        schema=manifest.schema,
        postgresql=manifest.postgresql,
        bookings=manifest.counts.get("booking"),
        epoch=manifest.epoch,
        head=manifest.head,
    )


def _finish(database: Database, restored: Restored, told: Told) -> Outcome:
    """The steps after the load. Until they are done the database is marked, and nothing starts on it."""
    told(Step.MIGRATE, 0, 0)
    upgrade(database.settings)
    told(Step.SETTLE, 0, 0)
    dropped = drop_keys(database.settings) if database.folder is None else 0  # the embedded Valkey starts empty
    with connect(database.settings.database_url, RESTORE_LIMITS, "holdfast restore") as connection:
        _, position = store.settle(connection, restored)
        told(Step.ANALYZE, 0, 0)
        store.analyze(connection)
    older = restored.schema if restored.schema < NEWEST else None
    return Outcome(restored.taken_at, position, older, dropped)


@contextmanager
def _said_plainly() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, DBAPIError) as problem:
        reason = problem.orig if isinstance(problem, DBAPIError) else problem
        raise BackupError(f"PostgreSQL refuses: {' '.join(str(reason).split())}") from None


@contextmanager
def _nothing_was_changed_if_it_fails(connection: Connection, *, was_empty: bool) -> Iterator[None]:
    """The transaction that loads is rolled back. What was there before may serve again; nothing serves an empty one."""
    try:
        yield
    except BaseException:
        if not was_empty and not store.is_loaded(connection):
            store.unmark(connection)
        raise


def _load(archive: Archive, programs: ClientPrograms, where: Address, told: Told) -> None:
    """`pg_restore` makes a script of the dump, psql runs it: what was there goes in the same transaction."""
    with tempfile.TemporaryFile() as said, tempfile.NamedTemporaryFile(mode="w", suffix=".list") as listed:
        listed.write("\n".join(_entries(archive, programs)))
        listed.flush()
        argv = programs.argv("pg_restore", *LOAD, f"--use-list={listed.name}", "--file=-")
        psql = programs.argv("psql", "--no-psqlrc", "--quiet", "--output=/dev/null", f"--dbname={where.conninfo}")
        with (
            subprocess.Popen(psql, env=where.environment, stdin=subprocess.PIPE, stderr=said) as loading,
            subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said) as reading,
        ):
            _pass_on(archive, reading, loading, told)
        if reading.returncode != 0 or loading.returncode != 0:
            raise BackupError(
                f"The backup could not be loaded, and nothing of it was kept "
                f"(pg_restore ended with {reading.returncode}, psql with {loading.returncode}): {_problem(said)}"
            )


def _entries(archive: Archive, programs: ClientPrograms) -> list[str]:
    """The dump's table of contents, without what is not ours."""
    with tempfile.TemporaryFile() as said:
        argv = programs.argv("pg_restore", "--list")
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said) as listing:
            assert listing.stdin is not None  # noqa: S101 - both are pipes
            assert listing.stdout is not None  # noqa: S101
            feeding = Thread(target=archive.copy_dump, args=(listing.stdin, lambda _: None), daemon=True)
            feeding.start()
            lines = listing.stdout.read().decode().splitlines()
            listing.stdout.close()
            listing.wait()
            feeding.join()
        if listing.returncode != 0:
            raise BackupError(f"pg_restore cannot read the backup: {_problem(said)}")
    return [line for line in lines if not any(f" {one} " in f"{line} " for one in NOT_OURS)]


def _pass_on(archive: Archive, reading: subprocess.Popen[bytes], loading: subprocess.Popen[bytes], told: Told) -> None:
    assert reading.stdin is not None  # noqa: S101 - they are all pipes
    assert reading.stdout is not None  # noqa: S101
    assert loading.stdin is not None  # noqa: S101
    size = archive.dump_bytes
    feeding = Thread(target=archive.copy_dump, args=(reading.stdin, lambda done: told(Step.LOAD, done, size)))
    feeding.start()
    try:
        _copy_script(reading, reading.stdout, loading.stdin)
    except BrokenPipeError:  # psql gave up: its error says why
        reading.kill()
    except BaseException:
        loading.kill()
        reading.kill()
        raise
    finally:
        feeding.join()
        _close(loading.stdin)


def _copy_script(reading: subprocess.Popen[bytes], script: IO[bytes], target: IO[bytes]) -> None:
    target.write(store.SCRIPT_BEFORE.encode())
    while chunk := script.read(CHUNK_BYTES):
        target.write(chunk)
    if reading.wait() == 0:
        target.write(store.SCRIPT_AFTER.encode())
    target.flush()


def _close(pipe: IO[bytes]) -> None:
    with suppress(BrokenPipeError):
        pipe.close()


def _problem(said: BinaryIO | IO[bytes]) -> str:
    """The first complaint of the programs, or else their last lines."""
    said.seek(0)
    lines = [line.decode(errors="replace").strip() for line in said if line.strip()]
    faults = [line for line in lines if "error" in line.lower() or "FATAL" in line]
    return (faults[:1] or lines[-1:] or ["no reason was given"])[0][:PROBLEM_CHARS_MAX]


def _count_again(connection: Connection, manifest: Manifest) -> None:
    """It must be what the backup says. Its tables are the manifest's: an older schema may not have all of ours."""
    wanted = {table: rows for table, rows in manifest.counts.items() if table in COUNTED}
    found = count_rows(connection, tuple(wanted)) if wanted else {}
    if found != wanted:
        raise BackupError(
            f"The restored rows are not as many as in the backup: {found}, not {wanted}. Restore it again."
        )


def _major(version: str) -> int:
    return int(version.split(".", 1)[0])
