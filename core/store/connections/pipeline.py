"""Several queries in one round trip, each with a callback that gets its rows.

Functions named `ask_...` add a query, those named `lock_...` one that locks its rows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from core.store.connections.database import AsyncConnection, Connection
from core.store.connections.round_trip import Parameters, RoundTrip, Rows

Store = Callable[[Rows], None]


class QueryPipeline:
    """Queries run in the order of `ask`, and are sent together. Each sees the locks of those before it."""

    def __init__(self) -> None:
        self._queries: list[tuple[str, Parameters, Store]] = []

    def ask(self, sql: str, parameters: Parameters, store: Store) -> None:
        self._queries.append((sql, parameters, store))

    def run(self, connection: Connection) -> None:
        if not self._queries:
            return
        with RoundTrip(connection) as trip:
            answers = [trip.execute(sql, parameters) for sql, parameters, _ in self._queries]
        self._store([answer.fetchall() for answer in answers])

    async def run_async(self, connection: AsyncConnection) -> None:
        """The same for a reader on an event loop."""
        if not self._queries:
            return
        async with connection.pipeline():
            cursors = [await connection.execute(sql.encode(), parameters) for sql, parameters, _ in self._queries]
        self._store([await cursor.fetchall() for cursor in cursors])

    def _store(self, answers: Sequence[Rows]) -> None:
        for (_, _, store), rows in zip(self._queries, answers, strict=True):
            store(rows)


@contextmanager
def pipelined(connection: Connection) -> Iterator[QueryPipeline]:
    """Runs the queries that were asked for inside, at its end. Sends nothing if there are none."""
    pipeline = QueryPipeline()
    yield pipeline
    pipeline.run(connection)


@asynccontextmanager
async def pipelined_async(connection: AsyncConnection) -> AsyncIterator[QueryPipeline]:
    pipeline = QueryPipeline()
    yield pipeline
    await pipeline.run_async(connection)
