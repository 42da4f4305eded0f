"""Counting in Redis: a burst waits its turn, and nobody is told that Redis is away."""

from __future__ import annotations

import asyncio

from api.limits.throttle import CONNECTIONS_MAX, RedisCounters

BURST = 20 * CONNECTIONS_MAX


async def test_each_of_a_burst_is_counted_in_turn(redis_url: str) -> None:
    counters = RedisCounters(redis_url, "burst", timeout_s=5.0, away_s=0.0)
    try:
        counts = await asyncio.gather(*(counters.storage.incr("one", 60) for _ in range(BURST)))
        assert sorted(counts) == list(range(1, BURST + 1))
    finally:
        await counters.close()
