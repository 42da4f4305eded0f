"""Why Redis cannot be used, in words of ours: `/readyz` shows them to everybody."""

from __future__ import annotations

import re
from enum import StrEnum


class RedisReason(StrEnum):
    """Each is what is said of it."""

    PASSWORD_REFUSED = "it refuses the user or its password"  # noqa: S105 - says nothing secret
    RIGHTS = "its user lacks a right"
    NOT_RUNNING = "nobody listens at its address"
    UNKNOWN_HOST = "its host name is unknown"
    NO_ANSWER = "it does not answer in time"
    CERTIFICATE = "its certificate is not trusted, or it speaks no TLS"
    STARTING = "it is still loading"
    FULL = "its memory is full, or it takes no more connections"
    READ_ONLY = "it is a replica and takes no writes"
    LOST = "the connection was lost"


_BY_WORDS = (
    (r"WRONGPASS|NOAUTH|invalid username-password|Authentication|without any password", RedisReason.PASSWORD_REFUSED),
    (r"NOPERM|no permissions", RedisReason.RIGHTS),
    (r"OOM|OutOfMemory|MaxConnections|max number of clients", RedisReason.FULL),
    (r"LOADING|BusyLoading|loading the dataset", RedisReason.STARTING),
    (r"READONLY|ReadOnly|read only replica", RedisReason.READ_ONLY),
    (r"certificate|\bSSL|\bTLS", RedisReason.CERTIFICATE),
    (r"Name or service not known|No address associated|name resolution|nodename", RedisReason.UNKNOWN_HOST),
    (r"refused", RedisReason.NOT_RUNNING),
    (r"Timeout|timed out|unreachable|No route", RedisReason.NO_ANSWER),
)


def reason_of(problem: BaseException) -> RedisReason:
    """What a failed connection or command says of the server. Names and addresses in its message are not passed on."""
    if isinstance(problem, TimeoutError):
        return RedisReason.NO_ANSWER
    words = f"{type(problem).__name__} {problem}"
    return next((reason for form, reason in _BY_WORDS if re.search(form, words, re.IGNORECASE)), RedisReason.LOST)
