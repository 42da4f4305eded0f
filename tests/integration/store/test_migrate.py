"""`migrate` on a database that another release uses or has migrated."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest

from core.settings import FIRST_LANES
from core.store.connections.database import MIGRATE_LIMITS, connect, connect_lane
from core.store.migrate import upgrade
from core.store.revision import NEWEST
from ops.operator_identity import operator
from tests.support.engine.lanes import Background, lock_waits
from tests.support.processes.servers import PostgresServer, settings_for
from tests.support.wait import wait_until

OLDER, LATER = "0019", "9999"
REDIS_URL = "redis://127.0.0.1:1/0"


def test_a_release_that_comes_back_leaves_the_newer_schema_and_sets_its_lanes(database_url: str) -> None:
    """Migrations only add, so it works on what it does not know: compose starts nothing unless `migrate` ends well."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (LATER,))
        upgrade(settings_for(database_url, REDIS_URL, lanes=3))
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(LATER,)]
        assert connection.execute("SELECT lanes FROM installation").fetchone() == (3,)


def test_a_migrate_without_the_setting_keeps_the_lanes(postgres: PostgresServer) -> None:
    """Whoever forgets the variable once must not shrink the lanes of all workers in silence."""
    url = postgres.bare_database(f"t_{secrets.token_hex(6)}")
    unset = replace(settings_for(url, REDIS_URL), lanes=None)
    with psycopg.connect(url, autocommit=True) as connection:
        for told, kept in (
            (unset, FIRST_LANES),
            (replace(unset, lanes=5), 5),
            (unset, 5),
            (replace(unset, lanes=1), 1),
        ):
            upgrade(told)
            assert connection.execute("SELECT lanes FROM installation").fetchone() == (kept,)
    postgres.drop_database(url)


def test_what_it_changed_is_in_the_audit_log_and_a_second_one_changes_nothing(postgres: PostgresServer) -> None:
    url = postgres.bare_database(f"t_{secrets.token_hex(6)}")
    first = settings_for(url, REDIS_URL, lanes=3)
    for settings in (first, first, replace(first, lanes=4)):
        upgrade(settings, operator())
    entries = "SELECT actor, subject, before, after FROM audit_entry WHERE action = 'installation.migrated' ORDER BY id"
    with psycopg.connect(url) as connection:
        assert connection.execute(entries).fetchall() == [
            (operator().name, "installation:1", None, {"schema": NEWEST, "lanes": 3, "time_zone": first.time_zone}),
            (operator().name, "installation:1", {"lanes": 3}, {"lanes": 4}),
        ]
    postgres.drop_database(url)


@pytest.fixture
def older_database(postgres: PostgresServer) -> Iterator[str]:
    """As the release before had it."""
    with postgres.older_database(OLDER) as url:
        yield url


def test_a_migration_gives_way_to_those_who_wait_behind_it(older_database: str) -> None:
    """A transaction has a table that a migration wants for itself, and others only want to read it: they need not
    wait for the end of that transaction, as the migration gives up its place and comes again."""
    with (
        connect(older_database, MIGRATE_LIMITS, "holdfast first") as first,
        connect_lane(older_database, "second") as two,
    ):
        with first.transaction():
            first.execute("UPDATE payment SET attempt = attempt")
            migrating = Background(lambda: upgrade(settings_for(older_database, REDIS_URL)))
            wait_until(lambda: lock_waits(two, "holdfast migrate") > 0, "the migration waits for the table")
            two.execute("SET lock_timeout = 0")
            two.execute("SELECT count(*) FROM payment")
            assert migrating.running
        migrating.join()
        assert two.execute("SELECT version_num FROM alembic_version").fetchone() == (NEWEST,)


def test_a_migration_that_meets_others_the_other_way_round_comes_again(older_database: str) -> None:
    """Another session has the second table and wants the first, which the migration has: whichever loses, both finish."""
    with (
        connect(older_database, MIGRATE_LIMITS, "holdfast first") as first,
        connect_lane(older_database, "second") as two,
    ):
        with suppress(psycopg.errors.DeadlockDetected), first.transaction():
            first.execute("UPDATE payments_gate SET opened_at = opened_at")
            migrating = Background(lambda: upgrade(settings_for(older_database, REDIS_URL)))
            wait_until(lambda: lock_waits(two, "holdfast migrate") > 0, "the migration has the first table")
            first.execute("SELECT count(*) FROM payment")
        migrating.join()
        assert two.execute("SELECT version_num FROM alembic_version").fetchone() == (NEWEST,)
