"""One fixed statement and its rows, on an event loop. Values go beside a statement, never into its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from psycopg.rows import TupleRow, class_row

from core.store.connections.database import AsyncConnection

Kind = TypeVar("Kind")
Values = Mapping[str, Any] | Sequence[Any] | None


async def fetch_all(connection: AsyncConnection, sql: str, values: Values = None) -> list[TupleRow]:
    """All rows of a statement that is bounded by its own LIMIT or by what it reads."""
    return await (await connection.execute(sql.encode(), values)).fetchall()


async def fetch_all_as(connection: AsyncConnection, kind: type[Kind], sql: str, values: Values = None) -> list[Kind]:
    """The same as values of a class whose fields have the columns' names."""
    async with connection.cursor(row_factory=class_row(kind)) as cursor:
        return await (await cursor.execute(sql.encode(), values)).fetchall()


async def find_as(connection: AsyncConnection, kind: type[Kind], sql: str, values: Values = None) -> Kind | None:
    """The first row as a value of a class whose fields have the columns' names; None if there is none."""
    async with connection.cursor(row_factory=class_row(kind)) as cursor:
        return await (await cursor.execute(sql.encode(), values)).fetchone()


async def find_one(connection: AsyncConnection, sql: str, values: Values = None) -> TupleRow | None:
    """The first row, or None if there is none."""
    row: TupleRow | None = await (await connection.execute(sql.encode(), values)).fetchone()
    return row


async def fetch_one(connection: AsyncConnection, sql: str, values: Values = None) -> TupleRow:
    """The row of a statement that always has one: a count, INSERT ... RETURNING, what was just written.

    Raises LookupError if it has none after all.
    """
    row = await find_one(connection, sql, values)
    if row is None:
        raise LookupError(f"No row came of: {sql.strip()}")
    return row


async def fetch_page(
    connection: AsyncConnection, rows_sql: str, count_sql: str, values: Values
) -> tuple[list[TupleRow], int]:
    """One page of rows, and how many rows all pages have. Both statements get the same named values."""
    rows = await fetch_all(connection, rows_sql, values)
    (total,) = await fetch_one(connection, count_sql, values)
    return rows, total
