"""Accepting commands: written to PostgreSQL in groups, isolated from each other; then their lanes are woken.

Requests that arrive while a group is being committed form the next group, so one fsync serves
many clients. A command that PostgreSQL refuses for its data fails alone. When the connection
breaks during a commit its outcome is unknown: each command is looked up by its id.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import psycopg
import structlog
from msgspec.structs import replace

from api.commands.inbox_entry import Accepted, InboxEntry, fail_all, still_wanted
from api.http.database_errors import Meaning, after_broken_commit, meaning_of
from api.http.errors import key_contended, key_reused, unavailable, unstorable
from core.ended_tasks import end
from core.store.connections.bounded import BoundedConnection, InDoubt, bounded
from core.store.connections.database import API_LIMITS, connect_as
from core.store.connections.round_trip import AsyncRoundTrip
from core.store.inbox.acceptance import (
    IdempotencyKey,
    NewCommand,
    accept_parameters,
    accept_statement,
    is_accepted,
    key_owners,
    release_key,
)

log = structlog.get_logger()

GROUP_MAX = 256
GROUP_ENOUGH = 16
"""A group of this many is written at once: enough share its cost."""
CONNECTIONS = 2
WRITERS_MAX = 4
"""Groups written at once while commits hang."""
SLOW_AFTER_S = 0.5
ACCEPT_WITHIN_S = 5.0
"""For clients that do not wait for the outcome. Others get an answer within their wait (`api.commands.commands`)."""
WAITING_MAX = 20_000
"""Commands in memory that are not on disk yet; beyond it the API says 503 instead of growing."""

WakeLanes = Callable[[Iterable[int]], Awaitable[None]]


class InboxWriter:
    def __init__(self, database_url: str, wake_lanes: WakeLanes, in_doubt: InDoubt | None = None) -> None:
        self._url = database_url
        self._in_doubt = InDoubt() if in_doubt is None else in_doubt
        self._connection_class = bounded(self._in_doubt)
        self._wake_lanes = wake_lanes
        self._waiting: list[InboxEntry] = []
        self._has_waiting = asyncio.Event()
        self._writers: set[asyncio.Task[None]] = set()
        self._slow: set[object] = set()
        """Groups whose commit takes longer than `SLOW_AFTER_S`."""
        self._connections: list[BoundedConnection] = []

    async def open(self) -> None:
        for _ in range(CONNECTIONS):
            self._add_writer(self._write_for_ever())

    async def close(self) -> None:
        await end(*self._writers)
        for connection in self._connections:
            await connection.close()

    async def accept(
        self, command: NewCommand, key: IdempotencyKey | None, within_s: float = ACCEPT_WITHIN_S
    ) -> Accepted:
        """Put a command on disk.

        Raises Problem: 422 the key was used with another body; 503 the database is down, or has not confirmed the
        command in time: then with the command's address.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise unavailable("Too many commands wait to be written; try again in a moment")
        loop = asyncio.get_running_loop()
        entry = InboxEntry(command, key, loop.create_future())
        self._waiting.append(entry)
        self._has_waiting.set()
        if self._slow:
            self._add_writer_if_slow()
        timer = loop.call_later(within_s, entry.give_up)
        try:
            return await entry.done
        finally:
            timer.cancel()

    def _add_writer(self, writing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(writing, name="inbox")
        self._writers.add(task)
        task.add_done_callback(self._writers.discard)

    def _add_writer_if_slow(self) -> None:
        """Add a writer where a commit hangs, so that it does not hold up the groups behind it."""
        if self._waiting and len(self._slow) >= len(self._writers) and len(self._writers) < WRITERS_MAX:
            self._add_writer(self._write_waiting())

    def _note_slow(self, slow: object) -> None:
        self._slow.add(slow)
        self._add_writer_if_slow()

    async def _write_for_ever(self) -> None:
        connection: BoundedConnection | None = None
        while True:
            await self._has_waiting.wait()
            await self._gather()
            connection = await self._write_group(connection)

    async def _write_waiting(self) -> None:
        connection: BoundedConnection | None = None
        while self._waiting:
            connection = await self._write_group(connection)
        if connection is not None:
            await connection.close()

    async def _write_group(self, connection: BoundedConnection | None) -> BoundedConnection | None:
        group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
        if not self._waiting:
            self._has_waiting.clear()
        if not (group := still_wanted(group)):
            return connection
        marker = object()
        timer = asyncio.get_running_loop().call_later(SLOW_AFTER_S, self._note_slow, marker)
        try:
            return await self._commit(connection, group)
        finally:
            timer.cancel()
            self._slow.discard(marker)

    async def _gather(self) -> None:
        """Requests that are read in the same turns of the event loop join one group. No clock is waited for."""
        joined = 0
        while joined < len(self._waiting) < GROUP_ENOUGH:
            joined = len(self._waiting)
            await asyncio.sleep(0)

    async def _commit(
        self, connection: BoundedConnection | None, group: Sequence[InboxEntry]
    ) -> BoundedConnection | None:
        """Write a group and answer all of it; the connection to use next time."""
        try:
            if connection is not None and _has_news(connection):
                await connection.close()
            if connection is None or connection.closed:
                connection = await self._connect()
        except psycopg.Error as problem:
            log.warning("inbox cannot connect", problem=repr(problem))
            fail_all(group, unavailable("The database is not available right now; nothing was accepted"))
            return None
        if not (group := still_wanted(group)):
            return connection
        if self._in_doubt.is_full:
            fail_all(group, unavailable("The database does not confirm writes right now; nothing was accepted"))
            return connection
        for entry in group:
            entry.is_sent = True
        try:
            await self._write_prepared(connection, group)
        except Exception as problem:  # noqa: BLE001 - even a bug must not end the task that writes for all
            return await self._not_written(connection, group, problem)
        return connection

    async def _write_prepared(self, connection: BoundedConnection, group: Sequence[InboxEntry]) -> None:
        """A session that has lost its prepared statements has written nothing: prepare them again, once."""
        try:
            await self._write(connection, group)
        except psycopg.Error as problem:
            if meaning_of(problem) is not Meaning.UNPREPARED:
                raise
            log.info("inbox prepares its statements again", problem=repr(problem))
            await self._write(connection, group)

    async def _not_written(
        self, connection: BoundedConnection, group: Sequence[InboxEntry], problem: Exception
    ) -> BoundedConnection | None:
        """Answer all of a group that failed; the connection to use next time."""
        match meaning_of(problem):
            case Meaning.OWN_DATA | Meaning.ALREADY_THERE as meaning if len(group) > 1 or meaning is Meaning.OWN_DATA:
                return await self._isolate(connection, group, problem)
            case Meaning.BUSY if _may_be_one_key(group, problem):
                return await self._commit_keys_apart(connection, group, problem)
            case Meaning.BUSY:
                log.warning("inbox waited too long", problem=repr(problem), commands=len(group))
                fail_all(group, unavailable("The database is too busy right now; nothing was accepted"))
                return connection
            case Meaning.NOT_FITTING | Meaning.UNPREPARED:
                log.error("inbox cannot write", problem=repr(problem), commands=len(group))
                fail_all(group, unavailable("The database cannot take commands right now; nothing was accepted"))
            case _:
                log.warning("inbox write has an unknown outcome", problem=repr(problem), commands=len(group))
                asyncio.create_task(self._look_up_group(group)).add_done_callback(lambda _: None)
        with suppress(psycopg.Error):
            await connection.close()
        return None

    async def _connect(self) -> BoundedConnection:
        connection = await connect_as(self._connection_class, self._url, API_LIMITS, "holdfast inbox")
        connection.prepare_threshold = None  # as for a lane's (`connect_lane`)
        self._connections = [*(one for one in self._connections if not one.closed), connection]
        return connection

    async def _write(self, connection: BoundedConnection, group: Sequence[InboxEntry]) -> None:
        parameters = accept_parameters([(entry.command, entry.key) for entry in group])
        with connection.changing():
            async with AsyncRoundTrip(connection) as trip:
                accepted = trip.execute(accept_statement(entry.command for entry in group), parameters)
        rows = accepted.fetchall()
        written = {row[0] for row in rows}
        losers = [entry for entry in group if entry.command.id not in written]
        for entry in group:
            if entry.command.id in written:
                entry.answer(Accepted(entry.command.id, fresh=True))
        await self._wake_lanes({row[1] for row in rows})
        losers = [
            entry for entry in losers if not (entry.command.has_chosen_id and await self._settle(connection, entry))
        ]
        if losers:
            await self._follow_winners(connection, losers)

    async def _follow_winners(self, connection: BoundedConnection, losers: Sequence[InboxEntry]) -> None:
        """If the first command is gone there is nothing to follow: its key is released, and taken in the next group."""
        owners = await key_owners(connection, [entry.key for entry in losers if entry.key])
        for entry in losers:
            key = entry.key
            owner = owners.get((key.scope, key.key)) if key else None
            if key is None or owner is None:
                entry.fail(key_contended())
                continue
            if not owner.exists:
                await release_key(connection, key, owner.command_id)
                self._put_back(entry)
            elif owner.body_hash != key.body_hash:
                entry.fail(key_reused())
            else:
                entry.answer(Accepted(owner.command_id, fresh=False))

    async def _isolate(
        self, connection: BoundedConnection | None, group: Sequence[InboxEntry], problem: Exception
    ) -> BoundedConnection | None:
        """PostgreSQL refused the group for the data of one: write them one by one."""
        if len(group) == 1:
            ids = {"request_id": group[0].command.request_id, "command_id": str(group[0].command.id)}
            log.warning("inbox refused a command", problem=repr(problem), **ids)
            fail_all(group, unstorable())
            return connection
        for entry in group:
            connection = await self._commit(connection, [entry])
        return connection

    async def _commit_keys_apart(
        self, connection: BoundedConnection | None, group: Sequence[InboxEntry], problem: Exception
    ) -> BoundedConnection | None:
        """Nothing was written, perhaps for one key that another transaction has taken and not committed: only the
        request with that key may wait for it, so those without a key go on together, and the others one by one.
        """
        log.info("inbox writes keys one by one", problem=repr(problem), commands=len(group))
        for entry in group:
            entry.is_sent = False
        without = [entry for entry in group if entry.key is None]
        for part in [without, *([entry] for entry in group if entry.key is not None)]:
            if left := still_wanted(part):
                connection = await self._commit(connection, left)
        return connection

    async def _settle(self, connection: BoundedConnection, entry: InboxEntry) -> bool:
        """Whether the entry is taken care of, because a command with its id exists.

        It is this command, from an earlier request, or another caller's, which must not be followed: this one then
        gets an id of our own.
        """
        is_ours = await is_accepted(connection, entry.command)
        if is_ours is None:
            return False
        if is_ours:
            entry.answer(Accepted(entry.command.id, fresh=True))
        else:
            entry.command, entry.is_sent = replace(entry.command, id=uuid4(), has_chosen_id=False), False
            self._put_back(entry)
        return True

    def _put_back(self, entry: InboxEntry) -> None:
        self._waiting.append(entry)
        self._has_waiting.set()

    async def _look_up_group(self, group: Sequence[InboxEntry]) -> None:
        """After a broken commit: accepted if the row is there, unknown (503 with its address) if not."""
        wanted = still_wanted(group)

        async def look_up() -> list[InboxEntry]:
            async with await self._connect() as connection:
                return [entry for entry in wanted if not await self._settle(connection, entry)]

        left = await after_broken_commit(look_up)
        for entry in wanted if left is None else left:
            entry.fail(entry.unknown())


def _has_news(connection: BoundedConnection) -> bool:
    """Whether the server sent something unasked, as a rule that it is going. Noticed before anything is sent, it
    leaves no command's outcome unknown.
    """
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _may_be_one_key(group: Sequence[InboxEntry], problem: Exception) -> bool:
    """Whether it failed waiting for a lock that perhaps only some of these need."""
    is_lock = isinstance(problem, psycopg.errors.LockNotAvailable)
    return is_lock and len(group) > 1 and any(entry.key for entry in group)
