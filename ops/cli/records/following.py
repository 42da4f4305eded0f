"""Follows the feed in PostgreSQL from a command line.

The relay publishes each new head in Redis, which wakes the follower; without Redis it looks once a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Protocol

import psycopg
from psycopg import IsolationLevel

from core.ended_tasks import end
from core.logs import configure
from core.settings import Settings
from core.store.connections.database import API_LIMITS, AsyncConnection, connect_async
from core.store.connections.reasons import reason_of
from core.store.feed import FeedEvent, Position, read_last, read_page
from core.wakeup.feed_hints import FeedHints

PAGE_EVENTS = 500
LOOK_S = 1.0
RETRY_MIN_S = 0.1
RETRY_MAX_S = 2.0
APPLICATION = "holdfast events"


class Shown(Protocol):
    """Who is told."""

    def event(self, position: Position, event: FeedEvent) -> None: ...

    def reload(self, position: Position) -> None: ...


class Follower:
    """Yields every event of some types once, in order, until it is stopped. `position` is how far it has come."""

    def __init__(self, settings: Settings, types: Collection[str], show: Shown, note: Callable[[str], None]) -> None:
        self.position: Position | None = None
        self._settings = settings
        self._types = types
        self._show = show
        self._note = note
        self._hint = asyncio.Event()

    async def run(self, after: Position | None, count: int, *, follow: bool) -> None:
        """Begins after a position, or with the last `count` events.

        Raises psycopg's errors for a database that cannot be read at the beginning; later it waits for it.
        """
        connection = await _connect(self._settings.database_url)
        async with connection:
            self.position = after or await self._tell_last(connection, count)
            await self._read_all(connection)
        if follow:
            await self._follow()

    async def _follow(self) -> None:
        configure("ERROR", "events")  # without Redis the follower looks by itself
        hints = FeedHints(self._settings.redis_url, self._settings.redis_keys, self._hint)
        listening = asyncio.create_task(hints.run())
        try:
            await self._follow_through_outages()
        finally:
            await end(listening)

    async def _follow_through_outages(self) -> None:
        pause_s = RETRY_MIN_S
        while True:
            try:
                async with await _connect(self._settings.database_url) as connection:
                    if pause_s > RETRY_MIN_S:
                        self._note("PostgreSQL answers again.")
                    pause_s = RETRY_MIN_S
                    await self._read_on(connection)
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as problem:
                if isinstance(problem, BrokenPipeError):
                    raise
                if pause_s == RETRY_MIN_S:
                    self._note(f"The feed cannot be read, as {reason_of(problem)}. Trying again.")
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, RETRY_MAX_S)

    async def _read_on(self, connection: AsyncConnection) -> None:
        while True:
            self._hint.clear()
            await self._read_all(connection)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._hint.wait()

    async def _tell_last(self, connection: AsyncConnection, count: int) -> Position:
        async with connection.transaction():
            page = await read_last(connection, self._types, count)
        for event in page.events:
            self._show.event(Position(page.head.epoch, event.number), event)
        return page.head

    async def _read_all(self, connection: AsyncConnection) -> None:
        while await self._read_page(connection):
            pass

    async def _read_page(self, connection: AsyncConnection) -> bool:
        """True if there may be more."""
        assert self.position is not None  # noqa: S101 - `run` sets it first
        after = self.position
        async with connection.transaction():
            page = await read_page(connection, after.number, PAGE_EVENTS)
        if page.head.epoch != after.epoch or not page.follows(after.number):
            self.position = page.head
            self._show.reload(page.head)
            return False
        for event in page.events:
            self.position = Position(page.head.epoch, event.number)
            if event.type in self._types:
                self._show.event(self.position, event)
        return self.position.number < page.head.number


async def _connect(url: str) -> AsyncConnection:
    connection = await connect_async(url, API_LIMITS, APPLICATION)
    try:
        await connection.set_isolation_level(
            IsolationLevel.REPEATABLE_READ
        )  # so that a page and its head are of one moment
    except BaseException:
        await connection.close()
        raise
    return connection
