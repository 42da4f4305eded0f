"""Putting a bulk on disk: all of it in one transaction, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID, uuid4

import psycopg
import structlog
from msgspec import Struct
from msgspec.structs import replace
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.http.database_errors import is_own_data
from api.http.errors import Problem, unavailable, unknown_outcome
from core.store.connections.database import database_now_async
from core.store.feed_events import SQL_EVENTS, bulk_accepted, event_parameters
from core.store.inbox.acceptance import SQL_RELEASE_KEY, IdempotencyKey
from core.store.inbox.bulk import (
    CHUNK_ROWS,
    SQL_ACCEPT_ROWS,
    SQL_COUNTS,
    SQL_INSERT,
    SQL_KEY_OWNER,
    SQL_REFUSE_ROWS,
    SQL_TAKE_KEY,
    Bulk,
    BulkCommand,
    BulkRefusal,
    Sender,
    accept_parameters,
    counts_of,
    refuse_parameters,
)
from core.wakeup.bells import LaneWaker
from core.wire.contracts.bulk import status_url

log = structlog.get_logger()
T = TypeVar("T")
Connection = psycopg.AsyncConnection[Any]

KEY_WAIT_S = 4
"""How long a repeat waits for the first request that is being written, before it is told to come again."""
TAKE_TRIES = 3
"""How often to take a key that turns out to be free again. A bulk is never written without its key."""
LOOK_UP_TRIES = 20
LOOK_UP_PAUSE_S = 0.25


class NewBulk(Struct, frozen=True):
    """A bulk about to be accepted."""

    bulk: Bulk
    sender: Sender
    commands: Sequence[BulkCommand]
    refusals: Sequence[BulkRefusal]
    key: IdempotencyKey | None


class BulkWriter:
    def __init__(self, pool: AsyncConnectionPool[Any], lane_waker: LaneWaker) -> None:
        self._pool = pool
        self._lane_waker = lane_waker

    async def accept(self, new: NewBulk) -> Bulk:
        """What is on disk: this bulk, or the first one with the same key.

        Raises Problem: 422 for the key of another body, 503 if the database went away meanwhile.
        """
        try:
            async with self._pool.connection() as connection:
                try:
                    return await self._write(connection, new)
                except psycopg.OperationalError as problem:
                    if not connection.broken:
                        raise
                    log.warning("a bulk lost its connection", problem=repr(problem), bulk_id=str(new.bulk.id))
        except psycopg.errors.UniqueViolation:
            return await self._with_a_known_id(new)
        except psycopg.Error as problem:
            if not is_own_data(problem):
                raise
            log.warning("a bulk was refused by the database", problem=repr(problem))
            raise Problem(400, "unstorable", "The request holds a value that cannot be stored") from None
        return await self._find_out(new)

    async def _write(self, connection: Connection, new: NewBulk) -> Bulk:
        async with connection.transaction():
            winner = await _winner(connection, new)
            if winner is not None:
                return winner
            lanes = await _insert(connection, new)
        await self._lane_waker.lanes(lanes)
        return new.bulk

    async def _with_a_known_id(self, new: NewBulk) -> Bulk:
        """The id that the front door chose is taken: by the same request, sent twice, or by a stranger."""
        async with self._pool.connection() as connection:
            if await _bulk(connection, new.bulk.id) == new.bulk:
                return new.bulk
        return await self.accept(replace(new, bulk=replace(new.bulk, id=uuid4())))

    async def _find_out(self, new: NewBulk) -> Bulk:
        """After a lost connection nobody knows whether it was committed: it is looked up."""
        for _ in range(LOOK_UP_TRIES):
            with suppress(psycopg.Error, PoolTimeout):
                async with self._pool.connection() as connection:
                    if await _bulk(connection, new.bulk.id) is not None:
                        return new.bulk
                break
            await asyncio.sleep(LOOK_UP_PAUSE_S)
        words = "It is not known yet whether the rows were accepted; the address in Location will tell"
        raise unknown_outcome(words, location=status_url(new.bulk.id))


async def _winner(connection: Connection, new: NewBulk) -> Bulk | None:
    """The bulk that had this key first; None if it is ours now."""
    key = new.key
    if key is None:
        return None
    await connection.execute(f"SET LOCAL lock_timeout = '{KEY_WAIT_S}s'")
    for _ in range(TAKE_TRIES):
        taken = await connection.execute(SQL_TAKE_KEY, (key.scope, key.key, key.body_hash, new.bulk.id))
        if taken.rowcount:
            return None
        owner = await (await connection.execute(SQL_KEY_OWNER, (key.scope, key.key))).fetchone()
        if owner is None:
            continue  # deleted just now
        body_hash, winner, is_there = owner
        if is_there and body_hash != key.body_hash:
            words = "This Idempotency-Key was used with another request; use a new key for a new request"
            raise Problem(422, "idempotency_key_reused", words)
        if (first := await _bulk(connection, winner)) is not None:
            return first
        await connection.execute(SQL_RELEASE_KEY, (key.scope, key.key, winner))
    raise unavailable("The idempotency key was just released; send the request again")


async def _insert(connection: Connection, new: NewBulk) -> set[int]:
    """The lanes that have something new to decide."""
    bulk, sender = new.bulk, new.sender
    await connection.execute(SQL_INSERT, (bulk.id, bulk.owner, bulk.mode, bulk.rows, bulk.refused))
    for refused in _chunks(new.refusals):
        await connection.execute(SQL_REFUSE_ROWS, refuse_parameters(bulk, sender, "place", refused))
    lanes: set[int] = set()
    for commands in _chunks(new.commands):
        rows = await connection.execute(SQL_ACCEPT_ROWS, accept_parameters(bulk, sender, commands))
        lanes |= {row[0] for row in await rows.fetchall()}
    news = bulk_accepted(bulk.id, sender.actor, sender.contract, sender.request_id)
    await connection.execute(SQL_EVENTS, event_parameters([news], await database_now_async(connection)))
    return lanes


async def _bulk(connection: Connection, id_: UUID) -> Bulk | None:
    row = await (await connection.execute(SQL_COUNTS, ([id_],))).fetchone()
    return counts_of(row).bulk if row else None


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    left = iter(items)
    while chunk := list(islice(left, CHUNK_ROWS)):
        yield chunk
