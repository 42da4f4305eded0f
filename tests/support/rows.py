"""What stands in the tables."""

from __future__ import annotations

from core.store.connections.database import Connection


def count(connection: Connection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])
