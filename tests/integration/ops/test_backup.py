"""A backup is one moment of the database, in one file; a restore brings all of it back, or nothing."""

from __future__ import annotations

import dataclasses
import secrets
import threading
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace

from core.doctor.postgresql import examine_database
from core.store.maintenance.restore import ID_GAP
from core.store.revision import NEWEST, SchemaDoesNotFitError, check_schema
from ops.backup.archive import TRAILER_BYTES, Archive, BackupError, Body
from ops.backup.backup import take
from ops.backup.databases import Database
from ops.backup.restore import Outcome, check, restore
from ops.store_settings import APPLICATION_ROLE
from tests.support.engine.lanes import Pipeline, places
from tests.support.processes.servers import PostgresServer, settings_for
from workers.relay_server import relay

BOOKINGS = 5
NOWHERE = "redis://127.0.0.1:1/0"
SQL_TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1
"""
SQL_SCHEMA = """
SELECT 'column', table_name, column_name, data_type, column_default, is_nullable, '' FROM information_schema.columns
WHERE table_schema = 'public'
UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '', '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, translate(pg_get_constraintdef(oid), '()', ''), '', '', ''
          FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, translate(pg_get_triggerdef(oid), '()', ''), '', '', tgenabled::text
          FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'routine', proname, '', md5(prosrc), '', '', '' FROM pg_proc
          WHERE pronamespace = 'public'::regnamespace AND proowner <> 10
UNION ALL SELECT 'comment', objoid::regclass::text, objsubid::text, description, '', '', ''
          FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid > 16384
"""
SQL_OTHERS_OWN = """
SELECT relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relowner <> to_regrole(%s)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
"""Without the brackets of conditions: PostgreSQL prints more of them for what it has read back."""
SETTLED = {
    "installation",
    "feed",
    "password_reset",
    "database_restore",
    "payment",
    "lane_note",
    "delivery",
    "delivery_cursor",
}
"""Tables that a restore changes on purpose; the lanes are those of the settings, as after any migrate."""


def database_of(postgres: PostgresServer, url: str) -> Database:
    return Database(settings_for(url, NOWHERE), postgres.url(url.rsplit("/", 1)[1]))


def put_back(archive: Archive, into: Database, *, replace: bool = False) -> Outcome:
    return restore(archive, into, lambda *_: None, replace=replace)


@pytest.fixture
def target(postgres: PostgresServer) -> Iterator[Database]:
    """An empty database."""
    url = postgres.bare_database(f"t_{secrets.token_hex(6)}")
    yield database_of(postgres, url)
    postgres.drop_database(url)


@pytest.fixture(scope="module")
def source(postgres: PostgresServer) -> Iterator[Database]:
    """A demo with bookings, a used payment and a password reset under way."""
    url = postgres.new_database(demo=True)
    with closing(Pipeline(url)) as pipeline:
        pipeline.one_lane()
        pipeline.put(*places(BOOKINGS))
        pipeline.worker().visit_until_done()
        while relay(pipeline.connection, lambda _: None):
            pass
        [(booking,)] = pipeline.rows("SELECT max(id) FROM booking")
        for statement in (
            """INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, intent_id, received_minor,
                                    created_at, updated_at)
               VALUES (gen_random_uuid(), %(booking)s, 1, 100, 'usd', 'succeeded', 'pi_1', 100, now(), now()),
                      (gen_random_uuid(), %(booking)s, 2, 100, 'usd', 'queued', NULL, 0, now(), now())""",
            """INSERT INTO password_reset (token_hash, user_id, auth_epoch, email_key, expires_at)
               SELECT '\\x00', id, auth_epoch, email_key, now() + interval '1 hour' FROM user_account LIMIT 1""",
        ):
            pipeline.connection.execute(statement.encode(), {"booking": booking})
    yield database_of(postgres, url)
    postgres.drop_database(url)


