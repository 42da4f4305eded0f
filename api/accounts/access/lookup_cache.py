"""A bounded memory of look-ups, each asked of PostgreSQL once in a while; who asks the same at once shares one."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

from psycopg import AsyncConnection

from core.store.connections.pool import Pool

T = TypeVar("T")

FRESH_S = 2.0
REMEMBERED_MAX = 20_000
"""Answers, absent ones too, so that a flood of made-up credentials pushes out its own kind first by age."""


class LookupCache(Generic[T]):
    """Answers are at most `FRESH_S` old."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._answers: OrderedDict[Hashable, tuple[float, asyncio.Future[T]]] = OrderedDict()

    def forget(self) -> None:
        self._answers.clear()

    async def ask(self, key: Hashable, asking: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
        now = asyncio.get_running_loop().time()
        known = self._answers.get(key)
        if known is not None and now - known[0] < FRESH_S:
            return known[1].result() if known[1].done() else await asyncio.shield(known[1])
        looking = asyncio.ensure_future(self._look_up(key, asking))
        looking.add_done_callback(_seen)
        self._answers[key] = (now, looking)
        self._answers.move_to_end(key)
        while len(self._answers) > REMEMBERED_MAX:
            self._answers.popitem(last=False)
        return await asyncio.shield(looking)  # a caller that hangs up must not fail the others

    async def _look_up(self, key: Hashable, asking: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
        try:
            async with self._pool.connection() as connection:
                return await asking(connection)
        except BaseException:
            self._answers.pop(key, None)  # an outage is not an answer
            raise


def _seen(looking: asyncio.Future[Any]) -> None:
    """Its error is its callers' to report; if all of them hung up, nobody's."""
    if not looking.cancelled():
        looking.exception()
