"""A request for a bulk, read: what it asks for, refused rows and all, ready to be accepted or rehearsed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import falcon.asgi

from api.commands.commands import take_chosen_id
from api.contracts.agent.bulk.acceptance import NewBulk
from api.contracts.agent.bulk.body_stream import Body
from api.contracts.agent.bulk.limits import AT_ONCE, READ_WITHIN_S, ROWS_MAX
from api.contracts.agent.bulk.media_types import row_splitter_for
from api.contracts.agent.bulk.row_validation import ValidatedRows, validate_rows
from api.http.errors import Problem, unavailable
from api.http.preferences import deadline, idempotency_key
from core.domain.commands import Place, PlaceAll, RowToPlace
from core.identity.principals import Principal
from core.store.inbox.acceptance import IdempotencyKey
from core.store.inbox.bulk import Bulk, BulkCommand, Mode, Sender
from core.store.inbox.partition_keys import ServicePartition


class BulkRequestReader:
    """Reads a few at a time: the rows of each lie in memory until they are on disk."""

    def __init__(self, phone_region: str | None) -> None:
        self._region = phone_region
        self._under_way = 0

    @asynccontextmanager
    async def read(self, req: falcon.asgi.Request, mode: Mode) -> AsyncIterator[NewBulk]:
        """Raises Problem: 400 for what cannot be read whole, 408 for what comes too slowly, 503 while others come."""
        if self._under_way >= AT_ONCE:
            raise unavailable("Other bulks are being read; send this one again in a moment")
        self._under_way += 1
        try:
            yield await self._read(req, mode)
        finally:
            self._under_way -= 1

    async def _read(self, req: falcon.asgi.Request, mode: Mode) -> NewBulk:
        principal: Principal = req.context.principal
        sender = Sender("agent", principal.actor, req.context.request_id, deadline(req))
        key = idempotency_key(req, anonymous=False)
        body = Body(req)
        validated = await self._judge(body, req, mode)
        owner = principal.actor.owner or ""
        bulk = Bulk(take_chosen_id(req) or uuid4(), owner, mode, validated.rows, len(validated.refusals))
        named = IdempotencyKey(owner, key, body.hash_with(f"{req.method} {req.path} {mode}")) if key else None
        commands = (_all if mode is Mode.ALL_OR_NOTHING else _each)(validated)
        return NewBulk(bulk, sender, commands, validated.refusals, named)

    async def _judge(self, body: Body, req: falcon.asgi.Request, mode: Mode) -> ValidatedRows:
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                return await validate_rows(body.rows(row_splitter_for(req)), self._region, ROWS_MAX[mode])
        except TimeoutError:
            words = f"The body did not arrive within {READ_WITHIN_S:g} s; nothing was accepted"
            raise Problem(408, "body_too_slow", words) from None


def _each(validated: ValidatedRows) -> list[BulkCommand]:
    return [BulkCommand(_key_of(place), place, row) for row, place in validated.places.items()]


def _all(validated: ValidatedRows) -> list[BulkCommand]:
    """One command, at home in the lane of its first row."""
    rows = tuple(RowToPlace(row, place) for row, place in validated.places.items())
    if not rows:
        return []
    command = PlaceAll(rows, len(validated.refusals))
    return [BulkCommand(_key_of(rows[0].place), command, None, len(rows))]


def _key_of(place: Place) -> ServicePartition:
    return ServicePartition(place.service_name, place.date)
