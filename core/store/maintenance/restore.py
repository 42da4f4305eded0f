"""Restoring a database: what is removed first, what marks it until it is complete, and what is settled afterwards.

The dump is loaded in one transaction that also takes away what was there. A table marks the database from before that
transaction until all is settled; while it stands, nothing starts on the database and no process decides anything
(`core.doctor.postgresql`, `core.store.revision`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from core.store.connections.database import Connection
from core.store.feed import Position, renew_epoch

RESTORE_LIMITS = {
    "timezone": "UTC",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
    "lock_timeout": "10s",
}
EXTENSIONS = ("btree_gist", "pg_trgm")
MARK = "restore_unfinished"
ID_GAP = 1_000_000
"""Ids that were given after the backup name nothing in it. None of them is given again to something else: a program
that kept one would change the wrong booking."""

SQL_IS_MARKED = f"SELECT to_regclass('public.{MARK}') IS NOT NULL"
SQL_MARK = (
    f"CREATE TABLE public.{MARK} (began_at timestamptz NOT NULL DEFAULT clock_timestamp(), loaded_at timestamptz)"
)
SQL_MARK_ROW = f"INSERT INTO public.{MARK} DEFAULT VALUES"
SQL_UNMARK = f"DROP TABLE IF EXISTS public.{MARK}"
SQL_LOADED = f"UPDATE public.{MARK} SET loaded_at = clock_timestamp()"
SQL_IS_LOADED = f"SELECT loaded_at IS NOT NULL FROM public.{MARK}"

_EXTENSIONS_OWN = (
    "SELECT FROM pg_depend d WHERE d.classid = '{catalogue}'::regclass AND d.objid = {oid} AND d.deptype = 'e'"
)
_RELATIONS = f"""
    SELECT c.oid, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                  WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END AS kind, c.relname
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
      AND c.relname <> '{MARK}' AND NOT EXISTS ({_EXTENSIONS_OWN.format(catalogue="pg_class", oid="c.oid")})"""
_ROUTINES = f"""
    SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS ({_EXTENSIONS_OWN.format(catalogue="pg_proc", oid="p.oid")})"""
_TYPES = f"""
    SELECT t.oid FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('d', 'e', 'r')
      AND NOT EXISTS ({_EXTENSIONS_OWN.format(catalogue="pg_type", oid="t.oid")})"""
SQL_IS_EMPTY = f"SELECT NOT EXISTS ({_RELATIONS}) AND NOT EXISTS ({_ROUTINES}) AND NOT EXISTS ({_TYPES})"
SQL_CLEAR = f"""
DO $clear$
DECLARE
    statement text;
    statements text[] := ARRAY(
        SELECT sql FROM (
            -- A table takes the sequences of its columns along; they cannot go before it.
            SELECT CASE kind WHEN 'SEQUENCE' THEN 2 ELSE 1 END AS turn,
                   format('DROP %s IF EXISTS public.%I CASCADE', kind, relname) AS sql FROM ({_RELATIONS}) AS r
            UNION ALL SELECT 3, format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure) FROM ({_ROUTINES}) AS p
            UNION ALL SELECT 4, format('DROP TYPE IF EXISTS %s CASCADE', oid::regtype) FROM ({_TYPES}) AS t
        ) AS dropped ORDER BY turn);
BEGIN
    FOREACH statement IN ARRAY statements LOOP
        EXECUTE statement;
    END LOOP;
END $clear$;
"""
"""All of ours goes, and whatever else lies in the schema `public`; the extensions stay."""
SCRIPT_BEFORE = "\n".join(
    (
        "\\set ON_ERROR_STOP on",
        "\\set QUIET on",
        "BEGIN;",
        "SET LOCAL lock_timeout = '10s';",
        "SET LOCAL client_min_messages = warning;",
        SQL_CLEAR,
        *(f"CREATE EXTENSION IF NOT EXISTS {one};" for one in EXTENSIONS),
        "",
    )
)
"""What psql reads before the dump's own script."""
SCRIPT_AFTER = f"\n{SQL_LOADED};\nCOMMIT;\n"
"""And after it. Without these lines, as when the dump could not be read to its end, everything is rolled back."""

SQL_SERVING = """
SELECT application_name, count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'holdfast %'
  AND application_name <> 'holdfast restore'
GROUP BY 1 ORDER BY 1
"""
SQL_SCHEMA = "SELECT version_num FROM public.alembic_version"
SQL_IDS = """
SELECT format('%%I.%%I', schemaname, sequencename), coalesce(last_value, 0) + %(gap)s FROM pg_sequences
WHERE schemaname = 'public' AND max_value > coalesce(last_value, 0) + 10 * %(gap)s
"""
SQL_RAISE_ID = "SELECT setval(%s::regclass, %s)"
SQL_NOTE = """
INSERT INTO database_restore (taken_at, holdfast, schema_before, postgresql, bookings, known_epoch, known_head)
VALUES (%(taken_at)s, %(holdfast)s, %(schema)s, %(postgresql)s, %(bookings)s, %(epoch)s, %(head)s) RETURNING id
"""

