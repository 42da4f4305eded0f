"""What PostgreSQL says about itself, our role and the database, for `core.doctor` to judge. Reading changes nothing."""

from __future__ import annotations

from typing import Any

import psycopg
from msgspec import Struct
from psycopg.conninfo import make_conninfo

from core.domain.resources.time_zones import ZONES
from core.store.connections.database import API_LIMITS, Connection, connect, conninfo, database_now, set_limits
from core.store.connections.server_log import SHOWN, revealing
from core.store.revision import SchemaDoesNotFitError, check_schema
from core.store.sql.local_days import SQL_ZONES

ROUNDS = 20
EXTENSIONS = ("btree_gist", "pg_trgm")
"""All of them trusted: a role that may create in the database may add them."""

SQL_SERVER = """
SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
       current_setting('server_encoding'), current_setting('transaction_read_only') = 'on',
       current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')
"""
SQL_EXTENSIONS = """
SELECT name, EXISTS (SELECT FROM pg_available_extensions a WHERE a.name = wanted.name)
FROM unnest(%s::text[]) AS wanted (name) WHERE NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = wanted.name)
"""
SQL_MISSING_RIGHTS = """
WITH kept AS (
    SELECT c.oid, c.relname, c.relkind, c.relowner FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'S')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
)
SELECT 1, 'CREATE on database ' || current_database()
WHERE NOT has_database_privilege(current_database(), 'CREATE') AND %(needs_extensions)s
UNION ALL
SELECT 2, word || ' on schema public' FROM unnest(ARRAY['USAGE', 'CREATE']) AS word
WHERE NOT has_schema_privilege('public', word)
UNION ALL
SELECT 3, 'ownership of table ' || relname FROM kept
WHERE relkind IN ('r', 'p') AND NOT pg_has_role(relowner, 'USAGE')
UNION ALL
SELECT 4, word || ' on table ' || relname FROM kept, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS word
WHERE relkind IN ('r', 'p') AND NOT has_table_privilege(oid, word)
UNION ALL
SELECT 5, 'USAGE on sequence ' || relname FROM kept
WHERE CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege(oid, 'USAGE') END
UNION ALL
SELECT 6, 'EXECUTE on function ' || p.oid::regprocedure FROM pg_proc p
WHERE pronamespace = 'public'::regnamespace AND NOT has_function_privilege(p.oid, 'EXECUTE')
ORDER BY 1, 2
"""
"""An owner has every right, unless it was revoked."""
SQL_SHOWN = """
SELECT name, current_setting(name, true) FROM unnest(%s::text[]) WITH ORDINALITY AS shown (name, place)
WHERE current_setting(name, true) IS NOT NULL ORDER BY place
"""
SQL_INSTALLATION = """
SELECT to_jsonb(i) ->> 'time_zone', to_jsonb(i) ->> 'tzdata' FROM installation i
"""
"""Through JSON: an older schema has no such columns."""


class DatabaseFacts(Struct, frozen=True, kw_only=True):
    """What one connection of DATABASE_URL found."""

    version: int
    """The major one. Of a server that is too old nothing else is asked."""
    shares_sessions: bool = False
    """Two clients share a session, or one is given two: a pooler in transaction or statement mode."""
    role: str = ""
    is_superuser: bool = False
    encoding: str = "UTF8"
    is_read_only: bool = False
    fsync: str = "on"
    full_page_writes: str = "on"
    synchronous_commit: str = "on"
    log_settings: tuple[str, ...] = ()
    """Those by which the server's log would hold personal data, e.g. `log_error_verbosity = default`."""
    is_encrypted: bool = False
    host: str = ""
    """The address that it was reached at; empty for a Unix socket."""
    sslmode: str = "prefer"
    ahead_s: float = 0.0
    """How far this machine's clock is ahead of the database's; negative: behind."""
    missing_extensions: tuple[str, ...] = ()
    unavailable_extensions: tuple[str, ...] = ()
    """Of the missing ones, those that the server has no files of."""
    missing_rights: tuple[str, ...] = ()
    """E.g. `INSERT on table booking`."""
    schema_mismatch: str | None = None
    """Why this release and the schema do not fit each other."""
    time_zone: str | None = None
    tzdata: str | None = None
    """The version of tzdata whose rules are kept."""
    unlisted_zones: tuple[str, ...] = ()
    """Zones of resources that tzdata does not list."""