@pytest.fixture(scope="module")
def archive(source: Database, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    file = tmp_path_factory.mktemp("backup") / "holdfast.backup"
    take(source, str(file), lambda _: None)
    return Archive(file)


def forged(archive: Archive, folder: Path, dump: bytes | None = None, **changes: Any) -> Archive:
    """A backup with a right checksum, of another manifest or another dump."""
    made = folder / f"{uuid4()}.backup"
    with archive.path.open("rb") as file, made.open("wb") as target:
        file.seek(archive.size_bytes - TRAILER_BYTES - archive.dump_bytes)
        body = Body(target, replace(archive.manifest, **changes), lambda _: None)
        body.copy(BytesIO(dump if dump is not None else file.read(archive.dump_bytes)))
        body.finish()
    return Archive(made)


def dump_of(archive: Archive) -> bytes:
    target = BytesIO()
    target.close = lambda: None  # type: ignore[method-assign]  # it is read afterwards
    archive.copy_dump(target, lambda _: None)
    return target.getvalue()


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(url) as connection:
        names = [str(name) for (name,) in connection.execute(SQL_TABLES).fetchall()]
        tables = {name: f"SELECT md5(t::text) FROM {name} t ORDER BY 1" for name in names}
        return {name: connection.execute(statement.encode()).fetchall() for name, statement in tables.items()}


def schema(url: str) -> set[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return set(connection.execute(SQL_SCHEMA).fetchall())


def one(url: str, statement: str, *parameters: object) -> object:
    with psycopg.connect(url) as connection:
        [(found,)] = connection.execute(statement.encode(), parameters).fetchall()
    return found


def test_what_is_restored_is_what_was_backed_up(
    postgres: PostgresServer, source: Database, archive: Archive, target: Database
) -> None:
    before, url = contents(source.settings.database_url), target.settings.database_url
    outcome = put_back(archive, target)
    after = contents(url)
    assert after.keys() == before.keys()
    assert {name for name in before if after[name] != before[name]} <= SETTLED
    assert schema(url) == schema(source.settings.database_url)
    with psycopg.connect(url) as connection:
        assert connection.execute(SQL_OTHERS_OWN, (APPLICATION_ROLE,)).fetchall() == []
    manifest = archive.manifest
    assert (manifest.schema, manifest.demo, manifest.head, manifest.counts["booking"]) == (
        NEWEST,
        True,
        BOOKINGS,
        BOOKINGS + 1,
    )
    assert (outcome.position.number, outcome.position.epoch != manifest.epoch) == (BOOKINGS, True)


def test_what_may_have_happened_since_does_not_happen_twice(archive: Archive, target: Database) -> None:
    put_back(archive, target)
    url = target.settings.database_url
    assert one(url, "SELECT count(*) FROM password_reset") == 0, "one that was used would work again"
    assert one(url, "SELECT refund_asked - refund_number FROM payment WHERE state = 'succeeded'") == 1
    last = int(str(one(url, "SELECT max(id) FROM booking")))
    assert int(str(one(url, "SELECT nextval('booking_id_seq')"))) > last + ID_GAP, "no id is given a second time"


def test_a_restore_replaces_what_was_there_only_when_told(
    postgres: PostgresServer, archive: Archive, target: Database
) -> None:
    url = target.settings.database_url
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('good')")
        connection.execute("CREATE TABLE booking (id serial, mood mood)")
        connection.execute("CREATE VIEW moods AS SELECT mood FROM booking")
        connection.execute("CREATE FUNCTION doubled(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 * 2'")
    with pytest.raises(BackupError, match="--replace"):
        put_back(archive, target)
    assert one(url, "SELECT doubled(2)") == 4, "nothing was touched"
    put_back(archive, target, replace=True)
    assert one(url, "SELECT to_regclass('moods') IS NULL AND to_regtype('mood') IS NULL") is True
    assert one(url, "SELECT count(*) FROM booking") == BOOKINGS + 1


def refusal(url: str) -> str | None:
    """The check by which no process starts on it."""
    found = examine_database(settings_for(url, NOWHERE)).refusal
    return None if found is None else found.check


def test_a_restore_that_fails_leaves_what_was_there(archive: Archive, target: Database, tmp_path: Path) -> None:
    """Its checksum is right, but the dump ends in the middle."""
    dump = dump_of(archive)
    cut = forged(archive, tmp_path, dump[: len(dump) - 20_000])
    url = target.settings.database_url
    with pytest.raises(BackupError, match="nothing of it was kept"):
        put_back(cut, target)
    assert refusal(url) == "restore"
    put_back(archive, target, replace=True)
    assert refusal(url) is None
    before = contents(url)
    with pytest.raises(BackupError, match="nothing of it was kept"):
        put_back(cut, target, replace=True)
    assert refusal(url) is None
    assert contents(url) == before


def test_processes_wait_while_a_restore_is_unfinished(archive: Archive, target: Database, tmp_path: Path) -> None:
    """It has the rows, but not as many as the backup says."""
    wrong = forged(archive, tmp_path, counts={**archive.manifest.counts, "booking": 7})
    with pytest.raises(BackupError, match="not as many"):
        put_back(wrong, target)
    with (
        psycopg.connect(target.settings.database_url) as connection,
        pytest.raises(SchemaDoesNotFitError, match="restore"),
    ):
        check_schema(connection)
    with pytest.raises(BackupError, match="did not finish"):
        take(target, str(tmp_path / "another"), lambda _: None)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"schema": "9999"}, "newer release"),
        ({"demo": False}, "HOLDFAST_DEMO=0"),
        ({"postgresql": 99}, "PostgreSQL 99"),
    ],
    ids=["schema", "demo", "server"],
)
def test_a_backup_that_does_not_belong_there_is_refused(
    archive: Archive, target: Database, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(BackupError, match=says):
        check(forged(archive, tmp_path, **changes), target, replace=True)


def test_the_demo_stays_a_demo(archive: Archive, target: Database) -> None:
    with pytest.raises(BackupError, match="stays a demo"):
        check(archive, outside_the_demo(target), replace=False)


def outside_the_demo(database: Database) -> Database:
    return replace(database, settings=dataclasses.replace(database.settings, demo=False))


def test_nothing_is_restored_while_processes_serve(
    archive: Archive, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.backup.restore.SESSIONS_END_WITHIN_S", 0.0)
    with (
        closing(Pipeline(target.settings.database_url)),
        pytest.raises(BackupError, match=r"still have sessions in this database: .*tests \(1\)"),
    ):
        put_back(archive, target)


def test_a_session_that_is_just_ending_is_waited_for(archive: Archive, target: Database) -> None:
    pipeline = Pipeline(target.settings.database_url)
    ending = threading.Timer(0.5, pipeline.close)
    ending.start()
    check(archive, target, replace=False)
    ending.join()


def test_a_backup_of_an_older_release_is_migrated_on(
    postgres: PostgresServer, target: Database, tmp_path: Path
) -> None:
    file = tmp_path / "older.backup"
    with postgres.older_database("0033") as url:
        take(database_of(postgres, url), str(file), lambda _: None)
    archive = Archive(file)
    assert archive.manifest.schema == "0033"
    outcome = put_back(archive, outside_the_demo(target))
    assert outcome.migrated_from == "0033"
    with psycopg.connect(target.settings.database_url) as connection:
        check_schema(connection)


def test_a_backup_that_fails_leaves_no_file(source: Database, tmp_path: Path) -> None:
    before = tmp_path / "holdfast.backup"
    before.write_text("the last one")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("pg_dump", "pg_restore", "psql"):
        (programs / name).write_text(
            "#!/bin/sh\n[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 18.1' && exit\necho begun\necho full >&2\nexit 1\n"
        )
        (programs / name).chmod(0o755)
    with pytest.raises(BackupError, match="pg_dump failed, and there is no backup: full"):
        take(source, str(before), lambda _: None, programs)
    assert before.read_text() == "the last one"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["bin", "holdfast.backup"]


def test_a_backup_is_its_owners_alone(archive: Archive) -> None:
    assert archive.path.stat().st_mode & 0o777 == 0o600


def test_an_empty_database_has_nothing_to_back_up(target: Database, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="run migrate first"):
        take(target, str(tmp_path / "one"), lambda _: None)
