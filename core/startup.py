"""Refuse, in one sentence, to start on a database or Redis on which Holdfast cannot work.

One that does not answer yet is no reason to refuse: the process starts and waits for it.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import psycopg
import redis
import structlog
from redis.backoff import NoBackoff
from redis.exceptions import ClusterCrossSlotError, ClusterError, RedisError
from redis.retry import Retry

from core.identity.demo_accounts import holds_demo
from core.settings import Settings
from core.store.connections.database import API_LIMITS, connect, conninfo
from core.store.maintenance.restore import is_marked
from core.wakeup.keys import Keys

log = structlog.get_logger()

REDIS_TIMEOUT_S = 2.0
ROUNDS = 20
LANES_ASKED = 8
"""Enough keys that a cluster spreads them over several nodes."""

OLDEST_POSTGRESQL = 18
"""Its `crc32()` finds a command's lane in the statement that writes it, and `transaction_timeout` frees a lane."""

OLD_POSTGRESQL = (
    "DATABASE_URL names PostgreSQL {found}. Holdfast needs PostgreSQL {oldest} or newer: upgrade it, or name another."
)
TRANSACTION_POOLING = (
    "DATABASE_URL names a pooler that gives each transaction another session. "
    "Holdfast needs session pooling: set pool_mode = session for it, or name PostgreSQL itself."
)
REDIS_CLUSTER = (
    "REDIS_URL names a node of a Redis Cluster, which spreads related keys over several nodes. "
    "Give Holdfast a Redis or Valkey that is not in cluster mode."
)


DEMO_DATA = (
    "DATABASE_URL names a database that holds the demo, whose passwords and agent key everybody knows. "
    "Name an empty one (with make run: another folder with DATA=), or start the demo on it with HOLDFAST_DEMO=1."
)


UNFINISHED_RESTORE = (
    "DATABASE_URL names a database into which a restore is under way, or did not finish. "
    'Run holdfast restore with --replace again (docs/operations.md, "Backup and restore").'
)


class UnusableStoreError(Exception):
    """A store that answers, but on which Holdfast cannot work; the message says what to do."""


def refuse_unusable_stores(settings: Settings) -> None:
    """Called once before a process serves. Exits with one sentence on standard error."""
    try:
        check_database(settings.database_url)
        check_restored(settings.database_url)
        check_demo(settings)
        check_redis(settings.redis_url, settings.redis_keys)
    except UnusableStoreError as problem:
        sys.stderr.write(f"holdfast: {problem}\n")
        sys.exit(1)


def check_database(url: str) -> None:
    """Raises `UnusableStoreError` if the server is too old, if two clients share a session, or one is given two.

    While one holds a transaction open, the other must still be where it was. Prepared statements, session limits
    and migrate's lock all rest on that. Once is enough on a quiet pooler; on a busy one a client may be given the
    same session again by chance.
    """
    _check_version(url)
    with (
        suppress(psycopg.Error),
        connect(url, API_LIMITS, "holdfast start") as first,
        connect(url, API_LIMITS, "holdfast start") as second,
    ):
        try:
            for _ in range(ROUNDS):
                mine = _session(first)
                with second.transaction():
                    if _session(second) == mine or _session(first) != mine:
                        raise UnusableStoreError(TRANSACTION_POOLING)
        except psycopg.errors.ProtocolViolation:  # PgBouncer: statement pooling knows no transactions
            raise UnusableStoreError(TRANSACTION_POOLING) from None


def _check_version(url: str) -> None:
    """Without our session limits: an old server does not know all of them."""
    with suppress(psycopg.Error), psycopg.connect(conninfo(url, "holdfast start")) as connection:
        found = connection.info.server_version // 10_000
        if found < OLDEST_POSTGRESQL:
            raise UnusableStoreError(OLD_POSTGRESQL.format(found=found, oldest=OLDEST_POSTGRESQL))


def _session(connection: psycopg.Connection[tuple[object, ...]]) -> object:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return row[0]


def check_demo(settings: Settings) -> None:
    """Raises `UnusableStoreError` for the demo's data outside the demo."""
    if settings.demo:
        return
    with suppress(psycopg.Error), connect(settings.database_url, API_LIMITS, "holdfast start") as connection:
        if holds_demo(connection):
            raise UnusableStoreError(DEMO_DATA)


def check_restored(url: str) -> None:
    """Raises `UnusableStoreError` for a database that is not whole."""
    with suppress(psycopg.Error), connect(url, API_LIMITS, "holdfast start") as connection:
        if is_marked(connection):
            raise UnusableStoreError(UNFINISHED_RESTORE)


def check_redis(url: str, keys: Keys) -> None:
    """Raises `UnusableStoreError` if several keys cannot be read together. Other errors are ignored here."""
    client = redis.Redis.from_url(
        url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
    )
    with client:
        try:
            client.exists(*(keys.lane_bell(lane) for lane in range(LANES_ASKED)))
        except (ClusterError, ClusterCrossSlotError):
            raise UnusableStoreError(REDIS_CLUSTER) from None
        except (RedisError, OSError) as problem:
            log.warning("redis does not answer yet", problem=repr(problem))
