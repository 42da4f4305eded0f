"""Hints that the feed has news: the relay publishes each new head in Redis. A hint only says to look."""

from __future__ import annotations

import asyncio

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from core.wakeup.keys import Keys

log = structlog.get_logger()

HINT_TIMEOUT_S = 3.0
HINT_PING_S = 2.0
HINT_RETRY_S = 0.5


class FeedHints:
    """Sets `hint` whenever the relay publishes a new head."""

    def __init__(self, redis_url: str, keys: Keys, hint: asyncio.Event) -> None:
        self._channel = keys.feed_channel
        self._hint = hint
        self._is_up = True
        self._redis = redis.asyncio.Redis.from_url(
            redis_url,
            socket_timeout=HINT_TIMEOUT_S,
            socket_connect_timeout=HINT_TIMEOUT_S,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )

    async def run(self) -> None:
        """Until cancelled. Logs once when Redis goes away, and once when it is back."""
        try:
            while True:
                try:
                    await self._listen()
                except (RedisError, OSError) as problem:
                    if self._is_up:
                        log.warning("no hints from redis, looking without", problem=repr(problem))
                    self._is_up = False
                    await asyncio.sleep(HINT_RETRY_S)
        finally:
            await self._redis.aclose()

    async def _listen(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(self._channel)
            if not self._is_up:
                log.info("hints from redis again")
            self._is_up = True
            self._hint.set()  # for what was published before we listened
            while True:
                message = await subscription.get_message(timeout=HINT_PING_S)
                if message is None:
                    await subscription.ping()  # a silent connection may be a dead one
                else:
                    self._hint.set()
