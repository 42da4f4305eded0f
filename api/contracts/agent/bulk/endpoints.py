"""`POST /api/agent/bookings/bulk/` and `GET /api/agent/bookings/bulk/{batch_id}/` (docs/contracts/agent.md)."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import falcon.asgi
from msgspec import Meta, Struct

from api.contracts.agent.bulk.bulk_request import BulkRequestReader
from api.contracts.agent.bulk.bulk_status import BulkStatusReader, RowsPage
from api.contracts.agent.bulk.bulk_writer import BulkWriter
from api.contracts.agent.bulk.dry_run import DryRuns
from api.contracts.agent.examples import AS_CSV, AS_LINE, REQUEST
from api.http.errors import Problem
from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from api.http.responses import respond
from api.limits.write_limits import WriteLimits
from api.openapi import Content, operation
from api.openapi.parameters import EXPIRES_AT, IDEMPOTENCY_KEY
from core.identity.principals import Principal
from core.store.inbox.bulk_status import Mode
from core.store.inbox.outcomes import CommandWord
from core.wire.contracts.bulk import BulkAccepted, BulkPage, BulkRehearsed, page, status_url, taken

POLL_AFTER_S = 1
"""What `Retry-After` says while a bulk is not finished."""


Row = Annotated[Any, Meta(description="A body of `POST /api/agent/booking/create/`; any other value is a rejected row")]
Rows = Annotated[list[Row], Meta(min_length=1)]
Lines = Annotated[str, Meta(extra_json_schema={"format": "ndjson"})]
Csv = Annotated[str, Meta(extra_json_schema={"format": "csv"})]


class BulkQuery(Struct, frozen=True):
    mode: Mode = Mode.EACH
    dry_run: bool = False


class RowsQuery(Struct, frozen=True):
    status: CommandWord | None = None
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class BulkBookings:
    def __init__(self, reading: BulkRequestReader, bulks: BulkWriter, dry_runs: DryRuns, limits: WriteLimits) -> None:
        self._reading = reading
        self._bulks = bulks
        self._dry_runs = dry_runs
        self._limits = limits

    @operation(
        "Book many at once",
        description=(
            "A JSON array, NDJSON or CSV of bodies of `POST /api/agent/booking/create/`; a CSV has their names in its "
            "first row, and its dates in one order. `each` decides every row for itself, `all_or_nothing` books all rows or none. With `dry_run` "
            "nothing is booked: the answer says what would be refused at this moment, and why. "
            "A number that is not known becomes a user, whose mails are in the language that `Accept-Language` likes best."
        ),
        query=BulkQuery,
        body=(
            Content(Rows, example=[REQUEST]),
            *(
                Content(Lines, example=AS_LINE, media_type=kind)
                for kind in ("application/x-ndjson", "application/jsonl")
            ),
            Content(Csv, example=AS_CSV, media_type="text/csv"),
        ),
        answers={
            200: Content(BulkRehearsed),
            202: Content(BulkAccepted, headers={"Location": "The batch", "Retry-After": "Seconds"}),
        },
        refuses=(
            "body_too_slow",
            "empty_body",
            "idempotency_key_reused",
            "invalid_idempotency_key",
            "too_many_rows",
            "unreadable_body",
            "unstorable",
            "unsupported_media_type",
        ),
        parameters=(IDEMPOTENCY_KEY, EXPIRES_AT),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, BulkQuery)
        async with self._reading.read(req, asked.mode) as new:
            if asked.dry_run:
                respond(resp, await self._dry_runs.run_dry(new))
                return
            if req.context.agent_key is not None:
                await self._limits.count_rows(req.context.agent_key, new.bulk.rows)
            bulk = await self._bulks.accept(new)
        resp.location = status_url(bulk.id)
        resp.set_header("Retry-After", str(POLL_AFTER_S))
        respond(resp, taken(bulk.id, bulk.rows - bulk.refused), 202)


class BulkBookingsStatus:
    def __init__(self, reader: BulkStatusReader) -> None:
        self._reader = reader

    @operation(
        "Ask what became of a bulk",
        query=RowsQuery,
        answers={200: Content(BulkPage, headers={"Retry-After": "While it is not finished"})},
        refuses=("bulk_not_found",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, batch_id: UUID) -> None:
        asked = read_query(req, RowsQuery)
        counts = await self._reader.counts(batch_id)
        principal: Principal = req.context.principal
        if counts is None or not (principal.is_staff or counts.bulk.owner == principal.actor.owner):
            raise Problem(404, "bulk_not_found", "There is no such batch, or it is not yours")
        rows = await self._reader.rows(counts.bulk, RowsPage(asked.status, asked.limit, asked.offset))
        total = getattr(counts.by_status, asked.status) if asked.status else counts.bulk.rows
        if counts.accepted:
            resp.set_header("Retry-After", str(POLL_AFTER_S))
        respond(resp, page(counts, rows, total, asked.limit, asked.offset))
