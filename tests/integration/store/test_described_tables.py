"""core/store/sql/tables.py describes, for the statements that SQLAlchemy composes, what the migrations made."""

from __future__ import annotations

import pytest
from sqlalchemy import Table

from core.store.connections.database import Connection
from core.store.sql.tables import DIALECT, metadata

SQL_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=str)
def test_each_described_column_exists_with_its_type(connection: Connection, table: Table) -> None:
    described = {(column.name, column.type.compile(DIALECT).lower()) for column in table.columns}
    assert described - set(connection.execute(SQL_COLUMNS, (table.name,)).fetchall()) == set()


def test_tables_were_looked_for() -> None:
    assert {"booking", "payment", "user_account"} <= set(metadata.tables)
