"""Bulks as their senders see them: accepted, counted, paged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from core.store.bulk import BulkCounts


def status_url(bulk_id: UUID) -> str:
    return f"/api/agent/bookings/bulk/{bulk_id}/"


def taken(bulk_id: UUID, accepted: int) -> dict[str, Any]:
    """The 202. `accepted` is the number of rows that went to the inbox."""
    return {"batch_id": str(bulk_id), "status_url": status_url(bulk_id), "accepted": accepted}


def progress(counts: BulkCounts) -> dict[str, Any]:
    """What `batch_progress` carries. The counts are of rows by status; their sum is all rows."""
    return {"batch_id": str(counts.bulk.id), "counts": counts.by_status}


class RowOutcome(Struct, frozen=True):
    """One row and its answer; while it is `accepted` there is none."""

    row: int
    status: str
    http_status: int | None = None
    response: str | None = None
    """JSON."""


def rows_of_whole(status: str, http_status: int, response: str) -> Callable[[int], RowOutcome]:
    """The rows of an all-or-nothing bulk, from its command's one answer.

    The answer names rows that have words of their own under `rows`; the others share its status and
    the rest of it.
    """
    body: dict[str, msgspec.Raw] = msgspec.json.decode(response, type=dict[str, msgspec.Raw])
    named = msgspec.json.decode(body.pop("rows", msgspec.Raw(b"[]")), type=list[_Named])
    shared = msgspec.json.encode(body).decode()
    own = {one.row: one.response for one in named}

    def of(row: int) -> RowOutcome:
        if row not in own:
            return RowOutcome(row, status, http_status, shared)
        return RowOutcome(row, status, own[row].status, bytes(own[row].body).decode())

    return of


class _Response(Struct, frozen=True):
    status: int
    body: msgspec.Raw


class _Named(Struct, frozen=True):
    row: int
    response: _Response


def row_body(one: RowOutcome) -> dict[str, Any]:
    response = None
    if one.http_status is not None and one.response is not None:
        response = {"status": one.http_status, "body": msgspec.Raw(one.response.encode())}
    return {"row": one.row, "status": one.status, "response": response}


def page(counts: BulkCounts, rows: Sequence[RowOutcome], total: int, limit: int, offset: int) -> dict[str, Any]:
    """`GET /api/agent/bookings/bulk/{batch_id}/`; `total` is of the rows that were asked for."""
    return {
        **progress(counts),
        "status": "running" if counts.accepted else "finished",
        "rows": [row_body(row) for row in rows],
        "total_count": total,
        "limit": limit,
        "offset": offset,
    }
