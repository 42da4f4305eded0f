"""Statements that go to PostgreSQL together and are answered together: one round trip.

A visit to a lane sends the same few dozen statements again and again. With a cursor for each, in psycopg's own
pipeline, a statement costs 50 microseconds of Python and wakes the server. Prepared once and sent by name through
libpq's pipeline it costs a third of both. psycopg still adapts the values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary

import psycopg
from msgspec import Struct
from psycopg import abc
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from core.store.connections.database import AsyncConnection, Connection

Parameters = Sequence[Any] | Mapping[str, Any] | None
Rows = list[tuple[Any, ...]]

STALE_STATES = frozenset({"0A000", "26000"})
"""A migration changed what a prepared statement returns, or the session does not have it."""

LEFT_MOST = 1_000
"""Results read at most after the connection was lost; a round trip has a few dozen."""

_PLACEHOLDER = re.compile(r"%(?:\((\w+)\)s|s|%)")


class _Statement(Struct, frozen=True):
    text: bytes
    """With PostgreSQL's placeholders: $1, $2, ..."""
    names: tuple[str, ...]
    """Of the values by place, where placeholders have names."""


@lru_cache(maxsize=1024)
def _statement(sql: str) -> _Statement:
    """A statement with psycopg's placeholders: all `%s`, or all `%(name)s`; `%%` is a per cent sign."""
    names: dict[str, int] = {}
    places = 0

    def numbered(found: re.Match[str]) -> str:
        nonlocal places
        if found[0] == "%%":
            return "%"
        if found[1]:
            return f"${names.setdefault(found[1], len(names) + 1)}"
        places += 1
        return f"${places}"

    return _Statement(_PLACEHOLDER.sub(numbered, sql).encode(), tuple(names))


class _Prepared:
    """A session's prepared statements, by text and types of values."""

    def __init__(self) -> None:
        self.names: dict[tuple[bytes, tuple[int, ...]], bytes] = {}
        self.made = 0


_Session = Connection | AsyncConnection
_sessions: WeakKeyDictionary[_Session, _Prepared] = WeakKeyDictionary()


class Answer:
    """The answer to one statement, once its round trip is over."""

    __slots__ = ("_adapting", "_result", "_rows")

    def __init__(self, adapting: abc.Transformer) -> None:
        self._adapting = adapting
        self._result: PGresult | None = None
        self._rows: Rows | None = None

    def take(self, result: PGresult) -> None:
        self._result = result

    @property
    def rowcount(self) -> int:
        """Rows that the statement wrote, or answers."""
        return self._taken.command_tuples or 0

    def fetchall(self) -> Rows:
        """All rows, each time the same list: requests that share a round trip ask for them one after another."""
        if self._rows is None:
            result = self._taken
            self._adapting.set_pgresult(result)
            self._rows = self._adapting.load_rows(0, result.ntuples, tuple)
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        rows = self.fetchall()
        return rows[0] if rows else None

    def raw(self) -> tuple[bytes | None, ...]:
        """Every value of every row as PostgreSQL sent it: to be compared, which costs less than to read it."""
        result = self._taken
        columns = range(result.nfields)
        return tuple([result.get_value(row, column) for row in range(result.ntuples) for column in columns])

    @property
    def _taken(self) -> PGresult:
        if self._result is None:
            raise LookupError("A statement's answer is there once its round trip is over.")
        return self._result


