"""Looks credentials up in PostgreSQL, each at most once in two seconds.

A burst of bookings from one login costs one look-up. What logout, deactivation or a role change ends works no
longer than an answer is remembered, plus the request that is under way: well inside 5 s.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

from core.identity.credentials import agent_keys, lookup
from core.identity.credentials.agent_keys import AgentKey
from core.identity.credentials.lookup import Live
from core.identity.principals import Claims, hash_token
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool

T = TypeVar("T")

FRESH_S = 2.0
REMEMBERED_MAX = 20_000
"""Answers. "Nobody" is one too; the oldest go first, so a flood of made-up credentials pushes out its own kind."""


class LookupCache(Generic[T]):
    """A bounded memory of look-ups, at most `FRESH_S` old; callers who ask the same at once share one."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._answers: OrderedDict[Hashable, tuple[float, asyncio.Future[T]]] = OrderedDict()

    def forget(self) -> None:
        self._answers.clear()

    async def ask(self, key: Hashable, asking: Callable[[AsyncConnection], Awaitable[T]]) -> T:
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

    async def _look_up(self, key: Hashable, asking: Callable[[AsyncConnection], Awaitable[T]]) -> T:
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


class LiveCredentials:
    """People's logins and tokens, and agent keys."""

    def __init__(self, pool: Pool) -> None:
        self._people: LookupCache[Live | None] = LookupCache(pool)
        self._keys: LookupCache[AgentKey | None] = LookupCache(pool)

    async def by_cookie(self, session_token: str) -> Live | None:
        return await self._people.ask(hash_token(session_token), lambda c: lookup.by_cookie(c, session_token))

    async def by_claims(self, claims: Claims) -> Live | None:
        return await self._people.ask(claims, lambda c: lookup.by_claims(c, claims))

    async def by_api_token(self, token: str) -> Live | None:
        return await self._people.ask(("token", hash_token(token)), lambda c: lookup.by_api_token(c, token))

    async def by_agent_key(self, token: str) -> AgentKey | None:
        return await self._keys.ask(hash_token(token), lambda c: agent_keys.by_token(c, token))

    def forget(self) -> None:
        """After this process ended a login or a key."""
        self._people.forget()
        self._keys.forget()
