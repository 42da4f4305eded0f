"""Putting a bulk on disk: all of it in one transaction, or nothing."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import structlog
from msgspec.structs import replace

from api.http.database_errors import after_broken_commit, is_own_data
from api.http.errors import key_contended, key_reused, unknown_outcome, unstorable
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.store.inbox.bulk import KeyContendedError, KeyReusedError, NewBulk, accept, read_bulk
from core.store.inbox.bulk_status import Bulk
from core.tracing import spans
from core.tracing.spans import SpanKind
from core.wakeup.lane_waker import LaneWaker
from core.wire.contracts.bulk import status_url

log = structlog.get_logger()


class BulkWriter:
    def __init__(self, pool: Pool, lane_waker: LaneWaker) -> None:
        self._pool = pool
        self._lane_waker = lane_waker

    async def accept(self, new: NewBulk) -> Bulk:
        """What is on disk: this bulk, or the first one with the same key.

        Raises Problem: 422 for the key of another body, 503 if the database went away meanwhile.
        """
        inbox = spans.begin("inbox", SpanKind.PRODUCER)
        if inbox is not None:
            inbox.attributes |= {"holdfast.bulk_id": str(new.bulk.id), "holdfast.rows": new.bulk.rows}
            new = replace(new, sender=replace(new.sender, traceparent=inbox.context.traceparent))
        bulk = await self._accept(new)
        spans.end(inbox)
        return bulk

    async def _accept(self, new: NewBulk) -> Bulk:
        try:
            async with self._pool.connection() as connection:
                try:
                    return await self._write(connection, new)
                except psycopg.OperationalError as problem:
                    if not connection.broken:
                        raise
                    log.warning("a bulk lost its connection", problem=repr(problem), bulk_id=str(new.bulk.id))
        except KeyReusedError:
            raise key_reused() from None
        except KeyContendedError:
            raise key_contended() from None
        except psycopg.errors.UniqueViolation:
            return await self._with_a_known_id(new)
        except psycopg.Error as problem:
            if not is_own_data(problem):
                raise
            log.warning("a bulk was refused by the database", problem=repr(problem))
            raise unstorable() from None
        if await after_broken_commit(lambda: self._look_up(new)) is None:
            words = "It is not known yet whether the rows were accepted; the address in Location will tell"
            raise unknown_outcome(words, location=status_url(new.bulk.id))
        return new.bulk

    async def _write(self, connection: AsyncConnection, new: NewBulk) -> Bulk:
        bulk, lanes = await accept(connection, new)
        await self._lane_waker.lanes(lanes)
        return bulk

    async def _with_a_known_id(self, new: NewBulk) -> Bulk:
        """The id that the front door chose is taken: by the same request, sent twice, or by another caller's."""
        if await self._look_up(new) == new.bulk:
            return new.bulk
        return await self._accept(replace(new, bulk=replace(new.bulk, id=uuid4())))

    async def _look_up(self, new: NewBulk) -> Bulk | None:
        async with self._pool.connection() as connection:
            return await read_bulk(connection, new.bulk.id)
