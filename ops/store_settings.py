"""Settings of PostgreSQL and Valkey, embedded and in compose alike."""

from __future__ import annotations

from core.store.connections.server_log import SERVER_LOG

POSTGRES_MAJOR = 18
DATABASE = "holdfast"
ROLE = "holdfast"
"""The cluster's superuser."""
APPLICATION_ROLE = "holdfast_app"
"""The application's: it owns what is in the database, and is no superuser (`ops.database_roles`)."""

POSTGRES_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    # Two inserts under an exclusion constraint may deadlock instead of failing: find out soon.
    "deadlock_timeout": "100ms",
    # The inbox lives on insert and delete; a minute's dead rows would slow every batch.
    "autovacuum_naptime": "10s",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "10min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    **SERVER_LOG,
    # A client that vanished must not keep its locks.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "2s",
}
"""Durability stays at PostgreSQL's defaults: fsync, full_page_writes and synchronous_commit are on."""

VALKEY_SETTINGS = {
    # Redis is only a hint: the inbox is the truth, so nothing is written to disk.
    "save": "",
    "appendonly": "no",
    "maxmemory": "512mb",
    "maxmemory-policy": "noeviction",
    "tcp-keepalive": "10",
    "timeout": "0",
}


def postgres_options() -> tuple[str, ...]:
    """`-c name=value` for each setting."""
    return tuple(word for name, value in POSTGRES_SETTINGS.items() for word in ("-c", f"{name}={value}"))


def valkey_options() -> tuple[str, ...]:
    """`--name value` for each setting."""
    return tuple(word for name, value in VALKEY_SETTINGS.items() for word in (f"--{name}", value))
