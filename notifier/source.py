"""The source: follows the feed in PostgreSQL and gives its news to the hub.

Redis only hints when to look (`core.wakeup.feed_hints`). Without it, or when it is silent, the source looks twice
a second. When PostgreSQL is away it connects again and goes on from where it was.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import psycopg
import structlog

from core.store.connections.database import AsyncConnection
from core.store.feed import FeedEvent, Page, Position, begin_epoch_after, read_event, read_page, settle_epoch
from core.store.pulse import notifier_heard
from core.tracing import spans
from notifier import messages
from notifier.feed_reader import connect, render, wanted
from notifier.hub import Hub
from notifier.limits import Limits
from notifier.socket_traces import traced

log = structlog.get_logger()

RETRY_MIN_S = 0.1
RETRY_MAX_S = 2.0


class Source:
    """One task that reads for all subscribers. `hint` is set when there may be news."""

    def __init__(self, database_url: str, hub: Hub, limits: Limits) -> None:
        self.hint = asyncio.Event()
        self._url = database_url
        self._hub = hub
        self._limits = limits
        self._last: FeedEvent | None = None
        """The event at the hub's `delivered`, if it was read: no other may take its place."""

    async def run(self) -> None:
        """Until cancelled."""
        pause_s = RETRY_MIN_S
        while True:
            try:
                async with await connect(self._url) as connection:
                    log.info("feed opened", **self._where())
                    pause_s = RETRY_MIN_S
                    await settle_epoch(connection, Position(self._hub.epoch, self._hub.delivered), self._last)
                    await self._follow(connection)
            except (psycopg.Error, LookupError, OSError) as problem:
                log.warning("the feed cannot be read, trying again", problem=repr(problem), pause_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, RETRY_MAX_S)

    def _where(self) -> dict[str, str]:
        """The position for the log; nothing until the feed was read for the first time."""
        return {"position": str(self._hub.head)} if self._hub.epoch else {}

    async def _follow(self, connection: AsyncConnection) -> None:
        while True:
            self.hint.clear()
            if await self.read_on(connection):
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.poll_s):
                    await self.hint.wait()

    async def read_on(self, connection: AsyncConnection) -> bool:
        """Read one page, deliver it; True if there may be more."""
        after, began_ns = self._hub.delivered, time.time_ns()
        async with connection.transaction():
            page = await read_page(connection, after, self._limits.page_events)
            if page.head.epoch != self._hub.epoch or not page.follows(after):
                return await self._lost(connection, page.head)
            told = wanted(page.events, self._hub.wants)
            number = page.events[-1].number if page.events else after
            self._hub.announce(number)  # with no await since `wants`
            rendered = await render(connection, page.head.epoch, told)
        if spans.is_on():
            rendered = [traced(message, began_ns) for message in rendered]
        self._hub.deliver(rendered, number)
        self._last = page.events[-1] if page.events else self._last
        await self._hear_canary(connection, page)
        return number < page.head.number

    async def _lost(self, connection: AsyncConnection, head: Position) -> bool:
        """The feed does not continue from our position."""
        if head.epoch == self._hub.epoch and head.number < self._hub.delivered:
            await begin_epoch_after(connection, head.epoch)  # restored while we were connected: numbers will come twice
            return True
        self._last = await read_event(connection, head.number)
        self._begin_anew(head)
        return True

    def _begin_anew(self, head: Position) -> None:
        """At the start, after a restore or reset, or after a break longer than history is kept."""
        if was := self._where():
            log.info("feed begins anew", position=str(head), was=was["position"])
        else:
            log.info("feed begins", position=str(head))
        self._hub.reset(head.epoch, head.number, messages.reload(head))

    async def _hear_canary(self, connection: AsyncConnection, page: Page) -> None:
        """Note for `/readyz` that a canary has come through inbox, lane, relay and notifier."""
        if any(event.type == "canary" for event in page.events):
            await notifier_heard(connection)