RESTORED_ANSWER = "the database was restored: it may have been sent since the backup, so a person decides"
SETTLED = {
    "payments under way": """
UPDATE payment SET lease = NULL, leased_until = NULL, sent = sent OR state IN ('creating', 'closing'),
       refund_asked = CASE WHEN state IN ('returning', 'refunding') THEN refund_number
                           WHEN received_minor > refunded_minor THEN refund_number + 1 ELSE refund_asked END,
       due_at = CASE WHEN lease IS NOT NULL THEN clock_timestamp() ELSE due_at END
WHERE state IN ('creating', 'closing', 'returning', 'refunding') OR received_minor > refunded_minor OR lease IS NOT NULL
""",
    "deliveries": f"""
UPDATE delivery SET state = 'parked', due_at = NULL, retry_at = NULL, done_at = clock_timestamp(),
       parked_at = clock_timestamp(), answer = '{RESTORED_ANSWER}'
WHERE state = 'waiting'
""",
    "deliveries under way": "DELETE FROM delivery_run",
    "cursors of senders": """
UPDATE delivery_cursor c SET position = f.last_position, missed_events = missed_events + f.last_position - c.position,
       missed_at = clock_timestamp(), missed_why = 'restored'
FROM feed f WHERE c.position < f.last_position
""",
    "lane notes": "DELETE FROM lane_note",
    "password resets": "DELETE FROM password_reset",
    "socket tickets": "DELETE FROM ws_ticket",
    "sign-ins at a provider": "DELETE FROM oauth_attempt",
}
"""What may have happened after the backup must not happen twice. By what it is about:

- payments may have been carried out: an intent or a refund is looked for at the provider before it is requested again,
  the next refund of what was paid included;
- deliveries that waited may have been sent: they are parked, and `holdfast parked` releases or drops them;
- events that senders had not planned are left out, and counted as missed;
- notes of lanes name servers that are gone;
- secrets that work once may have been used."""


class Serving(msgspec.Struct, frozen=True):
    """Sessions of one kind of process."""

    name: str
    sessions: int


def is_empty(connection: Connection) -> bool:
    """Whether there is nothing in the schema `public` but what extensions brought, and perhaps a restore's mark."""
    return bool(_one(connection, SQL_IS_EMPTY))


def serving(connection: Connection) -> list[Serving]:
    """Which processes of ours have sessions in this database, other than a restore."""
    return [Serving(str(name), int(count)) for name, count in connection.execute(SQL_SERVING).fetchall()]


def is_marked(connection: Connection) -> bool:
    """Whether a restore into this database began and did not finish."""
    return bool(_one(connection, SQL_IS_MARKED))


def mark(connection: Connection) -> None:
    """From now on nothing starts on this database. Once it is marked, that stays."""
    with connection.transaction():
        if not is_marked(connection):
            connection.execute(SQL_MARK)
            connection.execute(SQL_MARK_ROW)


def unmark(connection: Connection) -> None:
    connection.execute(SQL_UNMARK)


def is_loaded(connection: Connection) -> bool:
    """Whether the marked database has the backup's rows; until then it is as it was before."""
    return bool(_one(connection, SQL_IS_LOADED))


def restored_schema(connection: Connection) -> str:
    return str(_one(connection, SQL_SCHEMA))


class Restored(msgspec.Struct, frozen=True):
    """What to note of a restore."""

    taken_at: datetime
    """The moment whose state the database has now."""
    holdfast: str
    schema: str
    postgresql: int
    bookings: int | None
    epoch: str
    head: int


def settle(connection: Connection, restored: Restored) -> tuple[int, Position]:
    """Make a loaded database fit to serve, in one transaction that also takes the mark away.

    The restore's id, and the position from which the feed continues.
    """
    with connection.transaction():
        for statement in SETTLED.values():
            connection.execute(statement.encode())
        _raise_ids(connection)
        position = renew_epoch(connection)
        id_ = _one(connection, SQL_NOTE, msgspec.structs.asdict(restored))
        unmark(connection)
    return int(id_), position


def _raise_ids(connection: Connection) -> None:
    for name, raised in connection.execute(SQL_IDS, {"gap": ID_GAP}).fetchall():
        connection.execute(SQL_RAISE_ID, (name, raised))


def analyze(connection: Connection) -> None:
    """A restored table has no statistics, and without them plans are bad until autovacuum has come round."""
    connection.execute(sql.SQL("ANALYZE"))


def _one(connection: psycopg.Connection[Any], statement: str, parameters: dict[str, Any] | None = None) -> Any:
    row = connection.execute(statement.encode(), parameters).fetchone()
    assert row is not None  # noqa: S101 - each of them answers one row
    return row[0]
