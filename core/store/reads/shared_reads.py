"""Requests that read share round trips to PostgreSQL.

A few connections read for all requests of a process. The next round trip of one of them takes every read that has
arrived until then: one pipeline of prepared statements, in one snapshot. Reads that are equal are asked once, and so
are equal queries of different reads.

Nobody joins a read that is under way: its snapshot may be older than a booking that was acknowledged meanwhile. So a
read that begins after an acknowledgement shows it, whichever process acknowledged it.

The connections are its own and not a pool's: psycopg drops its prepared statements as it likes, and the names with
them, and a pool asks each connection for a sign of life first, which is one more round trip.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain
from typing import Any, Protocol

import psycopg
import structlog
from msgspec import Struct
from psycopg.pq import Format, TransactionStatus

from core.domain.resources.local_time import at_us
from core.ended_tasks import end
from core.store.connections.bounded import BoundedConnection
from core.store.connections.database import API_LIMITS, connect_as
from core.store.connections.round_trip import STALE_STATES, Answer, AsyncRoundTrip, Rows

log = structlog.get_logger()

READERS = 3
"""Connections. One that waits for a slow statement leaves the others to those who come later."""
READS_MAX = 64
"""Of one round trip."""
WAITING_MAX = 20_000
"""Requests of a process that wait for a reader."""
APPLICATION = "holdfast reads"
CONNECTED_WITHIN_S = 3.0
FOUND_WITHIN_S = 8.0
"""From a request's question to its answer, whatever the readers are busy with."""

READ_LIMITS = {
    **API_LIMITS,
    # All statements between two syncs are one transaction, even without BEGIN, so one snapshot.
    "default_transaction_isolation": "repeatable read",
    "default_transaction_read_only": "on",
    # As for a lane: each statement finds its rows by key, has one good plan, and is planned once.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}

SQL_NOW_US = "SELECT (date_part('epoch', clock_timestamp()) * 1e6)::bigint"

Query = tuple[str, tuple[Any, ...]]
"""A statement and its values."""


class TooManyReadsError(psycopg.OperationalError):
    """So many requests wait already that one more is refused."""


class SlowReadError(psycopg.OperationalError):
    """The answer did not come within `FOUND_WITHIN_S`."""


class Read(Hashable, Protocol):
    """What is asked. Equal reads have equal queries."""

    def queries(self) -> Sequence[Query]:
        """Asked in one snapshot."""
        ...


class Found(Struct, frozen=True):
    """What PostgreSQL answered to one read."""

    now_us: int
    """Its clock, in microseconds since 1970."""
    raw: tuple[tuple[bytes | None, ...], ...]
    """For each query the values as they were sent. Two answers with equal ones say the same."""
    answers: tuple[Answer, ...]

    @property
    def now(self) -> datetime:
        return at_us(self.now_us)

    def rows(self, number: int) -> Rows:
        """Of the query with this number, from 0."""
        return self.answers[number].fetchall()

    def count(self, number: int) -> int:
        """How many rows `rows` has."""
        return self.answers[number].rowcount

    def of_first(self, number: int) -> Found:
        """What so many queries found, without those after them."""
        return Found(self.now_us, self.raw[:number], self.answers[:number])


Waiting = Mapping[Read, list["asyncio.Future[Found]"]]


class SharedReads:
    """Opens its connections when they are needed first, and again when they are lost."""

    def __init__(self, database_url: str, connection_class: type[BoundedConnection]) -> None:
        self._idle = [_Reader(database_url, connection_class) for _ in range(READERS)]
        self._readers = tuple(self._idle)
        self._waiting: dict[Read, list[asyncio.Future[Found]]] = {}
        self._requests = 0
        self._is_gathering = False
        self._trips: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await end(*self._trips)
        for reader in self._readers:
            await reader.close()

    async def ask(self, read: Read) -> Found:
        """What PostgreSQL answers, at a moment after this call. Raises psycopg.Error."""
        if self._requests >= WAITING_MAX:
            raise TooManyReadsError("too many reads wait for the database")
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Found] = loop.create_future()
        self._waiting.setdefault(read, []).append(found)
        self._requests += 1
        self._start()
        timer = loop.call_later(FOUND_WITHIN_S, _fail, (found,), SlowReadError("the database takes too long"))
        try:
            return await found
        finally:
            timer.cancel()

    def _start(self) -> None:
        if self._waiting and self._idle and not self._is_gathering:
            self._is_gathering = True
            trip = asyncio.create_task(self._trip(self._idle.pop()), name="reads")
            self._trips.add(trip)
            trip.add_done_callback(self._trips.discard)

    async def _trip(self, reader: _Reader) -> None:
        try:
            await self._gather()
            reads = self._take()
            self._is_gathering = False
            self._start()  # what is more than one round trip takes
            await reader.answer(reads)
        finally:
            self._idle.append(reader)
            self._start()

    async def _gather(self) -> None:
        """Requests that are read in the same turns of the event loop share one round trip. No clock is waited for."""
        joined = 0
        while joined < self._requests:
            joined = self._requests
            await asyncio.sleep(0)

    def _take(self) -> Waiting:
        reads = self._waiting
        if len(reads) <= READS_MAX:
            self._waiting, self._requests = {}, 0
            return reads
        taken = {read: reads.pop(read) for read in list(reads)[:READS_MAX]}
        self._requests -= sum(map(len, taken.values()))
        return taken


