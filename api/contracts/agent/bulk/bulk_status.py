"""How far a bulk is: counts, and pages of its rows."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from msgspec import Struct

from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.store.inbox.bulk_status import (
    Bulk,
    BulkCounts,
    Mode,
    RowOutcome,
    decided_rows,
    read_counts,
    rows_between,
    rows_by_status,
    whole_outcome,
)
from core.store.inbox.outcomes import CommandWord
from core.wire.contracts.all_or_nothing import row_answers


class RowsPage(Struct, frozen=True):
    """A page of a bulk's rows: of all, or of those in one status."""

    status: CommandWord | None
    limit: int
    offset: int


class BulkStatusReader:
    """Counts are read before rows: rows are never older than the counts beside them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def counts(self, id_: UUID) -> BulkCounts | None:
        async with self._pool.connection() as connection:
            found = await read_counts(connection, [id_])
        return found[0] if found else None

    async def rows(self, bulk: Bulk, wanted: RowsPage) -> list[RowOutcome]:
        async with self._pool.connection() as connection:
            if bulk.mode is Mode.ALL_OR_NOTHING:
                return await _rows_of_all_or_nothing(connection, bulk, wanted)
            if wanted.status == "accepted":
                return await _undecided(connection, bulk, wanted)
            if wanted.status is not None:
                return await rows_by_status(connection, bulk.id, wanted.status, wanted.limit, wanted.offset)
            found = await rows_between(connection, bulk.id, wanted.limit, wanted.offset)
        decided = {row.row: row for row in found}
        numbers = range(wanted.offset + 1, min(wanted.offset + wanted.limit, bulk.rows) + 1)
        return [decided.get(number) or RowOutcome(number, "accepted") for number in numbers]


async def _rows_of_all_or_nothing(connection: AsyncConnection, bulk: Bulk, wanted: RowsPage) -> list[RowOutcome]:
    """Few enough to be read at once: see `ROWS_MAX`."""
    whole = await whole_outcome(connection, bulk.id)
    refused = {row.row: row for row in await rows_between(connection, bulk.id, bulk.rows, 0)}
    of_whole = rows_of_whole(*whole) if whole else lambda number: RowOutcome(number, "accepted")
    rows = [refused.get(number) or of_whole(number) for number in range(1, bulk.rows + 1)]
    found = [row for row in rows if wanted.status in (None, row.status)]
    return found[wanted.offset : wanted.offset + wanted.limit]


async def _undecided(connection: AsyncConnection, bulk: Bulk, wanted: RowsPage) -> list[RowOutcome]:
    decided = await decided_rows(connection, bulk.id)
    left = [number for number in range(1, bulk.rows + 1) if number not in decided]
    return [RowOutcome(number, "accepted") for number in left[wanted.offset : wanted.offset + wanted.limit]]


def rows_of_whole(status: CommandWord, http_status: int, response: str) -> Callable[[int], RowOutcome]:
    answer = row_answers(http_status, response)
    return lambda row: RowOutcome(row, status, *answer(row))
