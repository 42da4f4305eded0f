"""Bulks as their senders see them: accepted, counted, read by the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType

from core.store.inbox.bulk_status import BulkCounts, RowCounts, RowOutcome
from core.store.inbox.outcomes import CommandWord
from core.wire.outcomes import Response

DRY_RUN_ROWS_MAX = 1_000
"""That the answer to a dry run names; its counts are of all."""


def status_url(bulk_id: UUID) -> str:
    return f"/api/agent/bookings/bulk/{bulk_id}/"


class BulkAccepted(Struct, frozen=True):
    """The 202. `accepted` is the number of rows that went to the inbox."""

    batch_id: UUID
    status_url: str
    accepted: int


class BulkProgress(Struct, frozen=True):
    """What `batch_progress` carries."""

    batch_id: UUID
    counts: RowCounts


class BulkRow(Struct, frozen=True):
    """`row` counts data rows from 1; while it is `accepted` it has no response."""

    row: int
    status: CommandWord
    response: Response | None


class BulkPage(Struct, frozen=True, kw_only=True):
    """`GET /api/agent/bookings/bulk/{batch_id}/`; `total_count` is of the rows that were asked for."""

    batch_id: UUID
    counts: RowCounts
    status: Literal["running", "finished"]
    rows: list[BulkRow]
    total_count: int
    limit: int
    offset: int


class BulkRehearsed(Struct, frozen=True, kw_only=True):
    """What a dry run found: how many rows would be booked at this moment, and the first 1,000 that would not."""

    dry_run: Literal[True] = True
    counts: RowCounts
    rows: list[BulkRow]
    rows_left_out: int | UnsetType = UNSET
    """How many more would not."""


def dry_run_answer(rows: Sequence[RowOutcome]) -> BulkRehearsed:
    refused = sorted((row for row in rows if row.status != "succeeded"), key=lambda row: row.row)
    counts = RowCounts(accepted=0, succeeded=len(rows) - len(refused), rejected=len(refused), failed=0)
    named = [row_body(row) for row in refused[:DRY_RUN_ROWS_MAX]]
    return BulkRehearsed(counts=counts, rows=named, rows_left_out=len(refused) - len(named) or UNSET)


def taken(bulk_id: UUID, accepted: int) -> BulkAccepted:
    return BulkAccepted(bulk_id, status_url(bulk_id), accepted)


def progress(counts: BulkCounts) -> BulkProgress:
    return BulkProgress(counts.bulk.id, counts.by_status)


def row_body(one: RowOutcome) -> BulkRow:
    response = None
    if one.http_status is not None and one.response is not None:
        response = Response(one.http_status, msgspec.Raw(one.response.encode()))
    return BulkRow(one.row, one.status, response)


def page(counts: BulkCounts, rows: Sequence[RowOutcome], total: int, limit: int, offset: int) -> BulkPage:
    return BulkPage(
        batch_id=counts.bulk.id,
        counts=counts.by_status,
        status="running" if counts.accepted else "finished",
        rows=[row_body(row) for row in rows],
        total_count=total,
        limit=limit,
        offset=offset,
    )
