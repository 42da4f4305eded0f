"""The application's role in PostgreSQL: it owns what is in the database, and can do nothing beyond it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from core.settings import SettingsError
from core.store.maintenance.partitions import ensure
from core.store.migrate import upgrade
from ops import demo
from ops.database_roles import create_application_role
from ops.store_settings import APPLICATION_ROLE, ROLE
from tests.support.processes.servers import PostgresServer, settings_for

NOWHERE = "redis://127.0.0.1:1/0"
SQL_ROLE = """
SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = %s
"""
SQL_OWNERS = """
SELECT count(*) FILTER (WHERE relowner = to_regrole(%(role)s)), count(*) FROM pg_class c
WHERE relnamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
BEYOND = {
    "another role": "CREATE ROLE more SUPERUSER",
    "more for itself": f"ALTER ROLE {APPLICATION_ROLE} SUPERUSER",
    "the superuser": f"SET ROLE {ROLE}",
    "the server's files": "SELECT pg_read_file('pg_hba.conf')",
    "the server's programs": "COPY (SELECT 1) TO PROGRAM 'true'",
    "the server's settings": "ALTER SYSTEM SET fsync = off",
    "an untrusted language": "CREATE EXTENSION file_fdw",
    "passwords": "SELECT rolpassword FROM pg_authid",
    "another database": "CREATE DATABASE more",
}


@pytest.fixture
def name(postgres: PostgresServer) -> Iterator[str]:
    one = f"t_{secrets.token_hex(6)}"
    postgres.cluster.create_database(one)
    yield one
    postgres.drop_database(postgres.url(one))


def owned(url: str) -> tuple[int, int]:
    """How many relations are the application's, and how many there are."""
    with psycopg.connect(url) as connection:
        [(mine, whole)] = connection.execute(SQL_OWNERS, {"role": APPLICATION_ROLE}).fetchall()
    return mine, whole


def test_the_role_is_no_superuser(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (APPLICATION_ROLE,)
        assert connection.execute(SQL_ROLE, (APPLICATION_ROLE,)).fetchone() == (False, True)


@pytest.mark.parametrize("what", BEYOND)
def test_the_role_cannot_reach_beyond_its_database(database_url: str, what: str) -> None:
    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(BEYOND[what])


def test_an_owner_that_is_no_superuser_is_told_what_to_do(postgres: PostgresServer, name: str) -> None:
    """As on a managed server: its first role may make roles and databases, but not give them away."""
    role = f"managed_{secrets.token_hex(4)}"
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN CREATEDB CREATEROLE PASSWORD 'managed'")
        connection.execute(f"ALTER DATABASE {name} OWNER TO {role}")
    wanted = conninfo_to_dict(postgres.url(name))
    managed = f"postgresql://{role}:managed@{wanted['host']}:{wanted['port']}/{name}"
    application = f"postgresql://{role}_app:secret@{wanted['host']}:{wanted['port']}/{name}"
    with pytest.raises(SettingsError, match=r"HOLDFAST_OWNER_DATABASE_URL .* or leave it out and make the role"):
        create_application_role(managed, application)


def test_what_an_earlier_release_made_as_the_superuser_is_handed_over(postgres: PostgresServer, name: str) -> None:
    """Its tables, partitions and functions with what is in them; the application then creates and drops partitions."""
    owner, application = postgres.url(name), postgres.cluster.application_url(name)
    old = settings_for(owner, NOWHERE)
    upgrade(old)
    demo.load(old)
    mine, whole = owned(owner)
    assert mine == 0 < whole
    for _ in range(2):  # each start asks for it
        create_application_role(owner, application)
        assert owned(owner) == (whole, whole)
    upgrade(settings_for(application, NOWHERE))
    with psycopg.connect(application, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM user_account").fetchone() == (True,)
        [(last,)] = connection.execute(
            "SELECT max(relname) FROM pg_class WHERE relname LIKE 'outcome_20__w__'"
        ).fetchall()
        connection.execute(f"DROP TABLE {last}")
        ensure(connection)
        assert connection.execute("SELECT to_regclass(%s) IS NOT NULL", (last,)).fetchone() == (True,)
        connection.execute("UPDATE service SET name = name")
    upgrade(old)  # a release before this one, that comes back


def test_what_a_superuser_adds_later_is_handed_over_at_the_next_start(postgres: PostgresServer, name: str) -> None:
    owner, application = postgres.url(name), postgres.cluster.application_url(name)
    create_application_role(owner, application)
    upgrade(settings_for(application, NOWHERE))
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("CREATE TABLE strange (id bigint GENERATED ALWAYS AS IDENTITY, n serial)")
        connection.execute(
            "CREATE SEQUENCE lone; CREATE VIEW seen AS SELECT FROM strange; CREATE TYPE word AS ENUM ('a')"
        )
        connection.execute("CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    create_application_role(owner, application)
    mine, whole = owned(owner)
    assert mine == whole
    with psycopg.connect(application, autocommit=True) as connection:
        connection.execute(
            "DROP VIEW seen; DROP TABLE strange; DROP SEQUENCE lone; DROP TYPE word; DROP FUNCTION one()"
        )


def test_a_new_password_counts_from_the_next_start_on(postgres: PostgresServer, name: str) -> None:
    owner, application = postgres.url(name), postgres.cluster.application_url(name)
    other = application.replace(APPLICATION_ROLE, "holdfast_other")
    changed = other.replace("@", "2@")
    for url in (other, changed):
        create_application_role(owner, url)
        psycopg.connect(url).close()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(other)
    create_application_role(owner, application)
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("DROP ROLE holdfast_other")


def test_the_superuser_cannot_be_the_application(postgres: PostgresServer, name: str) -> None:
    with pytest.raises(SettingsError, match="name the same role"):
        create_application_role(postgres.url(name), postgres.url(name))
