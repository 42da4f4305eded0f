"""PostgreSQL's own numbers that matter to Holdfast: dead rows, sizes, the oldest transaction, connections, replication.

The application's role sees the transactions of its own sessions, and the standbys only if it is a member of
pg_read_all_stats (docs/metrics.md).
"""

from __future__ import annotations

from msgspec import Struct

from core.store.connections.database import Connection

TABLES_MAX = 20
"""The largest ones; partitions count as their table."""

SQL_TABLES = f"""
SELECT coalesce(parent.relname, s.relname) AS name,
       sum(s.n_dead_tup)::bigint, sum(s.n_live_tup)::bigint, sum(pg_total_relation_size(s.relid))::bigint AS size
FROM pg_stat_user_tables s
LEFT JOIN pg_inherits i ON i.inhrelid = s.relid LEFT JOIN pg_class parent ON parent.oid = i.inhparent
WHERE s.schemaname = current_schema()
GROUP BY name ORDER BY size DESC LIMIT {TABLES_MAX}
"""
SQL_SERVER = """
SELECT pg_database_size(current_database()),
       coalesce((SELECT extract(epoch FROM clock_timestamp() - min(xact_start)) FROM pg_stat_activity
                 WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()), 0)::float8,
       (SELECT coalesce(sum(numbackends), 0) FROM pg_stat_database)::bigint,
       current_setting('max_connections')::bigint,
       (SELECT count(*) FROM pg_stat_replication),
       coalesce((SELECT max(pg_current_wal_lsn() - restart_lsn) FROM pg_replication_slots), 0)::float8,
       coalesce((SELECT max(pg_current_wal_lsn() - replay_lsn) FROM pg_stat_replication), 0)::float8
"""


class TableStatistics(Struct, frozen=True):
    table: str
    dead_rows: int
    live_rows: int
    """As PostgreSQL estimates them."""
    size_bytes: int


class ServerStatistics(Struct, frozen=True):
    tables: list[TableStatistics]
    database_bytes: int
    oldest_transaction_s: float
    connections: int
    connections_max: int
    standbys: int
    wal_retained_bytes: float
    """For the replication slot that is furthest behind."""
    replay_lag_bytes: float
    """Of the standby that is furthest behind."""


def read_statistics(connection: Connection) -> ServerStatistics:
    """Raises psycopg.Error, also on a server that is itself a standby."""
    tables = [TableStatistics(*row) for row in connection.execute(SQL_TABLES.encode()).fetchall()]
    row = connection.execute(SQL_SERVER.encode()).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return ServerStatistics(tables, *row)
