"""Several queries in one round trip, each with what is to be done with its rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg

from core.store.connections.database import Connection
from core.store.connections.round_trip import Parameters, RoundTrip, Rows

Take = Callable[[Rows], None]


class QueryPipeline:
    """Queries are asked in order and sent together; they see each other's locks."""

    def __init__(self) -> None:
        self._asked: list[tuple[str, Parameters, Take]] = []

    def ask(self, sql: str, parameters: Parameters, take: Take) -> None:
        self._asked.append((sql, parameters, take))

    def answer(self, connection: Connection) -> None:
        if not self._asked:
            return
        with RoundTrip(connection) as trip:
            answers = [trip.execute(sql, parameters) for sql, parameters, _ in self._asked]
        self._take([answer.fetchall() for answer in answers])

    async def answer_async(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """The same for a reader on an event loop."""
        if not self._asked:
            return
        async with connection.pipeline():
            cursors = [await connection.execute(sql.encode(), parameters) for sql, parameters, _ in self._asked]
        self._take([await cursor.fetchall() for cursor in cursors])

    def _take(self, answers: Sequence[Rows]) -> None:
        for (_, _, take), rows in zip(self._asked, answers, strict=True):
            take(rows)


@contextmanager
def pipelined(connection: Connection) -> Iterator[QueryPipeline]:
    """What is asked inside is answered, in the order of asking, at the end. Nothing asked, nothing sent."""
    pipeline = QueryPipeline()
    yield pipeline
    pipeline.answer(connection)


@asynccontextmanager
async def pipelined_async(connection: psycopg.AsyncConnection[Any]) -> AsyncIterator[QueryPipeline]:
    pipeline = QueryPipeline()
    yield pipeline
    await pipeline.answer_async(connection)
