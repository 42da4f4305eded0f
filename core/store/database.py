"""Connections to PostgreSQL, each kind with its timeouts.

A worker that is stopped or cut off must let its locks go by itself, so every session bounds
its transactions, lock waits and idling, and TCP notices a dead peer (design, "Snapshots").
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

CONNECT_TIMEOUT_S = 5
KEEPALIVE = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "connect_timeout": CONNECT_TIMEOUT_S,
}

API_LIMITS = {
    "timezone": "UTC",
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "5s",
    "transaction_timeout": "10s",
}
LIST_LIMITS = {
    **API_LIMITS,
    # The best way through a list depends on what it asks for: one service has ten bookings, another
    # half of them all. A plan made for any value would be the wrong one for some.
    "plan_cache_mode": "force_custom_plan",
}
LANE_LIMITS = {
    "timezone": "UTC",
    "statement_timeout": "8s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "3s",
    "transaction_timeout": "10s",
    # A lane's statements touch a few hundred rows by key. On a table whose statistics say
    # "empty" the planner would rather scan or hash it, and keep that plan while it fills.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # So there is only one good plan for each, and planning is not done anew for each batch.
    "plan_cache_mode": "force_generic_plan",
}
MIGRATE_LIMITS = {
    "timezone": "UTC",
    # Nothing else is bounded: a migration takes as long as it takes, and waits for the one before it.
    "idle_in_transaction_session_timeout": "60s",
}

Connection = psycopg.Connection[TupleRow]


def parameters(limits: dict[str, str], application: str) -> dict[str, Any]:
    """For libpq, with our timeouts; `application` shows in pg_stat_activity."""
    options = " ".join(f"-c {name}={value}" for name, value in limits.items())
    return {**KEEPALIVE, "application_name": application, "options": options}


def conninfo(url: str, limits: dict[str, str], application: str) -> str:
    """A libpq connection string for `url`."""
    return make_conninfo(url, **parameters(limits, application))


def connect_lane(url: str, application: str) -> Connection:
    """A worker's connection. Autocommit: transactions are opened by name, never by accident."""
    connection = psycopg.connect(conninfo(url, LANE_LIMITS, application), autocommit=True)
    connection.prepare_threshold = None  # `RoundTrip` prepares; psycopg would drop its statements along with its own
    return connection


def sqlalchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
