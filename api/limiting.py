"""Rate limits for callers nobody knows, kept in Redis so that all API processes share them."""

from __future__ import annotations

import falcon.asgi
import structlog
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from api.errors import Problem, unavailable
from core.access import Principal, PrincipalKind

log = structlog.get_logger()


class AnonymousLimit:
    """So many anonymous writes a minute from one address."""

    def __init__(self, redis_url: str, per_minute: int) -> None:
        storage = RedisStorage(f"async+{redis_url}", implementation="redispy", key_prefix="hf:limit")
        self._limiter = FixedWindowRateLimiter(storage)
        self._item = RateLimitItemPerMinute(per_minute)

    async def check(self, req: falcon.asgi.Request) -> None:
        """Raise Problem 429 over the limit; 503 while Redis, which counts, is away (closed, not open)."""
        principal: Principal = req.context.principal
        if principal.kind is not PrincipalKind.ANONYMOUS:
            return
        try:
            allowed = await self._limiter.hit(self._item, "anonymous-write", req.context.address)
        except (RedisError, OSError) as problem:
            log.warning("anonymous limit cannot count", problem=repr(problem))
            raise unavailable("Anonymous bookings are not possible for a moment; try again soon") from None
        if not allowed:
            words = f"Too many requests from this address: {self._item.amount} a minute are allowed without credentials"
            raise Problem(429, "too_many_requests", words, headers={"Retry-After": "60"})
