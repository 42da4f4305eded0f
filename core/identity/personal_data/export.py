"""Exports what is kept about a person, by the list that erasure follows (`inventory`).

In pages, each in a transaction of its own, so that a slow reader occupies no connection and no snapshot.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from core.identity.personal_data.inventory import LISTED, Field, Rows
from core.store.connections.database import AsyncConnection

PAGE_ROWS = 500


class Pool(Protocol):
    def connection(self) -> AbstractAsyncContextManager[AsyncConnection]: ...


def page_statement(rows: Rows) -> str:
    """(key, row as JSON) of the next `PAGE_ROWS` rows after `%(after)s`."""
    return f"""
SELECT {rows.key}, (SELECT row_to_json(r) FROM (SELECT {_columns(rows)}) r)::text
FROM {rows.table} t WHERE ({rows.find}) AND ({rows.exported_if}) AND {rows.key} > %(after)s
ORDER BY {rows.key} LIMIT {PAGE_ROWS}
"""


def _columns(rows: Rows) -> str:
    plain = [field.column for field in rows.fields if not field.path and field.is_exported]
    json = sorted({field.column for field in rows.fields if field.path})
    shown = [f"t.{column}" for column in dict.fromkeys([*rows.also.split(), *plain])]
    shown += [f"{_paths([f for f in rows.fields if f.column == column])} AS {column}" for column in json]
    first = ["t.id"] if rows.key == "t.id" else []
    return ", ".join([*first, *shown])


def _paths(fields: list[Field]) -> str:
    """Only what the list names of a JSON column: the rest may be somebody else's."""
    pairs = ", ".join(f"'{'_'.join(field.path)}', {_value(field)}" for field in fields)
    return f"jsonb_strip_nulls(jsonb_build_object({pairs}))"


def _value(field: Field) -> str:
    value = f"t.{field.column} #> '{{{','.join(field.path)}}}'"
    return f"CASE WHEN {field.only} THEN {value} END" if field.only else value


PAGES = {rows.name: page_statement(rows) for rows in LISTED if rows.is_exported}


async def export(pool: Pool, user_id: int) -> AsyncIterator[bytes]:
    """A JSON object: a list for each name, also where it is empty."""
    before = b"{"
    for name, statement in PAGES.items():
        yield before + f'"{name}":['.encode()
        before, comma = b"],", b""
        async for rows in _pages(pool, statement, user_id):
            yield comma + b",".join(rows)
            comma = b","
    yield b"]}"


async def _pages(pool: Pool, statement: str, user_id: int) -> AsyncIterator[list[bytes]]:
    after = -1
    while True:
        async with pool.connection() as connection:
            found = await connection.execute(statement.encode(), {"id": user_id, "after": after})
            rows = await found.fetchall()
        if rows:
            after = int(rows[-1][0])
            yield [row[1].encode() for row in rows]
        if len(rows) < PAGE_ROWS:
            return
