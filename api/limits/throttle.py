"""How often something may be tried, counted in Redis for all API processes together.

While Redis is away each process counts for itself: signing in goes on, and nobody may guess more
often than processes times the limit.
"""

from __future__ import annotations

import asyncio
import time

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from msgspec import Struct
from redis.exceptions import RedisError

from api.http.errors import Problem
from api.limits.redis_counters import counting
from core.wakeup.bells import NO_PREFIX, Keys
from core.wire.errors import in_seconds

log = structlog.get_logger()

REDIS_TIMEOUT_S = 0.5
AWAY_S = 5.0
"""So long Redis is left alone after it failed."""


class Limit(Struct, frozen=True):
    """`amount` tries in `window_s` seconds, under a name of its own."""

    name: str
    amount: int
    window_s: int

    @property
    def item(self) -> RateLimitItemPerSecond:
        return RateLimitItemPerSecond(self.amount, self.window_s, namespace=self.name)


class Throttle:
    def __init__(self, redis_url: str, keys: Keys = NO_PREFIX) -> None:
        self._pool, storage = counting(redis_url, keys.counters("throttle"), REDIS_TIMEOUT_S)
        self._shared = FixedWindowRateLimiter(storage)
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._away_until = 0.0

    async def close(self) -> None:
        await self._pool.aclose()

    async def allows(self, limit: Limit, *who: str) -> bool:
        """Whether there is a try left; counts nothing."""
        return await self._ask("test", limit, who)

    async def count(self, limit: Limit, *who: str) -> bool:
        """Count a try; False if it is one too many."""
        return await self._ask("hit", limit, who)

    async def check(self, limit: Limit, *who: str) -> None:
        """Raise Problem 429 with `Retry-After` if no try is left; counts nothing."""
        if not await self.allows(limit, *who):
            raise await self.refusal(limit, *who)

    async def spend(self, limit: Limit, *who: str) -> None:
        """Count a try. Raises Problem 429 with `Retry-After` if it is one too many."""
        if not await self.count(limit, *who):
            raise await self.refusal(limit, *who)

    async def refusal(self, limit: Limit, *who: str) -> Problem:
        limiter = self._own if self._is_away() else self._shared
        try:
            reset = (await limiter.get_window_stats(limit.item, *who)).reset_time
        except (RedisError, OSError):
            reset = time.time() + limit.window_s
        wait_s = min(max(1, round(reset - time.time())), limit.window_s)
        message = f"Too many attempts. Try again {in_seconds(wait_s)}"
        return Problem(429, "too_many_requests", message, headers={"Retry-After": str(wait_s)})

    async def _ask(self, question: str, limit: Limit, who: tuple[str, ...]) -> bool:
        if not self._is_away():
            try:
                return bool(await getattr(self._shared, question)(limit.item, *who))
            except (RedisError, OSError) as problem:
                self._away_until = asyncio.get_running_loop().time() + AWAY_S
                log.warning("sign-in limits are counted in this process", problem=repr(problem))
        return bool(await getattr(self._own, question)(limit.item, *who))

    def _is_away(self) -> bool:
        return asyncio.get_running_loop().time() < self._away_until
