"""Accepting commands: written to PostgreSQL in groups, isolated from each other, then rung for.

Requests that arrive while a group is being committed form the next group, so one fsync serves
many clients. A command that PostgreSQL refuses for its data fails alone. When the connection
breaks during a commit nobody knows what became of it: each command is looked up by its id.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from uuid import UUID

import psycopg
import structlog
from msgspec import Struct

from api.errors import Problem, unavailable
from api.sqlstates import Meaning, meaning_of
from core.store.database import API_LIMITS, connect_async
from core.store.inbox import (
    SQL_ACCEPT,
    SQL_KEY_OWNERS,
    SQL_LOOK_UP,
    SQL_RELEASE_KEY,
    IdempotencyKey,
    NewCommand,
    accept_parameters,
)
from core.store.round_trip import AsyncConnection, AsyncRoundTrip

log = structlog.get_logger()

GROUP_MAX = 256
GROUP_ENOUGH = 16
"""A group of so many waits for nobody: what it costs to write one is shared."""
CONNECTIONS = 2
WAITING_MAX = 20_000
"""Commands in memory that are not on disk yet; beyond it the API says 503 instead of growing."""
LOOK_UP_TRIES = 20
LOOK_UP_PAUSE_S = 0.25

Ring = Callable[[Iterable[int]], Awaitable[None]]


class Accepted(Struct, frozen=True):
    """On disk. `fresh` is False when an earlier request with the same key was first."""

    command_id: UUID
    fresh: bool


class _Entry(Struct, frozen=True):
    command: NewCommand
    key: IdempotencyKey | None
    done: asyncio.Future[Accepted]


class Inbox:
    def __init__(self, database_url: str, ring: Ring) -> None:
        self._url = database_url
        self._ring = ring
        self._waiting: list[_Entry] = []
        self._something = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._connections: list[AsyncConnection] = []

    async def open(self) -> None:
        self._tasks = [asyncio.create_task(self._commit_groups(), name="inbox") for _ in range(CONNECTIONS)]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._connections:
            await connection.close()

    async def accept(self, command: NewCommand, key: IdempotencyKey | None) -> Accepted:
        """Put a command on disk. Raises Problem: 422 key of another body, 503 database away."""
        if len(self._waiting) >= WAITING_MAX:
            raise unavailable("Too many commands wait to be written; try again in a moment")
        done: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Entry(command, key, done))
        self._something.set()
        return await done

    async def _commit_groups(self) -> None:
        connection: AsyncConnection | None = None
        while True:
            await self._something.wait()
            await self._gather()
            group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
            if not self._waiting:
                self._something.clear()
            # A client that hung up before its command was written wants nothing any more.
            group = [entry for entry in group if not entry.done.cancelled()]
            if group:
                connection = await self._commit(connection, group)

    async def _gather(self) -> None:
        """Requests that are read in the same turns of the event loop join one group. Nobody waits for the clock."""
        joined = 0
        while joined < len(self._waiting) < GROUP_ENOUGH:
            joined = len(self._waiting)
            await asyncio.sleep(0)

    async def _commit(self, connection: AsyncConnection | None, group: Sequence[_Entry]) -> AsyncConnection | None:
        """Write a group and answer everybody in it; the connection to use next time."""
        try:
            if connection is not None and _has_news(connection):
                await connection.close()
            if connection is None or connection.closed:
                connection = await self._connect()
        except psycopg.Error as problem:
            log.warning("inbox cannot connect", problem=repr(problem))
            _fail(group, unavailable("The database is not available right now; nothing was accepted"))
            return None
        try:
            await self._write_prepared(connection, group)
        except Exception as problem:  # noqa: BLE001 - even a bug must not end the task that writes for everybody
            return await self._not_written(connection, group, problem)
        return connection

    async def _write_prepared(self, connection: AsyncConnection, group: Sequence[_Entry]) -> None:
        """A session that has lost its prepared statements has written nothing: they are prepared anew, once."""
        try:
            await self._write(connection, group)
        except psycopg.Error as problem:
            if meaning_of(problem) is not Meaning.UNPREPARED:
                raise
            log.info("inbox prepares its statements anew", problem=repr(problem))
            await self._write(connection, group)

    async def _not_written(
        self, connection: AsyncConnection, group: Sequence[_Entry], problem: Exception
    ) -> AsyncConnection | None:
        """Answer everybody in a group that failed; the connection to use next time."""
        match meaning_of(problem):
            case Meaning.OWN_DATA | Meaning.ALREADY_THERE as meaning if len(group) > 1 or meaning is Meaning.OWN_DATA:
                return await self._isolate(connection, group, problem)
            case Meaning.BUSY:
                log.warning("inbox waited too long", problem=repr(problem), commands=len(group))
                _fail(group, unavailable("The database is too busy right now; nothing was accepted"))
                return connection
            case Meaning.NOT_FITTING | Meaning.UNPREPARED:
                log.error("inbox cannot write", problem=repr(problem), commands=len(group))
                _fail(group, unavailable("The database cannot take commands right now; nothing was accepted"))
            case _:
                log.warning("inbox does not know what was written", problem=repr(problem), commands=len(group))
                asyncio.create_task(self._find_out(group)).add_done_callback(lambda _: None)
        with suppress(psycopg.Error):
            await connection.close()
        return None

    async def _connect(self) -> AsyncConnection:
        connection = await connect_async(self._url, API_LIMITS, "holdfast inbox")
        connection.prepare_threshold = None  # as for a lane's (`connect_lane`)
        self._connections = [*(one for one in self._connections if not one.closed), connection]
        return connection

    async def _write(self, connection: AsyncConnection, group: Sequence[_Entry]) -> None:
        parameters = accept_parameters([(entry.command, entry.key) for entry in group])
        async with AsyncRoundTrip(connection) as trip:
            accepted = trip.execute(SQL_ACCEPT, parameters)
        rows = accepted.fetchall()
        written = {row[0] for row in rows}
        losers = [entry for entry in group if entry.command.id not in written]
        for entry in group:
            if entry.command.id in written:
                _answer(entry, Accepted(entry.command.id, fresh=True))
        await self._ring({row[1] for row in rows})
        if losers:
            await self._follow_winners(connection, losers)

    async def _follow_winners(self, connection: AsyncConnection, losers: Sequence[_Entry]) -> None:
        """Where the first command is gone there is nobody to follow: its key is released, and taken in the next group."""
        keys = [entry.key for entry in losers if entry.key]
        cursor = await connection.execute(SQL_KEY_OWNERS, ([k.scope for k in keys], [k.key for k in keys]))
        owners = {(scope, key): owner for scope, key, *owner in await cursor.fetchall()}
        for entry in losers:
            key = entry.key
            owner = owners.get((key.scope, key.key)) if key else None
            if key is None or owner is None:
                _fail([entry], unavailable("The idempotency key was just released; send the request again"))
                continue
            body_hash, winner, is_there = owner
            if not is_there:
                await connection.execute(SQL_RELEASE_KEY, (key.scope, key.key, winner))
                self._waiting.append(entry)
                self._something.set()
            elif body_hash != key.body_hash:
                words = "This Idempotency-Key was used with another request; use a new key for a new request"
                _fail([entry], Problem(422, "idempotency_key_reused", words))
            else:
                _answer(entry, Accepted(winner, fresh=False))

    async def _isolate(
        self, connection: AsyncConnection | None, group: Sequence[_Entry], problem: Exception
    ) -> AsyncConnection | None:
        """PostgreSQL refused the group: find out, one by one, whose data it was."""
        if len(group) == 1:
            ids = {"request_id": group[0].command.request_id, "command_id": str(group[0].command.id)}
            log.warning("inbox refused a command", problem=repr(problem), **ids)
            _fail(group, Problem(400, "unstorable", "The request holds a value that cannot be stored"))
            return connection
        for entry in group:
            connection = await self._commit(connection, [entry])
        return connection

    async def _find_out(self, group: Sequence[_Entry]) -> None:
        """After a broken commit: accepted if the row is there, unknown (503 with its address) if not."""
        left = list(group)
        for _ in range(LOOK_UP_TRIES):
            with suppress(psycopg.Error):
                async with await self._connect() as connection:
                    left = [entry for entry in left if not await _is_there(connection, entry)]
                break
            await asyncio.sleep(LOOK_UP_PAUSE_S)
        for entry in left:
            words = "It is not known yet whether the command was accepted; its address in Location will tell"
            _fail([entry], unavailable(words, entry.command.id))


def _has_news(connection: AsyncConnection) -> bool:
    """Whether the server said something unasked: as a rule that it has gone. Found out before anything is sent,
    it leaves nobody's command unknown.
    """
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def _is_there(connection: AsyncConnection, entry: _Entry) -> bool:
    cursor = await connection.execute(SQL_LOOK_UP, {"id": entry.command.id})
    found = await cursor.fetchone() is not None
    if found:
        _answer(entry, Accepted(entry.command.id, fresh=True))
    return found


def _answer(entry: _Entry, accepted: Accepted) -> None:
    if not entry.done.done():
        entry.done.set_result(accepted)


def _fail(group: Sequence[_Entry], problem: Problem) -> None:
    for entry in group:
        if not entry.done.done():
            entry.done.set_exception(problem)
