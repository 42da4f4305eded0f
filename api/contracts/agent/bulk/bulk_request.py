"""A request for a bulk: read piece by piece, cut into rows, each row validated as a single call's body is.

What comes out is ready to be accepted or tried in a dry run, refused rows and all.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import uuid4

import falcon.asgi
from msgspec import Raw, Struct

from api.commands.commands import take_chosen_id
from api.contracts.agent.bulk.csv_rows import CsvRows
from api.contracts.agent.bulk.rows import JsonRows, NdjsonRows, Row, RowSplitter
from api.contracts.agent.new_booking import AgentBooking, place_command
from api.http.bodies import parse_json, too_large
from api.http.disconnects import body_timeout, client_disconnected
from api.http.errors import Problem, body_of, unavailable
from api.http.preferences import deadline, idempotency_key
from core.domain.commands import Place, PlaceAll, RowToPlace
from core.identity.principals import Principal
from core.mails.language_choice import accepted_language
from core.store.inbox.acceptance import IdempotencyKey
from core.store.inbox.bulk import BulkCommand, BulkRefusal, NewBulk, Sender
from core.store.inbox.bulk_status import Bulk, Mode
from core.store.inbox.partition_keys import ServicePartition

ROWS_MAX = {Mode.EACH: 10_000, Mode.ALL_OR_NOTHING: 500}
BODY_MAX_BYTES = 16 * 1024 * 1024
PIECE_BYTES = 64 * 1024
"""What is read of a body at a time."""
READ_WITHIN_S = 60.0
"""From the first byte to the last: a slower sender holds a place that others wait for."""
AT_ONCE = 4
"""Bulks that one API process reads at a time; their rows lie in memory until all are on disk."""
SLICE_S = 0.002
"""How long reading rows may keep an API process to itself before others have their turn."""

FORMATS: Mapping[str, type[NdjsonRows | CsvRows | JsonRows]] = {
    "application/json": JsonRows,
    "application/x-ndjson": NdjsonRows,
    "application/ndjson": NdjsonRows,
    "application/jsonl": NdjsonRows,
    "text/csv": CsvRows,
}
"""By media type. A charset other than UTF-8 shows when the body is read."""


class BulkRequestReader:
    """Reads a few at a time: the rows of each lie in memory until they are on disk."""

    def __init__(self, phone_region: str | None) -> None:
        self._region = phone_region
        self._under_way = 0

    @asynccontextmanager
    async def read(self, req: falcon.asgi.Request, mode: Mode) -> AsyncIterator[NewBulk]:
        """Raises Problem: 400 for a body that cannot be read whole, 408 for a slow one, 503 while others are read."""
        if self._under_way >= AT_ONCE:
            raise unavailable("Other bulks are being read; send this one again in a moment")
        self._under_way += 1
        try:
            yield await self._read(req, mode)
        finally:
            self._under_way -= 1

    async def _read(self, req: falcon.asgi.Request, mode: Mode) -> NewBulk:
        principal: Principal = req.context.principal
        sender = Sender("agent", principal.actor, req.context.request_id, deadline(req), req.context.address)
        key = idempotency_key(req, anonymous=False)
        body = Body(req)
        validated = await self._validated(body, req, mode)
        owner = principal.actor.owner or ""
        bulk = Bulk(take_chosen_id(req) or uuid4(), owner, mode, validated.rows, len(validated.refusals))
        named = IdempotencyKey(owner, key, body.hash_with(f"{req.method} {req.path} {mode}")) if key else None
        commands = (_all_in_one if mode is Mode.ALL_OR_NOTHING else _one_each)(validated)
        return NewBulk(bulk, sender, commands, validated.refusals, named)

    async def _validated(self, body: Body, req: falcon.asgi.Request, mode: Mode) -> ValidatedRows:
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                read = PlaceReader(self._region, accepted_language(req.get_header("Accept-Language")))
                return await validate_rows(body.rows(row_splitter_for(req)), read, ROWS_MAX[mode])
        except TimeoutError:
            words = f"The body did not arrive within {READ_WITHIN_S:g} s; nothing was accepted"
            raise Problem(408, "body_too_slow", words) from None


def _one_each(validated: ValidatedRows) -> list[BulkCommand]:
    return [BulkCommand(_key_of(place), place, row) for row, place in validated.places.items()]


def _all_in_one(validated: ValidatedRows) -> list[BulkCommand]:
    """One command, in the lane of its first row."""
    rows = tuple(RowToPlace(row, place) for row, place in validated.places.items())
    if not rows:
        return []
    command = PlaceAll(rows, len(validated.refusals))
    return [BulkCommand(_key_of(rows[0].place), command, None, len(rows))]


def _key_of(place: Place) -> ServicePartition:
    return ServicePartition(place.service_name, place.date)


def row_splitter_for(req: falcon.asgi.Request) -> RowSplitter:
    """Raises Problem 415 for a media type that is not in `FORMATS`."""
    media_type = (req.content_type or "").partition(";")[0].strip().lower()
    if media_type not in FORMATS:
        words = f"Content-Type must be one of {', '.join(FORMATS)}"
        raise Problem(415, "unsupported_media_type", words)
    return FORMATS[media_type]()


class Body:
    """One body as it arrives. Its hash is of what was read so far."""

    def __init__(self, req: falcon.asgi.Request) -> None:
        self._req = req
        self._hash = hashlib.sha256()

    def hash_with(self, request: str) -> bytes:
        """Of the body and of what else makes two requests the same."""
        whole = self._hash.copy()
        whole.update(b"\0" + request.encode())
        return whole.digest()

    async def rows(self, splitter: RowSplitter) -> AsyncIterator[Row]:
        """All rows, with turns for other requests in between. Raises Problem 400 for an unreadable body."""
        budget = LoopBudget(SLICE_S)
        async for piece in self._pieces():
            for row in splitter.feed(piece):
                yield row
                await budget.take()
        for row in splitter.end():
            yield row

    async def _pieces(self) -> AsyncIterator[bytes]:
        if (self._req.content_length or 0) > BODY_MAX_BYTES:
            raise too_large(BODY_MAX_BYTES)
        received = 0
        while piece := await self._req.stream.read(PIECE_BYTES):
            received += len(piece)
            if received > BODY_MAX_BYTES:
                raise too_large(BODY_MAX_BYTES)
            self._hash.update(piece)
            yield piece
        if client_disconnected(self._req):
            raise body_timeout()


class LoopBudget:
    """For long work on the event loop. Call `take` often: when its slice is used up, other requests have their turn."""

    def __init__(self, slice_s: float) -> None:
        self._slice_s = slice_s
        self._since = time.perf_counter()

    async def take(self) -> None:
        if time.perf_counter() - self._since > self._slice_s:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


class ValidatedRows(Struct, frozen=True):
    """A body's rows, counted from 1: each either asks for a place or is refused."""

    places: dict[int, Place]
    refusals: list[BulkRefusal]

    @property
    def rows(self) -> int:
        return len(self.places) + len(self.refusals)


class PlaceReader(Struct, frozen=True):
    """Reads the command that a row asks for, as the request that brings it is understood."""

    region: str | None
    """Of phone numbers without a country code."""
    language: str
    """Of the request, for people who become known by it; "" if it has none."""

    def __call__(self, row: Row) -> Place | Problem:
        if isinstance(row, Problem):
            return row
        try:
            return place_command(parse_json(row, AgentBooking), self.region, self.language)
        except Problem as problem:
            return problem


async def validate_rows(rows: AsyncIterator[Row], read: PlaceReader, most: int) -> ValidatedRows:
    """Raises Problem 400 for a body with more than `most` rows, or none."""
    validated = ValidatedRows({}, [])
    async for row in rows:
        number = validated.rows + 1
        if number > most:
            raise Problem(400, "too_many_rows", f"At most {most} rows may be sent at once; nothing was accepted")
        place = read(row)
        if isinstance(place, Problem):
            validated.refusals.append(BulkRefusal(number, place.status, Raw(body_of(place))))
        else:
            validated.places[number] = place
    if validated.rows == 0:
        raise Problem(400, "empty_body", "The body has no rows")
    return validated
