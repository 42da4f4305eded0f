"""Who a credential belongs to and whether it still holds, asked of PostgreSQL once in two seconds.

A booking burst from one login costs one look-up, and what logout, deactivation or a role change
ends is ended within the answer's age here plus the request that carries it: well inside 5 s.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from core.access import Claims, hash_token
from core.identity import live
from core.identity.live import Live

FRESH_S = 2.0
REMEMBERED_MAX = 20_000
"""Answers, absent ones too, so that a flood of made-up cookies pushes out its own kind first by age."""

Pool = AsyncConnectionPool[AsyncConnection[Any]]
Asking = Callable[[AsyncConnection[Any]], Awaitable[Live | None]]


class LiveLogins:
    """A bounded memory of look-ups; callers that ask the same at once share one."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._answers: OrderedDict[Hashable, tuple[float, asyncio.Future[Live | None]]] = OrderedDict()

    async def by_cookie(self, session_token: str) -> Live | None:
        return await self._ask(hash_token(session_token), lambda c: live.by_cookie(c, session_token))

    async def by_claims(self, claims: Claims) -> Live | None:
        return await self._ask(claims, lambda c: live.by_claims(c, claims))

    async def by_api_token(self, token: str) -> Live | None:
        return await self._ask(("token", hash_token(token)), lambda c: live.by_api_token(c, token))

    def forget(self) -> None:
        """After this process ended a login: nothing remembered here may outlive it."""
        self._answers.clear()

    async def _ask(self, key: Hashable, asking: Asking) -> Live | None:
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

    async def _look_up(self, key: Hashable, asking: Asking) -> Live | None:
        try:
            async with self._pool.connection() as connection:
                return await asking(connection)
        except BaseException:
            self._answers.pop(key, None)  # an outage is not an answer
            raise


def _seen(looking: asyncio.Future[Live | None]) -> None:
    """Its error is its callers' to report; if all of them hung up, nobody's."""
    if not looking.cancelled():
        looking.exception()
