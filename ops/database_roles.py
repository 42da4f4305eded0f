"""PostgreSQL's roles: the application's role owns what is in the database, and may do nothing beyond it.

A superuser, the owner of the cluster, creates that role, adds the extensions and transfers what is there. `migrate`
does so where the superuser's address is set: in the embedded stack and in compose, where earlier releases ran the
application as that superuser. What is transferred already stays as it is, so every start may ask for it.
"""

from __future__ import annotations

import time

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from core.settings import SettingsError
from core.store.connections.database import conninfo
from core.store.connections.server_log import ROLE_LOG

EXTENSIONS = ("btree_gist", "pg_trgm")
LOCK_WAIT = "1s"
"""Others queue behind a session that waits for a table's lock, so this gives up soon and tries again."""
LOCK_TRIES = 60
LOCK_PAUSE_S = 0.5

SQL_OWNED_BY_OTHERS = """
SELECT CASE WHEN relkind = 'S' THEN 'SEQUENCE' WHEN relkind = 'v' THEN 'VIEW' WHEN relkind = 'm' THEN 'MATERIALIZED VIEW'
            ELSE 'TABLE' END, oid::regclass::text
FROM pg_class c
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S') AND relowner <> to_regrole(%(role)s)
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                    AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
UNION ALL
SELECT 'ROUTINE', oid::regprocedure::text FROM pg_proc p
WHERE pronamespace = 'public'::regnamespace AND proowner <> to_regrole(%(role)s)
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'TYPE', oid::regtype::text FROM pg_type t
WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e', 'r') AND typowner <> to_regrole(%(role)s)
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
"""
"""What another role owns, as ALTER names it. An extension's parts stay the superuser's; a column's sequence goes with it."""

SQL_LOG_SETTINGS = """
SELECT name, value FROM unnest(%(names)s::text[], %(values)s::text[]) AS wanted (name, value)
WHERE has_parameter_privilege(name, 'SET') AND NOT EXISTS (
    SELECT FROM pg_roles WHERE rolname = %(role)s AND name || '=' || value = ANY (rolconfig))
"""
"""Those that the role does not have yet."""

Connection = psycopg.Connection[tuple[object, ...]]


def create_application_role(owner_url: str, application_url: str) -> None:
    """Make the role of `application_url` what it has to be. `owner_url`: a superuser, in the same database."""
    try:
        _create_application_role(owner_url, application_url)
    except psycopg.errors.InsufficientPrivilege as problem:
        may_not = f"The role of HOLDFAST_OWNER_DATABASE_URL may not do that: {problem.diag.message_primary}"
        words = (
            "Name a superuser there, or leave it out and make the role and the database yourself (docs/operations.md)"
        )
        raise SettingsError(f"{may_not}. {words}.") from problem


def _create_application_role(owner_url: str, application_url: str) -> None:
    wanted = conninfo_to_dict(application_url)
    role, password = str(wanted.get("user", "")), str(wanted.get("password", ""))
    if conninfo_to_dict(owner_url).get("user") == role:
        words = "HOLDFAST_OWNER_DATABASE_URL and DATABASE_URL name the same role. Name another one in DATABASE_URL."
        raise SettingsError(words)
    with psycopg.connect(conninfo(owner_url, "holdfast owner"), autocommit=True) as connection:
        connection.execute(f"SET lock_timeout = '{LOCK_WAIT}'")
        _make_role(connection, role, password)
        _keep_from_the_log(connection, role)
        for extension in EXTENSIONS:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))
        for tried in range(1, LOCK_TRIES + 1):
            try:
                _give(connection, role)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                if tried == LOCK_TRIES:
                    raise
                time.sleep(LOCK_PAUSE_S)
            else:
                return


def _make_role(connection: Connection, role: str, password: str) -> None:
    """Its password goes to the server as the server keeps it, so that no log can ever hold it."""
    secret = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None
    statement = "{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}"
    verb = sql.SQL("ALTER" if exists else "CREATE")
    connection.execute(sql.SQL(statement).format(verb, sql.Identifier(role), sql.Literal(secret)))


def _keep_from_the_log(connection: Connection, role: str) -> None:
    """What the role does; on a server where the owner may not say so, the doctor tells the operator."""
    for name, value in connection.execute(SQL_LOG_SETTINGS, {"role": role, **_log_settings()}).fetchall():
        statement = sql.SQL("ALTER ROLE {} SET {} = {}")
        connection.execute(statement.format(sql.Identifier(role), sql.Identifier(str(name)), sql.Literal(value)))


def _log_settings() -> dict[str, list[str]]:
    return {"names": list(ROLE_LOG), "values": list(ROLE_LOG.values())}


def _give(connection: Connection, role: str) -> None:
    """The database, and so its schema `public`, and all that is in there: each by itself, each for a moment only."""
    found = connection.execute(
        "SELECT current_database(), pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    assert found is not None  # noqa: S101 - we are connected to it
    if found[1] != role:
        statement = sql.SQL("ALTER DATABASE {} OWNER TO {}")
        connection.execute(statement.format(sql.Identifier(str(found[0])), sql.Identifier(role)))
    for kind, name in connection.execute(SQL_OWNED_BY_OTHERS, {"role": f'"{role}"'}).fetchall():
        statement = sql.SQL(f"ALTER {kind} {name} OWNER TO {{}}")  # as PostgreSQL quotes it
        connection.execute(statement.format(sql.Identifier(role)))
