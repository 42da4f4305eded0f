"""`migrate`, beside what another release has made of the database."""

from __future__ import annotations

import psycopg

from core.store.migrate import upgrade
from tests.servers import settings_for

LATER = "9999"


def test_a_release_that_comes_back_leaves_the_newer_schema_and_sets_its_lanes(database_url: str) -> None:
    """Migrations only add, so it works on what it does not know: compose starts nothing unless `migrate` ends well."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (LATER,))
        upgrade(settings_for(database_url, "redis://127.0.0.1:1/0", lanes=3))
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(LATER,)]
        assert connection.execute("SELECT lanes FROM installation").fetchone() == (3,)
