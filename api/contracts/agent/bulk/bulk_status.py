"""What became of a bulk: counts, and pages of its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from core.store.inbox.bulk import (
    SQL_COUNTS,
    SQL_DECIDED_ROWS,
    SQL_ROWS_BETWEEN,
    SQL_ROWS_BY_STATUS,
    SQL_WHOLE,
    Bulk,
    BulkCounts,
    Mode,
    counts_of,
)
from core.store.inbox.outcomes import CommandWord
from core.wire.contracts.all_or_nothing import row_answers
from core.wire.contracts.bulk import RowOutcome


class Wanted(Struct, frozen=True):
    """A page of a bulk's rows; all of them, or those in one status."""

    status: CommandWord | None
    limit: int
    offset: int


class BulkStatusReader:
    """Counts first, then rows: so rows are never older than the counts they are shown with."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def counts(self, id_: UUID) -> BulkCounts | None:
        rows = await self._read(SQL_COUNTS, ([id_],))
        return counts_of(rows[0]) if rows else None

    async def rows(self, bulk: Bulk, wanted: Wanted) -> list[RowOutcome]:
        if bulk.mode is Mode.ALL_OR_NOTHING:
            return await self._rows_of_whole(bulk, wanted)
        if wanted.status == "accepted":
            return await self._undecided(bulk, wanted)
        if wanted.status is not None:
            return await self._decided(SQL_ROWS_BY_STATUS, bulk, wanted)
        decided = {row.row: row for row in await self._decided(SQL_ROWS_BETWEEN, bulk, wanted)}
        numbers = range(wanted.offset + 1, min(wanted.offset + wanted.limit, bulk.rows) + 1)
        return [decided.get(number) or RowOutcome(number, "accepted") for number in numbers]

    async def _rows_of_whole(self, bulk: Bulk, wanted: Wanted) -> list[RowOutcome]:
        """Few enough to be read at once: see `ROWS_MAX`."""
        whole = await self._read(SQL_WHOLE, {"id": bulk.id})
        everything = Wanted(None, bulk.rows, 0)
        refused = {row.row: row for row in await self._decided(SQL_ROWS_BETWEEN, bulk, everything)}
        of_whole = rows_of_whole(*whole[0]) if whole else lambda number: RowOutcome(number, "accepted")
        rows = [refused.get(number) or of_whole(number) for number in range(1, bulk.rows + 1)]
        found = [row for row in rows if wanted.status in (None, row.status)]
        return found[wanted.offset : wanted.offset + wanted.limit]

    async def _undecided(self, bulk: Bulk, wanted: Wanted) -> list[RowOutcome]:
        decided = {row[0] for row in await self._read(SQL_DECIDED_ROWS, {"id": bulk.id})}
        left = [number for number in range(1, bulk.rows + 1) if number not in decided]
        page = left[wanted.offset : wanted.offset + wanted.limit]
        return [RowOutcome(number, "accepted") for number in page]

    async def _decided(self, sql: str, bulk: Bulk, wanted: Wanted) -> list[RowOutcome]:
        parameters = {"id": bulk.id, "status": wanted.status, "limit": wanted.limit, "offset": wanted.offset}
        return [RowOutcome(*row) for row in await self._read(sql, parameters)]

    async def _read(self, sql: str, parameters: Any) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            rows: list[tuple[Any, ...]] = await (await connection.execute(sql, parameters)).fetchall()
        return rows


def rows_of_whole(status: CommandWord, http_status: int, response: str) -> Callable[[int], RowOutcome]:
    answer = row_answers(http_status, response)
    return lambda row: RowOutcome(row, status, *answer(row))