def read_server_facts(url: str, oldest: int, now_s: Any) -> DatabaseFacts:
    """Raises psycopg.Error if it cannot be asked. `now_s` is this machine's clock, in seconds since 1970."""
    address = make_conninfo(conninfo(url, "holdfast doctor"), client_encoding="utf8")  # SQL_ASCII would give bytes
    with psycopg.connect(address, autocommit=True) as first:
        version = first.info.server_version // 10_000
        if version < oldest:  # it does not know all of our limits
            return DatabaseFacts(version=version)
        set_limits(first, API_LIMITS)
        if _shares_sessions(first, url):
            return DatabaseFacts(version=version, shares_sessions=True)
        return _facts(first, version, now_s)


def _facts(connection: Connection, version: int, now_s: Any) -> DatabaseFacts:
    before = now_s()
    database_s = database_now(connection).timestamp()
    ahead_s = (before + now_s()) / 2 - database_s
    role, is_superuser, encoding, is_read_only, fsync, pages, commit = _one(connection, SQL_SERVER)
    missing = connection.execute(SQL_EXTENSIONS, (list(EXTENSIONS),)).fetchall()
    rights = connection.execute(SQL_MISSING_RIGHTS, {"needs_extensions": bool(missing)}).fetchall()
    info = connection.info
    facts = DatabaseFacts(
        version=version,
        role=role,
        is_superuser=is_superuser,
        encoding=encoding,
        is_read_only=is_read_only,
        fsync=fsync,
        full_page_writes=pages,
        synchronous_commit=commit,
        log_settings=revealing({str(k): str(v) for k, v in connection.execute(SQL_SHOWN, (list(SHOWN),)).fetchall()}),
        is_encrypted=bool(connection.pgconn.ssl_in_use),
        host=info.hostaddr,
        sslmode=next((one.val or b"" for one in connection.pgconn.info if one.keyword == b"sslmode"), b"").decode(),
        ahead_s=ahead_s,
        missing_extensions=tuple(name for name, _ in missing),
        unavailable_extensions=tuple(name for name, is_available in missing if not is_available),
        missing_rights=tuple(right for _, right in rights),
        schema_mismatch=_schema_mismatch(connection),
    )
    return facts if facts.schema_mismatch else _of_the_schema(connection, facts)


def _of_the_schema(connection: Connection, facts: DatabaseFacts) -> DatabaseFacts:
    """What only a migrated database can say; as it is where the role may not read it."""
    try:
        time_zone, tzdata = _one(connection, SQL_INSTALLATION)
        zones = [str(zone) for (zone,) in connection.execute(SQL_ZONES).fetchall()]
    except psycopg.errors.InsufficientPrivilege:
        return facts
    unlisted = tuple(sorted(set(zones) - ZONES))
    return DatabaseFacts(**{**_fields(facts), "time_zone": time_zone, "tzdata": tzdata, "unlisted_zones": unlisted})


def _fields(facts: DatabaseFacts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in facts.__struct_fields__}


def _schema_mismatch(connection: Connection) -> str | None:
    try:
        check_schema(connection)
    except SchemaDoesNotFitError as problem:
        return str(problem)
    return None


def _shares_sessions(first: Connection, url: str) -> bool:
    """While one client holds a transaction open, the other must still be where it was.

    Prepared statements, session limits and migrate's lock all rest on that. Once is enough on a quiet pooler; on a
    busy one a client may be given the same session again by chance.
    """
    with connect(url, API_LIMITS, "holdfast doctor") as second:
        try:
            for _ in range(ROUNDS):
                mine = _session(first)
                with second.transaction():
                    if _session(second) == mine or _session(first) != mine:
                        return True
        except psycopg.errors.ProtocolViolation:  # PgBouncer: statement pooling knows no transactions
            return True
    return False


def _session(connection: Connection) -> object:
    return _one(connection, "SELECT pg_backend_pid()")[0]


def _one(connection: Connection, statement: str) -> tuple[Any, ...]:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None  # noqa: S101 - each has one row
    return row