class _Reader:
    """One connection. Reading changes nothing, so what a lost connection did not answer is asked again."""

    def __init__(self, database_url: str, connection_class: type[BoundedConnection]) -> None:
        self._url = database_url
        self._connection_class = connection_class
        self._connection: BoundedConnection | None = None

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def answer(self, reads: Waiting) -> None:
        """Every future gets its answer or an error: other tasks wait for nothing else."""
        wanted = {read: asking for read, asking in reads.items() if not all(one.done() for one in asking)}
        if not wanted:
            return
        try:
            found = await self._find(list(wanted))
        except Exception as problem:  # noqa: BLE001 - even a bug must not leave a request without an answer
            await self._not_found(wanted, problem)
        except BaseException:
            _fail(chain.from_iterable(wanted.values()), SlowReadError("this process ends"))
            raise
        else:
            for asking, answer in zip(wanted.values(), found, strict=True):
                for one in asking:
                    if not one.done():
                        one.set_result(answer)

    async def _not_found(self, reads: Waiting, problem: Exception) -> None:
        """A read that fails must fail alone."""
        if len(reads) == 1 or not _is_of_one(problem):
            _fail(chain.from_iterable(reads.values()), problem)
            return
        log.info("reads are asked one by one", problem=repr(problem), reads=len(reads))
        for read, asking in reads.items():
            await self.answer({read: asking})

    async def _find(self, reads: Sequence[Read]) -> list[Found]:
        connection = await self._connected()
        try:
            return await _round_trip(connection, reads)
        except psycopg.Error as problem:
            if not connection.closed and problem.sqlstate not in STALE_STATES:
                raise
            log.info("reads are asked again", problem=repr(problem))
        return await _round_trip(await self._connected(), reads)

    async def _connected(self) -> BoundedConnection:
        """A session that is lost, or in a state that it should not be in, is replaced."""
        connection = self._connection
        if connection is not None:
            if connection.pgconn.transaction_status == TransactionStatus.IDLE:
                return connection
            with suppress(psycopg.Error):
                await connection.close()
        try:
            async with asyncio.timeout(CONNECTED_WITHIN_S):
                connection = await connect_as(self._connection_class, self._url, READ_LIMITS, APPLICATION)
        except TimeoutError:
            raise psycopg.OperationalError("the database does not answer") from None
        connection.prepare_threshold = None  # as for a lane's (`connect_lane`)
        self._connection = connection
        return connection


class _Binary(AsyncRoundTrip):
    """PostgreSQL spares itself the writing of times and numbers as text, and so do we the reading."""

    result_format = Format.BINARY


async def _round_trip(connection: BoundedConnection, reads: Sequence[Read]) -> list[Found]:
    asked: dict[Query, Answer] = {}
    async with _Binary(connection) as trip:
        clock = trip.execute(SQL_NOW_US)
        wanted = [read.queries() for read in reads]
        for query in (query for queries in wanted for query in queries):
            if query not in asked:
                asked[query] = trip.execute(*query)
    ((now_us,),) = clock.fetchall()
    raw = {query: answer.raw() for query, answer in asked.items()}
    return [
        Found(now_us, tuple([raw[query] for query in queries]), tuple([asked[query] for query in queries]))
        for queries in wanted
    ]


_NOBODYS = frozenset({"08", "28", "3D", "53", "57"})
"""Connections that end or cannot be made, and a server without room."""
_TIMED_OUT = "57014"


def _is_of_one(problem: BaseException) -> bool:
    """Whether one read of several may be the reason."""
    state = problem.sqlstate if isinstance(problem, psycopg.Error) else None
    return state is not None and (state == _TIMED_OUT or state[:2] not in _NOBODYS)


def _fail(asking: Iterable[asyncio.Future[Found]], problem: BaseException) -> None:
    for one in asking:
        if not one.done():
            one.set_exception(problem)
