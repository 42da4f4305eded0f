"""How often something may be tried, counted in Redis for all API processes together.

While Redis is away each process counts for itself: signing in goes on, and the limit is at most multiplied by
the number of processes.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import ClassVar

import structlog
from falcon.asgi import Request
from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from msgspec import Struct
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLostError
from redis.exceptions import RedisError

from api.http.errors import Problem
from core.client_addresses import subscriber_of
from core.identity.account_names import number_in, username_key
from core.wakeup.keys import NO_PREFIX, Keys
from core.wire.errors import in_seconds

log = structlog.get_logger()

REDIS_TIMEOUT_S = 0.5
AWAY_S = 5.0
CONNECTIONS_MAX = 32
"""Of one process. A burst waits its turn for them, a millisecond a count: a pool that refuses instead would
answer anonymous callers as if Redis were away."""


class Limit(Struct, frozen=True):
    """`amount` tries in `window_s` seconds, under a name of its own."""

    name: str
    amount: int
    window_s: int

    @property
    def item(self) -> RateLimitItemPerSecond:
        return RateLimitItemPerSecond(self.amount, self.window_s, namespace=self.name)


class _Storage(RedisStorage):  # type: ignore[misc]  # limits ships no types
    """The library's own imports redis-py's two rivals as well, wherever they are installed."""

    DEPENDENCIES: ClassVar[list[str]] = ["redis"]


class RedisCounters:
    """Counters that all API processes share, under `prefix`. Errors: RedisError, OSError.

    A connection that was lost while it was idle is opened again: else each of them would fail once more
    after Redis is back.
    """

    def __init__(self, redis_url: str, prefix: str, *, timeout_s: float, away_s: float) -> None:
        """`away_s`: how long Redis is left alone after it failed."""
        self._pool = BlockingConnectionPool.from_url(
            redis_url,
            max_connections=CONNECTIONS_MAX,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionLostError,)),
        )
        url = f"async+{redis_url}"
        self.storage = _Storage(url, connection_pool=self._pool, implementation="redispy", key_prefix=prefix)
        self._away_s = away_s
        self._away_until = 0.0

    @property
    def is_away(self) -> bool:
        return asyncio.get_running_loop().time() < self._away_until

    def failed(self) -> None:
        self._away_until = asyncio.get_running_loop().time() + self._away_s

    async def close(self) -> None:
        await self._pool.aclose()


class Throttle:
    def __init__(self, redis_url: str, keys: Keys = NO_PREFIX) -> None:
        self._counters = RedisCounters(redis_url, keys.counters("throttle"), timeout_s=REDIS_TIMEOUT_S, away_s=AWAY_S)
        self._shared = FixedWindowRateLimiter(self._counters.storage)
        self._own = FixedWindowRateLimiter(MemoryStorage())

    async def close(self) -> None:
        await self._counters.close()

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
        limiter = self._own if self._counters.is_away else self._shared
        try:
            reset = (await limiter.get_window_stats(limit.item, *who)).reset_time
        except (RedisError, OSError):
            reset = time.time() + limit.window_s
        wait_s = min(max(1, round(reset - time.time())), limit.window_s)
        message = f"Too many attempts. Try again {in_seconds(wait_s)}"
        return Problem(429, "too_many_requests", message, headers={"Retry-After": str(wait_s)})

    async def _ask(self, question: str, limit: Limit, who: tuple[str, ...]) -> bool:
        if not self._counters.is_away:
            try:
                return bool(await getattr(self._shared, question)(limit.item, *who))
            except (RedisError, OSError) as problem:
                self._counters.failed()
                log.warning("sign-in limits are counted in this process", problem=repr(problem))
        return bool(await getattr(self._own, question)(limit.item, *who))


def caller(req: Request) -> str:
    """The client's IPv4 address, or its IPv6 network; anything else as it is."""
    return subscriber_of(req.context.address)


def normalised_name(typed: str, region: str | None) -> str:
    """What all spellings of one name share: blanks, case and compatibility forms make no difference.

    It depends on nothing but what was typed, so that a count does not show whether the name is known.
    """
    return number_in(typed, region) or username_key(typed)


def counter_key(typed: str, region: str | None) -> str:
    """`normalised_name` as counters in Redis hold it: nobody's name or address is in their keys."""
    return hashlib.sha256(normalised_name(typed, region).encode("utf-8", "replace")).hexdigest()
