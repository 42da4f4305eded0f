"""Waiting for events: one reader of the feed for all requests of a process that wait.

The relay's hint in Redis wakes the reader; without Redis it looks once a second. It reads each event once and gives it
to everybody who waits for it. While nobody waits it reads nothing, and ends after a while.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from itertools import chain

import psycopg
import structlog

from api.events.told_events import Told, chosen, gone, messages_of
from api.http.errors import Problem, bad_credential, unavailable
from core.ended_tasks import end
from core.identity.credentials.lookup import Credential, still_hold
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.store.feed import FeedEvent, Page, Position, read_head, read_snapshot
from core.store.feed_filter import FeedFilter
from core.wakeup.feed_hints import FeedHints
from core.wakeup.keys import Keys

log = structlog.get_logger()

WAITING_MAX = 1_000
"""Requests that wait for events in a process."""
WAITING_PER_CALLER_MAX = 20
"""The same of one person."""
EVENTS_AT_ONCE = 500
LOOK_S = 1.0
"""Between two looks when Redis says nothing."""
CREDENTIALS_S = 2.0
"""Between two looks whether the logins of those who wait still hold, when no event makes it look."""
STAY_S = 10.0
"""How long the reader stays after the last one who waited: most come back at once."""
RETRY_AFTER_S = 1


class Wait:
    """One request that waits. `position` moves on over what is not for it."""

    __slots__ = ("caller", "end", "limit", "position", "wanted")

    def __init__(self, position: Position, wanted: FeedFilter, limit: int, caller: Credential) -> None:
        self.position = position
        self.wanted = wanted
        self.limit = limit
        self.caller = caller
        self.end: asyncio.Future[Told | Problem] = asyncio.get_running_loop().create_future()

    def finish(self, with_: Told | Problem) -> None:
        if not self.end.done():
            self.end.set_result(with_)

    def goes_on_with(self, page: Page) -> bool:
        """Whether it waits for events of this history."""
        return self.position.epoch == page.head.epoch and self.position.number <= page.head.number

    def events_of(self, page: Page) -> list[FeedEvent]:
        """Those that are to be told to it."""
        if self.end.done():
            return []
        return chosen((event for event in page.events if event.number > self.position.number), self.wanted)[
            : self.limit
        ]

    def tell(self, events: Sequence[FeedEvent], messages: Mapping[int, bytes], read_to: int) -> None:
        """End with these events, or move on to where the feed was read."""
        number = events[-1].number if len(events) == self.limit else max(read_to, self.position.number)
        self.position = Position(self.position.epoch, number)
        if found := [messages[event.number] for event in events if event.number in messages]:
            self.finish(Told(found, self.position))


class EventFollower:
    """All requests of this process that wait for events."""

    def __init__(self, pool: Pool, redis_url: str, keys: Keys) -> None:
        self._pool = pool
        self._redis_url = redis_url
        self._keys = keys
        self._hint = asyncio.Event()
        self._waiting: dict[Wait, None] = {}
        self._of_caller: Counter[int | None] = Counter()
        self._reading: asyncio.Task[None] | None = None
        self._seen = 0
        """The last event that was read."""
        self._credentials_due = 0.0
        self._is_ending = False

    async def wait(self, wait: Wait, wait_s: float) -> Told:
        """What comes after the position as soon as there is something, nothing when the time is over.

        Raises Problem 429 if too many wait, 410 if the feed does not go on from there, 401 if the caller's login ends,
        503 if the database is away.
        """
        self._join(wait)
        try:
            async with asyncio.timeout(wait_s):
                ended = await wait.end
        except TimeoutError:
            return Told((), wait.position)
        finally:
            self._leave(wait)
        if isinstance(ended, Problem):
            raise ended
        return ended

    def end_waits(self) -> None:
        """The process was asked to stop: requests that wait, now or from now on, are answered with what is known."""
        self._is_ending = True
        for wait in self._waiting:
            wait.finish(Told((), wait.position))

    async def close(self) -> None:
        await end(self._reading)

    def _join(self, wait: Wait) -> None:
        caller = wait.caller.user_id
        if len(self._waiting) >= WAITING_MAX or self._of_caller[caller] >= WAITING_PER_CALLER_MAX:
            words = f"Too many requests wait for events. Try again in {RETRY_AFTER_S} second, or ask without waiting"
            raise Problem(429, "too_many_requests", words, headers={"Retry-After": str(RETRY_AFTER_S)})
        self._waiting[wait] = None
        self._of_caller[caller] += 1
        if self._is_ending:
            wait.finish(Told((), wait.position))
        elif self._reading is None:
            self._reading = asyncio.create_task(self._follow(), name="events for those who wait")
        elif wait.position.number < self._seen:
            self._hint.set()  # it was read while this request was on its way here

    def _leave(self, wait: Wait) -> None:
        caller = wait.caller.user_id
        self._waiting.pop(wait)
        self._of_caller[caller] -= 1
        if not self._of_caller[caller]:
            del self._of_caller[caller]

    async def _follow(self) -> None:
        """Until nobody has waited for a while."""
        listening = asyncio.create_task(FeedHints(self._redis_url, self._keys, self._hint).run())
        clock = asyncio.get_running_loop().time
        stays_until = clock() + STAY_S
        try:
            while self._waiting or clock() < stays_until:
                self._hint.clear()
                if self._waiting:
                    stays_until = clock() + STAY_S
                    if await self._look():
                        continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._hint.wait()
        finally:
            self._reading = None
            await end(listening)

    async def _look(self) -> bool:
        """Read on for all who wait; True if there may be more at once."""
        waits = [wait for wait in self._waiting if not wait.end.done()]
        try:
            async with self._pool.connection() as connection:
                head = await read_head(connection)
                if any(wait.position != head for wait in waits):
                    return await self._read(connection, waits)
                if self._are_credentials_due():
                    await self._end_logins(connection, waits)
        except (psycopg.Error, LookupError) as problem:
            log.warning("the feed cannot be read for those who wait", problem=repr(problem), waiting=len(waits))
            for wait in waits:
                wait.finish(unavailable("The feed cannot be read right now; try again in a moment"))
        return False

    async def _read(self, connection: AsyncConnection, waits: Collection[Wait]) -> bool:
        after = min(wait.position.number for wait in waits)
        async with connection.transaction():
            page = await read_snapshot(connection, after, EVENTS_AT_ONCE)
            for wait in waits:
                if not (page.follows(after) and wait.goes_on_with(page)):
                    wait.finish(gone(page.head))
            told = {wait: events for wait in waits if (events := wait.events_of(page))}
            messages = await messages_of(connection, set(chain(*told.values())), page.head.epoch)
            if told or self._are_credentials_due():
                await self._end_logins(connection, waits)
        self._seen = page.events[-1].number if page.events else after
        for wait in waits:
            wait.tell(told.get(wait, ()), messages, self._seen)
        return self._seen < page.head.number or any(self._is_behind(wait) for wait in self._waiting)

    def _is_behind(self, wait: Wait) -> bool:
        """It came while the page was read."""
        return not wait.end.done() and wait.position.number < self._seen

    def _are_credentials_due(self) -> bool:
        return asyncio.get_running_loop().time() >= self._credentials_due

    async def _end_logins(self, connection: AsyncConnection, waits: Collection[Wait]) -> None:
        """End the waits of callers whose login, token or role has ended meanwhile."""
        held = await still_hold(connection, {wait.caller for wait in waits})
        for wait in waits:
            if wait.caller not in held:
                wait.finish(bad_credential())
        self._credentials_due = asyncio.get_running_loop().time() + CREDENTIALS_S
