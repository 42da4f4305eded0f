"""How many writes anonymous callers and agent keys may send: fixed windows, counted in Redis for all API processes.

Windows begin with the clock's minutes, so that one count in Redis gives all that the headers say. While Redis is
away an agent key is let through uncounted, as it can be named and revoked; anonymous callers get a 503, as nothing
else bounds what they may do.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Any
from uuid import UUID

import structlog
from falcon.asgi import Request, Response
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from msgspec import Struct
from redis.exceptions import RedisError

from api.http.errors import Problem, unavailable
from api.http.request_context import SAFE_METHODS
from api.limits.throttle import RedisCounters, caller
from api.route_rules import LIMITED
from core.identity.credentials.agent_keys import AgentKey
from core.identity.principals import Principal, PrincipalKind
from core.wakeup.keys import Keys
from core.wire.errors import in_seconds

log = structlog.get_logger()

WINDOW_S = 60
KEPT_AFTER_S = WINDOW_S
"""A count outlives its window, whatever the difference between two machines' clocks."""
WINDOWS_AHEAD_MAX = 60
"""How many minutes ahead the rows of a bulk may be counted."""
REDIS_TIMEOUT_S = 1.0
AWAY_S = 2.0
REFUSED_MAX = 30
REFUSED_WINDOW_S = 300
"""Refused bookings for people whom an anonymous caller may not book for, from one address in one window. A refusal
by phone number shows that the number is known; more of them would be a search."""
SHUT_MAX = 10_000
"""Addresses that a process remembers as shut out."""
FOLLOWED_MAX = 20_000
"""Anonymous callers' undecided commands that a process remembers. Beyond that the oldest is forgotten."""
FORBIDDEN = 403


class Window(Struct, frozen=True):
    """Where one caller stands in the present minute."""

    quota: int
    used: int
    resets_in_s: int

    @property
    def is_over(self) -> bool:
        return self.used > self.quota

    @property
    def headers(self) -> dict[str, str]:
        """`RateLimit` fields as in draft-ietf-httpapi-ratelimit-headers-10."""
        return {
            "RateLimit-Policy": f'"writes";q={self.quota};w={WINDOW_S}',
            "RateLimit": f'"writes";r={max(0, self.quota - self.used)};t={self.resets_in_s}',
        }


class WriteLimits:
    """Falcon middleware; goes after the gate, so that only requests that are let in are counted."""

    def __init__(self, redis_url: str, keys: Keys, anonymous_per_minute: int) -> None:
        self._counters = RedisCounters(redis_url, keys.counters("limit"), timeout_s=REDIS_TIMEOUT_S, away_s=AWAY_S)
        self._anonymous = RateLimitItemPerMinute(anonymous_per_minute, namespace="anonymous")
        self._refusals = RateLimitItemPerSecond(REFUSED_MAX, REFUSED_WINDOW_S, namespace="refused")
        self._shut_until: dict[str, float] = {}
        self._followed: OrderedDict[bytes, str] = OrderedDict()
        """Addresses of anonymous callers, by the ids of their undecided commands."""
        self._counting: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await self._counters.close()

    async def process_resource(self, req: Request, resp: Response, _resource: object, _params: dict[str, Any]) -> None:
        """Raise Problem 429 over the limit; for anonymous callers 503 while Redis is away."""
        if req.method in SAFE_METHODS or req.context.rule not in LIMITED:
            return
        principal: Principal = req.context.principal
        key: AgentKey | None = req.context.agent_key
        if key is not None:
            window = await self._count(RateLimitItemPerMinute(key.writes_per_minute, namespace="agent"), str(key.id))
        elif principal.kind is PrincipalKind.ANONYMOUS:
            self._check_refusals(caller(req))
            window = await self._count(self._anonymous, caller(req))
            if window is None:
                raise unavailable("Anonymous bookings are not possible for a moment; try again soon")
        else:
            return
        if window is not None:
            _write_headers(resp, window)

    def follow(self, command_id: UUID, address: str) -> None:
        """An anonymous caller at this address is about to send this command."""
        self._followed[command_id.bytes] = address
        if len(self._followed) > FOLLOWED_MAX:
            self._followed.popitem(last=False)

    def decided(self, command_id: bytes, status: int) -> None:
        """Count an anonymous command that was refused with 403, once, however its sender learns of it."""
        address = self._followed.pop(command_id, None)
        if address is not None and status == FORBIDDEN:
            counting = asyncio.create_task(self._count_refusal(address), name="a refusal")
            self._counting.add(counting)
            counting.add_done_callback(self._counting.discard)

    async def _count_refusal(self, address: str) -> None:
        window = await self._count(self._refusals, address, REFUSED_WINDOW_S)
        if window is not None and window.used >= REFUSED_MAX:
            self._shut(address, window.resets_in_s)

    def _shut(self, address: str, for_s: int) -> None:
        now = time.time()
        if len(self._shut_until) >= SHUT_MAX:
            self._shut_until = {who: until for who, until in self._shut_until.items() if until > now}
        if len(self._shut_until) < SHUT_MAX:
            self._shut_until[address] = now + for_s

    def _check_refusals(self, address: str) -> None:
        """Raise Problem 429 if this process has seen too many. From memory, so that no write waits for a second count."""
        wait_s = round(self._shut_until.get(address, 0.0) - time.time())
        if wait_s > 0:
            words = f"Too many bookings for people whom you may not book for. Try again {in_seconds(wait_s)}"
            raise Problem(429, "too_many_requests", words, headers={"Retry-After": str(wait_s)})

    async def count_rows(self, key: AgentKey, rows: int) -> None:
        """Count a bulk's rows, beside its request, against a key's writes. Raises Problem 429.

        Rows beyond this minute's rest are taken from the following minutes, so that a bulk may be larger than what
        a minute allows; but a key with nothing left is refused.
        """
        item, who = RateLimitItemPerMinute(key.writes_per_minute, namespace="agent"), str(key.id)
        window = await self._count(item, who, amount=rows - 1)
        if window is None:
            return
        if window.used - (rows - 1) > window.quota:
            await self._count(item, who, amount=1 - rows)
            raise _too_many(window)
        left = window.used - window.quota
        for ahead in range(1, WINDOWS_AHEAD_MAX + 1):
            if left <= 0:
                break
            await self._count(item, who, amount=min(left, item.amount), ahead=ahead)
            left -= item.amount

    async def _count(
        self, item: RateLimitItem, who: str, window_s: int = WINDOW_S, *, amount: int = 1, ahead: int = 0
    ) -> Window | None:
        """Count one or more, in this window or a later one; None while Redis is away."""
        if self._counters.is_away:
            return None
        number, into_s = divmod(time.time(), window_s)
        try:
            kept_s = window_s * (1 + ahead) + KEPT_AFTER_S
            used = await self._counters.storage.incr(item.key_for(who, int(number) + ahead), kept_s, amount)
        except (RedisError, OSError) as problem:
            self._counters.failed()
            log.warning("writes cannot be counted", problem=repr(problem))
            return None
        return Window(item.amount, int(used), max(1, round(window_s - into_s)))


def _write_headers(resp: Response, window: Window) -> None:
    for name, value in window.headers.items():
        resp.set_header(name, value)
    if window.is_over:
        raise _too_many(window)


def _too_many(window: Window) -> Problem:
    words = f"Too many requests: {window.quota} a minute are allowed. Try again {in_seconds(window.resets_in_s)}"
    return Problem(429, "too_many_requests", words, headers={"Retry-After": str(window.resets_in_s)})