class _Trip:
    """What is sent and what is expected back, on either kind of connection."""

    result_format = Format.TEXT
    """How PostgreSQL is to send values."""

    def __init__(self, connection: _Session) -> None:
        self._pg: PGconn = connection.pgconn
        self._adapting: abc.Transformer = Transformer(connection)
        self._prepared = _sessions.setdefault(connection, _Prepared())
        self._expected: list[Answer | tuple[bytes, tuple[int, ...], bytes]] = []
        """Answers, and statements that are prepared (text, types, name), in the order in which they were sent."""

    def execute(self, sql: str, parameters: Parameters = None) -> Answer:
        """Send a statement. Each is prepared the first time that its session sends it."""
        statement = _statement(sql)
        values: Sequence[Any] = ()
        if parameters:
            values = [parameters[name] for name in statement.names] if isinstance(parameters, Mapping) else parameters
        if values:
            dumped = self._adapting.dump_sequence(values, [PyFormat.AUTO] * len(values))
            types, formats = self._adapting.types or (), self._adapting.formats
        else:
            dumped, types, formats = (), (), None
        name = self._name(statement.text, types)
        self._pg.send_query_prepared(name, dumped, param_formats=formats, result_format=self.result_format)
        answer = Answer(self._adapting)
        self._expected.append(answer)
        return answer

    def flush(self) -> None:
        """What was sent so far goes on its way, so that PostgreSQL works while the rest is made."""
        self._pg.flush()

    def _name(self, text: bytes, types: tuple[int, ...]) -> bytes:
        name = self._prepared.names.get((text, types))
        if name is None:
            self._prepared.made += 1
            name = b"trip_%d" % self._prepared.made
            self._pg.send_prepare(name, text, types)
            self._expected.append((text, types, name))
            self._prepared.names[text, types] = name
        return name

    def _hand_out(self, results: Sequence[PGresult]) -> None:
        problem: psycopg.Error | None = None
        for expected, result in zip(self._expected, results, strict=True):
            done = result.status in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}
            if isinstance(expected, Answer):
                expected.take(result)
            elif not done:
                text, types, _ = expected
                self._prepared.names.pop((text, types), None)
            if not done and problem is None:
                problem = error_from_result(result)
        if problem is not None:
            if problem.sqlstate in STALE_STATES:
                self._prepared.names.clear()
            raise problem


class RoundTrip(_Trip):
    """`with RoundTrip(connection) as trip: answer = trip.execute(...)`; the answers are there after the block.

    Raises the first statement's error, at the end of the block; the statements after it were not carried out.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    def __enter__(self) -> Self:
        self._pg.enter_pipeline_mode()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._pg.pipeline_sync()
            results = self._connection.wait(_with_last_word(self._pg))
            self._pg.exit_pipeline_mode()
        except BaseException:
            self._connection.close()  # nobody knows which answers are still on their way
            raise
        self._hand_out(results)


class AsyncRoundTrip(_Trip):
    """The same on an event loop: `async with AsyncRoundTrip(connection) as trip: ...`."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self._connection = connection

    async def __aenter__(self) -> Self:
        self._pg.enter_pipeline_mode()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._pg.pipeline_sync()
            results = await self._connection.wait(_results(self._pg, []))
            self._pg.exit_pipeline_mode()
        except BaseException:
            await self._connection.close()
            raise
        self._hand_out(results)


def _with_last_word(pg: PGconn) -> abc.PQGen[list[PGresult]]:
    """The results. If the server ended the session, its reason (57P01, 25P03, 25P04) is raised.

    Only for callers that decide again whatever was committed: the commit may have been made before.
    """
    results: list[PGresult] = []
    try:
        return (yield from _results(pg, results))
    except psycopg.OperationalError as lost:
        word = _last_word(results) or _last_word(_left(pg))
        if word is None:
            raise
        raise error_from_result(word) from lost


def _last_word(results: Iterable[PGresult]) -> PGresult | None:
    return next((one for one in results if one.error_field(DiagnosticField.SEVERITY_NONLOCALIZED) == b"FATAL"), None)


def _left(pg: PGconn) -> Iterator[PGresult]:
    """What libpq has read from a lost connection. One None separates two statements; a second one is the end."""
    between = False
    for _ in range(LEFT_MOST):
        result = pg.get_result()
        if result is not None:
            yield result
        elif between:
            return
        between = result is None


def _results(pg: PGconn, results: list[PGresult]) -> abc.PQGen[list[PGresult]]:
    """One result for each statement, until everything sent is answered; added to `results` as they come."""
    while pg.flush():
        if (yield Wait.RW) & Ready.R:
            pg.consume_input()
    while True:
        while pg.is_busy():
            yield Wait.R
            pg.consume_input()
        result = pg.get_result()
        if result is None:  # between two statements
            if pg.status != ConnStatus.OK:
                raise psycopg.OperationalError("the connection is lost")
        elif result.status == ExecStatus.PIPELINE_SYNC:
            return results
        else:
            results.append(result)
