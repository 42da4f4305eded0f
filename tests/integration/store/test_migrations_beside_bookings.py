"""Migrations run beside bookings: none holds a lock for long, or waits for one for long (docs/releases.md)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from alembic.config import Config
from msgspec import Struct
from sqlalchemy import Connection

from core.store import migrate
from core.store.connections.database import connect_lane
from core.store.revision import NEWEST
from tests.support.migration_lint import findings, recorded
from tests.support.processes.servers import PostgresServer, settings_for

REDIS_URL = "redis://127.0.0.1:1/0"
FIRST_RELEASE = "0019"
"""The schema of 0.1.0, which was made on databases that nobody used yet."""
LAST_WITH_EXCEPTIONS = "0033"
EXCEPTIONS: Mapping[tuple[str, str], str] = {
    ("0025", "rows-written-at-once"): "the payments that are being refunded at that moment: a few",
    ("0033", "rows-written-at-once"): "services, categories and practitioners: hundreds, and bookings only read them",
    ("0033", "require-concurrent-index-creation"): "the same tables, and the index tells whether a name stands twice",
}
"""(migration, rule): why nobody waits. There is none for a migration after `LAST_WITH_EXCEPTIONS`."""
SQL_FILES = """
SELECT relname, relfilenode FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
"""
PUT_TOGETHER = f"""
from alembic import op
revision, down_revision = "9999", "{NEWEST}"
def upgrade():
    for column in ("owner", "address"):
        op.execute(" ".join(("CREATE", "INDEX", f"inbox_by_{{column}}", "ON inbox", f"({{column}})")))
"""
"""The file of a migration whose text does not show what it sends."""


class Migrated(Struct, frozen=True):
    """From the schema of 0.1.0 to this one."""

    sent: dict[str, list[str]]
    """By migration."""
    files_before: dict[str, int]
    """Of each table of 0.1.0: a table that is written anew gets another one."""
    files_after: dict[str, int]


@pytest.fixture(scope="module")
def migrated(postgres: PostgresServer) -> Migrated:
    with postgres.older_database(FIRST_RELEASE) as url, connect_lane(url, "holdfast tests") as connection:
        before: dict[str, int] = dict(connection.execute(SQL_FILES).fetchall())
        with recorded() as recorder:
            migrate.upgrade(settings_for(url, REDIS_URL))
        return Migrated(recorder.by_revision, before, dict(connection.execute(SQL_FILES).fetchall()))


def test_no_migration_writes_a_table_anew(migrated: Migrated) -> None:
    """The new table would be empty to a snapshot from before: a list that is being read would show nothing."""
    assert len(migrated.files_before) > 30
    assert {name for name, file in migrated.files_before.items() if migrated.files_after[name] != file} == set()


def test_no_migration_holds_up_bookings(migrated: Migrated) -> None:
    assert list(migrated.sent)[-1] == NEWEST
    found = {name: {one.rule for one in wrong} for name, wrong in findings(migrated.sent).items()}
    excused: dict[str, set[str]] = {name: set() for name in migrated.sent}
    for name, rule in EXCEPTIONS:
        excused[name].add(rule)
    assert found == excused, "docs/releases.md says for each rule how to write it instead"


def test_only_old_migrations_are_excused() -> None:
    assert all(name <= LAST_WITH_EXCEPTIONS for name, _ in EXCEPTIONS)


def test_a_migration_is_linted_by_what_it_sends(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "9999_put_together.py").write_text(PUT_TOGETHER)
    original = migrate.alembic_config

    def with_one_more(connection: Connection) -> Config:
        config = original(connection)
        ours = Path(config.get_main_option("script_location") or "") / "versions"
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", f"{ours}\n{tmp_path}")
        return config

    monkeypatch.setattr(migrate, "alembic_config", with_one_more)
    with recorded() as recorder:
        migrate.upgrade(settings_for(database_url, REDIS_URL))
    assert list(recorder.by_revision) == ["9999"]
    wrong = findings(recorder.by_revision)["9999"]
    assert [one.rule for one in wrong] == ["require-concurrent-index-creation"] * 2
