"""`POST /api/agent/bookings/bulk/` and `GET /api/agent/bookings/bulk/{batch_id}/` (the contracts page, "Our own additions")."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID, uuid4

import falcon
import falcon.asgi
from msgspec import Meta, Struct

from api.catalogue import Catalogue
from api.contracts.agent.bulk.accepting import Bulks, NewBulk
from api.contracts.agent.bulk.formats import splitter_of
from api.contracts.agent.bulk.judging import Judged, judge
from api.contracts.agent.bulk.limits import AT_ONCE, READ_WITHIN_S, ROWS_MAX
from api.contracts.agent.bulk.looking import BulkReader, Wanted
from api.contracts.agent.bulk.receiving import Body
from api.contracts.agent.examples import AS_CSV, AS_LINE, REQUEST
from api.errors import Problem, unavailable
from api.openapi import Content, operation
from api.openapi.parameters import EXPIRES_AT, IDEMPOTENCY_KEY
from api.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from api.preferences import deadline, idempotency_key
from core.access import Principal
from core.domain.commands import Place, PlaceAll, RowToPlace
from core.store.bulk import Bulk, BulkCommand, Mode, Sender
from core.store.inbox import CommandWord, IdempotencyKey, slot_key
from core.wire.bulk import BulkAccepted, BulkPage, page, status_url, taken
from core.wire.outcomes import encode

POLL_AFTER_S = 1
"""What `Retry-After` says while a bulk is not finished."""


Row = Annotated[Any, Meta(description="A body of `POST /api/agent/booking/create/`; any other value is a rejected row")]


class ModeAsked(Struct, frozen=True):
    mode: Mode = Mode.EACH


class RowsAsked(Struct, frozen=True):
    status: CommandWord | None = None
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class BulkBookings:
    """Takes bulks."""

    def __init__(self, bulks: Bulks, catalogue: Catalogue, phone_region: str | None) -> None:
        self._bulks = bulks
        self._catalogue = catalogue
        self._region = phone_region
        self._reading = 0

    @operation(
        "Book many at once",
        description=(
            "A JSON array, NDJSON or CSV of bodies of `POST /api/agent/booking/create/`; a CSV has their names in its "
            "first row. `each` decides every row for itself, `all_or_nothing` books all rows or none."
        ),
        query=ModeAsked,
        body=(
            Content(list[Row], example=[REQUEST]),
            *(Content(example=AS_LINE, media_type=kind) for kind in ("application/x-ndjson", "application/jsonl")),
            Content(example=AS_CSV, media_type="text/csv"),
        ),
        answers={202: Content(BulkAccepted, headers={"Location": "The batch", "Retry-After": "Seconds"})},
        refuses=(
            "body_cut_off",
            "body_too_slow",
            "empty_body",
            "idempotency_key_reused",
            "invalid_idempotency_key",
            "malformed_row",
            "too_many_rows",
            "unreadable_body",
            "unstorable",
            "unsupported_media_type",
        ),
        parameters=(IDEMPOTENCY_KEY, EXPIRES_AT),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, ModeAsked)
        with self._place():
            new = await self._read(req, asked.mode)
            bulk = await self._bulks.accept(new)
        resp.status = 202
        resp.location = status_url(bulk.id)
        resp.set_header("Retry-After", str(POLL_AFTER_S))
        resp.data = encode(taken(bulk.id, bulk.rows - bulk.refused))
        resp.content_type = falcon.MEDIA_JSON

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of a few: the rows of each lie in memory until they are on disk."""
        if self._reading >= AT_ONCE:
            raise unavailable("Other bulks are being read; send this one again in a moment")
        self._reading += 1
        try:
            yield
        finally:
            self._reading -= 1

    async def _read(self, req: falcon.asgi.Request, mode: Mode) -> NewBulk:
        principal: Principal = req.context.principal
        sender = Sender("agent", principal.actor, req.context.request_id, deadline(req))
        key = idempotency_key(req, anonymous=False)
        body = Body(req)
        judged = await self._judge(body, req, mode)
        owner = principal.actor.owner or ""
        bulk = Bulk(uuid4(), owner, mode, judged.rows, len(judged.refusals))
        named = IdempotencyKey(owner, key, body.hash_with(f"{req.method} {req.path} {mode}")) if key else None
        commands = await (self._all if mode is Mode.ALL_OR_NOTHING else self._each)(judged)
        return NewBulk(bulk, sender, commands, judged.refusals, named)

    async def _judge(self, body: Body, req: falcon.asgi.Request, mode: Mode) -> Judged:
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                return await judge(body.rows(splitter_of(req)), self._region, ROWS_MAX[mode])
        except TimeoutError:
            words = f"The body did not arrive within {READ_WITHIN_S:g} s; nothing was accepted"
            raise Problem(408, "body_too_slow", words) from None

    async def _each(self, judged: Judged) -> list[BulkCommand]:
        return [BulkCommand(await self._key_of(place), place, row) for row, place in judged.places.items()]

    async def _all(self, judged: Judged) -> list[BulkCommand]:
        """One command, at home in the lane of its first row."""
        rows = tuple(RowToPlace(row, place) for row, place in judged.places.items())
        if not rows:
            return []
        command = PlaceAll(rows, len(judged.refusals))
        return [BulkCommand(await self._key_of(rows[0].place), command, None, len(rows))]

    async def _key_of(self, place: Place) -> str:
        return slot_key(await self._catalogue.resource_of(place.service_name), place.date)


class BulkBookingsStatus:
    """Says what became of one."""

    def __init__(self, reader: BulkReader) -> None:
        self._reader = reader

    @operation(
        "Ask what became of a bulk",
        query=RowsAsked,
        answers={200: Content(BulkPage, headers={"Retry-After": "While it is not finished"})},
        refuses=("bulk_not_found",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, batch_id: UUID) -> None:
        asked = read_query(req, RowsAsked)
        counts = await self._reader.counts(batch_id)
        principal: Principal = req.context.principal
        if counts is None or not (principal.is_staff or counts.bulk.owner == principal.actor.owner):
            raise Problem(404, "bulk_not_found", "There is no such batch, or it is not yours")
        rows = await self._reader.rows(counts.bulk, Wanted(asked.status, asked.limit, asked.offset))
        total = getattr(counts.by_status, asked.status) if asked.status else counts.bulk.rows
        if counts.accepted:
            resp.set_header("Retry-After", str(POLL_AFTER_S))
        resp.data = encode(page(counts, rows, total, asked.limit, asked.offset))
        resp.content_type = falcon.MEDIA_JSON
