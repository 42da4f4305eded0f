"""Brings a subscriber from a position of its own to the live feed, without gap or duplicate."""

from __future__ import annotations

import asyncio

from core.store.connections.pool import Pool
from core.store.feed import NOWHERE, Position, read_page
from notifier import messages
from notifier.feed_reader import about, render, wanted
from notifier.hub import Hub
from notifier.limits import Limits
from notifier.subscriber import Subscriber


class HistoryGoneError(Exception):
    """The events after this position are not kept any more, or never existed."""


class CatchUp:
    """Replays from the table until the hub takes over."""

    def __init__(self, hub: Hub, pool: Pool, limits: Limits) -> None:
        self._hub = hub
        self._pool = pool
        self._limits = limits

    async def catch_up(self, subscriber: Subscriber, position: Position | None, drained: asyncio.Event) -> None:
        """Make it live, with a `reload` if it cannot go on from `position` (None: not one of ours).

        `drained` is set while its queue is empty: history is read at the client's pace.
        """
        self._hub.leave(subscriber)
        try:
            await self._replay(subscriber, position or NOWHERE, drained)
        except HistoryGoneError:
            self._hub.leave(subscriber)
            subscriber.put(messages.reload(self._hub.head))
            self._hub.join(subscriber, self._hub.announced)

    async def _replay(self, subscriber: Subscriber, position: Position, drained: asyncio.Event) -> None:
        await self._check(position)
        epoch, number = position.epoch, position.number
        while self._hub.announced - number > self._limits.page_events:
            number = await self._page(subscriber, epoch, number, self._limits.page_events)
            await drained.wait()
        self._check_epoch(epoch)
        target = self._hub.join(subscriber, number)
        if target is None:
            return
        while number < target:
            number = await self._page(subscriber, epoch, number, min(target - number, self._limits.page_events))
        self._hub.release(subscriber)

    async def _check(self, position: Position) -> None:
        self._check_epoch(position.epoch)
        if self._hub.announced - position.number > self._limits.replay_events:
            raise HistoryGoneError
        if position.number > self._hub.announced:  # of a snapshot newer than what the hub has read, or invented
            async with self._pool.connection() as connection, connection.transaction():
                page = await read_page(connection, position.number, 1)
            self._check_epoch(page.head.epoch)
            if page.head.number < position.number:
                raise HistoryGoneError

    async def _page(self, subscriber: Subscriber, epoch: str, number: int, limit: int) -> int:
        """Put the next `limit` events into its queue. Returns the number of the last one."""
        async with self._pool.connection() as connection, connection.transaction():
            page = await read_page(connection, number, limit)
            if page.head.epoch != epoch or not page.events or not page.follows(number):
                raise HistoryGoneError
            told = wanted(page.events, subscriber.audiences.__contains__)
            told = [(event, news) for event, news in told if subscriber.wants(about(event, news))]
            rendered = await render(connection, epoch, told)
        self._check_epoch(epoch)
        for message in rendered:
            if message.left_out not in subscriber.audiences:
                subscriber.put(message.payload)
        return page.events[-1].number

    def _check_epoch(self, epoch: str) -> None:
        if epoch != self._hub.epoch:
            raise HistoryGoneError
