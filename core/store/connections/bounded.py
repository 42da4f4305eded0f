"""Connections that wait a limited time for an answer, and say when the outcome of a change is unknown.

`statement_timeout` ends a statement, but not a commit that waits for a synchronous standby, nor the wait for a
server that was stopped. Those are bounded here, in the client. A commit that hangs goes on at the server: it is not
cancelled, as a cancelled wait for a standby counts as committed, and its connection is abandoned.

The same holds, sooner, for a client that hangs up: its statement is cancelled, its commit is not.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from socket import socketpair
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncCursor, AsyncTransaction
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout
from psycopg.pq import ConnStatus, TransactionStatus
from psycopg.rows import TupleRow
from psycopg.sql import Composable
from psycopg.waiting import wait_async

T = TypeVar("T")

ANSWER_WITHIN_S = 6.0
"""Longer than the API's `statement_timeout`, so that PostgreSQL reports what it can itself."""
HUNG_UP_WITHIN_S = 1.0
"""For the server to accept a cancel request, and again to end the statement, once the client is gone."""
IN_DOUBT_MAX = 8
"""How many commits of one process may hang at the server. At that many, nothing is written until one of them ends."""

_WRITING = re.compile(r"\b(?:INSERT|UPDATE|DELETE|MERGE|TRUNCATE|CREATE|ALTER|DROP|COPY|CALL|DO)\b", re.IGNORECASE)
_ROW_LOCK = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b", re.IGNORECASE)


_changed: ContextVar[set[str]] = ContextVar("changed")
"""Shared by the tasks that one request starts."""


def note_changes() -> None:
    """Start to track changes in this context. Call it when a request begins."""
    _changed.set(set())


def has_changed() -> bool:
    """Whether something was committed in this context."""
    return bool(_changed.get(None))


def _note_change() -> None:
    if (changed := _changed.get(None)) is not None:
        changed.add("database")


class NoAnswerError(psycopg.OperationalError):
    """The server did not answer in time. Nothing was changed."""


class UnknownOutcomeError(psycopg.OperationalError):
    """The connection was lost or abandoned before the server said whether a change was made."""


class TooManyInDoubtError(psycopg.OperationalError):
    """Too many commits hang at the server. This one was not sent."""


class InDoubt:
    """The commits of one process that hang at the server, each on an abandoned connection."""

    def __init__(self) -> None:
        self._sockets: set[int] = set()

    def __len__(self) -> int:
        return len(self._sockets)

    @property
    def is_full(self) -> bool:
        return len(self._sockets) >= IN_DOUBT_MAX

    def keep(self, socket: int) -> None:
        """Keep the socket of a closed connection open until the server answers or ends it.

        libpq is left with a socket that leads nowhere: at its goodbye a pooler would drop both sessions.
        """
        mine = os.dup(socket)
        nowhere, closed = socketpair()
        with nowhere, closed:
            os.dup2(nowhere.fileno(), socket, inheritable=False)
        self._sockets.add(mine)
        asyncio.get_running_loop().add_reader(mine, self._end, mine)

    def close(self) -> None:
        for socket in tuple(self._sockets):
            self._end(socket)

    def _end(self, socket: int) -> None:
        asyncio.get_running_loop().remove_reader(socket)
        self._sockets.discard(socket)
        os.close(socket)


class BoundedConnection(psycopg.AsyncConnection[TupleRow]):
    """Made by `bounded`."""

    in_doubt: InDoubt
    _changes = False
    """Whether the present wait is for a commit, or for a statement that commits by itself."""
    _has_written = False
    """Whether this transaction has written anything."""

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:  # noqa: ASYNC109 - psycopg's
        try:
            within_s = ANSWER_WITHIN_S if timeout is None else timeout
            return await wait_async(gen, self.pgconn.socket, interval=interval, timeout=within_s)
        except _WaitTimeout:
            if timeout is not None:
                raise
            raise self._given_up() from None
        except asyncio.CancelledError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                await self._end_soon(gen, interval)
            raise
        except psycopg.OperationalError as problem:
            if self._changes and self.pgconn.status != ConnStatus.OK:
                raise UnknownOutcomeError("the connection was lost while a change was being made") from problem
            raise

    async def _end_soon(self, gen: PQGen[Any], interval: float) -> None:
        """Instead of psycopg's own way, which would cancel commits too, and wait five times as long."""
        try:
            if not self._changes:
                await self._try_cancel(timeout=HUNG_UP_WITHIN_S)
            await wait_async(gen, self.pgconn.socket, interval=interval, timeout=HUNG_UP_WITHIN_S)
        except psycopg.errors.QueryCanceled:
            pass
        except (Exception, asyncio.CancelledError) as problem:
            self._given_up()
            if not isinstance(problem, Exception):
                raise

    def _given_up(self) -> psycopg.OperationalError:
        if self._changes and self.pgconn.status == ConnStatus.OK:
            self.in_doubt.keep(self.pgconn.socket)
        self.pgconn.finish()
        if self._changes:
            return UnknownOutcomeError(f"no answer within {ANSWER_WITHIN_S:g} s while a change was being made")
        return NoAnswerError(f"no answer within {ANSWER_WITHIN_S:g} s")

    @asynccontextmanager
    async def transaction(
        self,
        savepoint_name: str | None = None,
        force_rollback: bool = False,  # noqa: FBT001, FBT002 - psycopg's
    ) -> AsyncIterator[AsyncTransaction]:
        is_outermost = self.pgconn.transaction_status == TransactionStatus.IDLE
        if is_outermost:
            self._has_written = False
        try:
            async with super().transaction(savepoint_name, force_rollback) as made:
                yield made
                self._changes = is_outermost and self._has_written and not force_rollback
            if self._changes:
                _note_change()
        finally:
            self._changes = False

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Around statements that commit by themselves. Raises TooManyInDoubtError."""
        if self.in_doubt.is_full:
            raise TooManyInDoubtError("too many commits hang at the server")
        self._changes = True
        try:
            yield
            _note_change()
        finally:
            self._changes = False

    @contextmanager
    def sending(self, query: Any) -> Iterator[None]:
        if not _writes(query):
            yield
        elif self.pgconn.transaction_status == TransactionStatus.IDLE:
            with self.changing():
                yield
        else:
            if self.in_doubt.is_full:
                raise TooManyInDoubtError("too many commits hang at the server")
            self._has_written = True
            yield


class _Cursor(AsyncCursor[Any]):
    """Reports to its connection what is sent."""

    async def execute(self, query: Any, params: Any = None, **how: Any) -> Any:
        with self._conn.sending(query):  # type: ignore[attr-defined]  # it is a BoundedConnection's
            return await super().execute(query, params, **how)

    async def executemany(self, query: Any, params_seq: Any, **how: Any) -> None:
        with self._conn.sending(query):  # type: ignore[attr-defined]
            await super().executemany(query, params_seq, **how)


def bounded(in_doubt: InDoubt) -> type[BoundedConnection]:
    """The class of one process's connections, which share its commits in doubt."""

    class Connection(BoundedConnection):
        def __init__(self, *arguments: Any, **how: Any) -> None:
            super().__init__(*arguments, **how)
            self.in_doubt = in_doubt
            self.cursor_factory = _Cursor

    return Connection


@lru_cache(maxsize=1024)
def _is_writing(text: str) -> bool:
    return _WRITING.search(_ROW_LOCK.sub("", text)) is not None


def _writes(query: Any) -> bool:
    """Whether a statement may change something."""
    if isinstance(query, Composable):
        query = query.as_string()
    return _is_writing(query.decode() if isinstance(query, bytes) else str(query))
