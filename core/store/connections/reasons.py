"""Why PostgreSQL cannot be used, in words of ours: `/readyz` shows them to everybody.

libpq gives no code for a connection that fails, only a message, which may name hosts, roles and databases. So a
message is only searched for what it means, and never passed on.
"""

from __future__ import annotations

import re
from enum import StrEnum

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg_pool import PoolTimeout

from core.store.connections.database import conninfo

TRY_TIMEOUT_S = 2
"""libpq knows whole seconds, and takes 1 for 2."""


class PostgresReason(StrEnum):
    """Each is what is said of it."""

    PASSWORD_REFUSED = "it refuses the role or its password"  # noqa: S105 - says nothing secret
    HOST_REFUSED = "it lets nobody in from this host"
    NO_DATABASE = "it has no such database"
    FULL = "it takes no more connections"
    NOT_RUNNING = "nobody listens at its address"
    UNKNOWN_HOST = "its host name is unknown"
    NO_ANSWER = "it does not answer in time"
    CERTIFICATE = "its certificate is not trusted, or it speaks no TLS"
    STARTING = "it is starting or stopping"
    TOO_OLD = "it is too old"
    RIGHTS = "the role lacks a right"
    READ_ONLY = "it takes no writes"
    BUSY = "all connections of this process are in use"
    LOST = "the connection was lost"


_BY_STATE = {
    "28000": PostgresReason.PASSWORD_REFUSED,
    "28P01": PostgresReason.PASSWORD_REFUSED,
    "3D000": PostgresReason.NO_DATABASE,
    "53300": PostgresReason.FULL,
    "57P01": PostgresReason.STARTING,
    "57P02": PostgresReason.STARTING,
    "57P03": PostgresReason.STARTING,
    "42501": PostgresReason.RIGHTS,
    "25006": PostgresReason.READ_ONLY,
    "57014": PostgresReason.NO_ANSWER,
}
_BY_WORDS = (
    (r"no pg_hba\.conf entry", PostgresReason.HOST_REFUSED),
    (
        r"password|authentication|role .* does not exist|not permitted to log in|no such user",
        PostgresReason.PASSWORD_REFUSED,
    ),
    (r"database .* does not exist|no such database", PostgresReason.NO_DATABASE),
    (r"permission denied", PostgresReason.RIGHTS),
    (r"too many c|connection slots|no more connections", PostgresReason.FULL),
    (r"starting up|shutting down|recovery|not yet accepting", PostgresReason.STARTING),
    (r"certificate|\bSSL\b|\bTLS\b", PostgresReason.CERTIFICATE),
    (r"translate host name|resolve host|Name or service not known|No address associated", PostgresReason.UNKNOWN_HOST),
    (r"refused|No such file or directory", PostgresReason.NOT_RUNNING),
    (r"timeout|timed out|no answer|unreachable|No route", PostgresReason.NO_ANSWER),
)
"""What libpq and the server say in English; the first that is found counts."""


def reason_of(problem: BaseException) -> PostgresReason:
    """What a failed connection or statement says of the server."""
    if isinstance(problem, PoolTimeout):
        return PostgresReason.BUSY
    if isinstance(problem, psycopg.errors.ConnectionTimeout | TimeoutError):
        return PostgresReason.NO_ANSWER
    if isinstance(problem, psycopg.Error) and problem.sqlstate in _BY_STATE:
        return _BY_STATE[problem.sqlstate]
    words = str(problem)
    return next((reason for form, reason in _BY_WORDS if re.search(form, words, re.IGNORECASE)), PostgresReason.LOST)


async def connection_reason(url: str) -> PostgresReason:
    """Why a connection cannot be made now. If it can, the caller's pool has none left."""
    try:
        address = make_conninfo(conninfo(url, "holdfast readyz"), connect_timeout=TRY_TIMEOUT_S)
        async with await psycopg.AsyncConnection.connect(address):
            return PostgresReason.BUSY
    except psycopg.Error as problem:
        return reason_of(problem)
