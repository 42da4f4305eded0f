"""How far bulks are: counts of their rows by status, and the rows with their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec import Struct

from core.store.connections.database import AsyncConnection
from core.store.inbox.outcomes import CommandWord


class Mode(StrEnum):
    EACH = "each"
    ALL_OR_NOTHING = "all_or_nothing"


class Bulk(Struct, frozen=True):
    """What is known of a bulk from the beginning."""

    id: UUID
    owner: str
    mode: Mode
    rows: int
    refused: int
    """Before the inbox."""


SQL_COUNTS = """
SELECT b.id, b.owner, b.mode, b.rows, b.refused,
       coalesce(sum(o.n) FILTER (WHERE o.status = 'succeeded'), 0)::integer,
       coalesce(sum(o.n) FILTER (WHERE o.status = 'rejected'), 0)::integer,
       coalesce(sum(o.n) FILTER (WHERE o.status = 'failed'), 0)::integer
FROM bulk b LEFT JOIN LATERAL (
    SELECT status, sum(CASE WHEN bulk_row IS NULL THEN b.rows - b.refused ELSE 1 END) AS n
    FROM outcome WHERE bulk_id = b.id GROUP BY status
) o ON true
WHERE b.id = ANY(%s::uuid[])
GROUP BY b.id
"""
"""Counted by index, at most 10,000 entries of it. The one outcome of an all-or-nothing bulk stands
for all its rows that went to the inbox."""


class RowCounts(Struct, frozen=True):
    """Rows by status; their sum is all rows."""

    accepted: int
    succeeded: int
    rejected: int
    failed: int


class BulkCounts(Struct, frozen=True):
    """How far a bulk is."""

    bulk: Bulk
    succeeded: int
    rejected: int
    failed: int

    @property
    def accepted(self) -> int:
        """Rows that are not decided yet."""
        return self.bulk.rows - self.succeeded - self.rejected - self.failed

    @property
    def by_status(self) -> RowCounts:
        return RowCounts(self.accepted, self.succeeded, self.rejected, self.failed)


def counts_of(row: tuple[Any, ...]) -> BulkCounts:
    """A row of `SQL_COUNTS`."""
    id_, owner, mode, rows, refused, *decided = row
    return BulkCounts(Bulk(id_, owner, Mode(mode), rows, refused), *decided)


async def read_counts(connection: AsyncConnection, ids: Sequence[UUID]) -> list[BulkCounts]:
    """Of the bulks that exist, in no order."""
    cursor = await connection.execute(SQL_COUNTS, (list(ids),))
    return [counts_of(row) for row in await cursor.fetchall()]


class RowOutcome(Struct, frozen=True):
    """One row and its answer; while it is `accepted` there is none."""

    row: int
    status: CommandWord
    http_status: int | None = None
    response: str | None = None
    """JSON."""


SQL_ROWS_BETWEEN = """
SELECT bulk_row, status, http_status, response::text FROM outcome
WHERE bulk_id = %(id)s AND bulk_row > %(offset)s AND bulk_row <= %(offset)s + %(limit)s ORDER BY bulk_row
"""
"""Row numbers are dense: a page of them is a range. What is missing in it is not decided yet."""

SQL_ROWS_BY_STATUS = """
SELECT bulk_row, status, http_status, response::text FROM outcome
WHERE bulk_id = %(id)s AND status = %(status)s AND bulk_row IS NOT NULL
ORDER BY bulk_row LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_DECIDED_ROWS = "SELECT bulk_row FROM outcome WHERE bulk_id = %(id)s AND bulk_row IS NOT NULL"
SQL_WHOLE = "SELECT status, http_status, response::text FROM outcome WHERE bulk_id = %(id)s AND bulk_row IS NULL"
"""The outcome of an all-or-nothing bulk's one command."""


async def rows_between(connection: AsyncConnection, id_: UUID, limit: int, offset: int) -> list[RowOutcome]:
    """The decided ones among `limit` rows from `offset` on."""
    return await _rows(connection, SQL_ROWS_BETWEEN, {"id": id_, "limit": limit, "offset": offset})


async def rows_by_status(
    connection: AsyncConnection, id_: UUID, status: CommandWord, limit: int, offset: int
) -> list[RowOutcome]:
    parameters = {"id": id_, "status": status, "limit": limit, "offset": offset}
    return await _rows(connection, SQL_ROWS_BY_STATUS, parameters)


async def decided_rows(connection: AsyncConnection, id_: UUID) -> set[int]:
    """The numbers of all rows that are decided."""
    return {row[0] for row in await (await connection.execute(SQL_DECIDED_ROWS, {"id": id_})).fetchall()}


async def whole_outcome(connection: AsyncConnection, id_: UUID) -> tuple[CommandWord, int, str] | None:
    """(status, HTTP status, response) of an all-or-nothing bulk's one command, once it is decided."""
    row = await (await connection.execute(SQL_WHOLE, {"id": id_})).fetchone()
    return (row[0], row[1], row[2]) if row else None


async def _rows(connection: AsyncConnection, sql: str, parameters: Mapping[str, Any]) -> list[RowOutcome]:
    return [RowOutcome(*row) for row in await (await connection.execute(sql.encode(), parameters)).fetchall()]
