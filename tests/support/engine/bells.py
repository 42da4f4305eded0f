"""Ringing lanes' bells by hand, as the API and the sweep do."""

from __future__ import annotations

import redis

from core.wakeup.keys import LANES, NO_PREFIX
from core.wakeup.waker import Waker


def waker(client: redis.Redis, called: list[str] | None = None) -> Waker:
    calls = [] if called is None else called
    return Waker(client, LANES, lambda: calls.append("called"))


def ring_all(client: redis.Redis, lanes: int = 8) -> None:
    waker(client).ring(NO_PREFIX.lane_bell(lane) for lane in range(lanes))
