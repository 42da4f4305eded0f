"""Who serves a group's bells just now, on whatever machine; the longest serving first.

More servers than a load needs cost it processor time: each makes visits of its own, with fewer commands,
and two of them on two cores, beside PostgreSQL and the API, decided a tenth fewer bookings than one.
"""

from __future__ import annotations

import time
from contextlib import suppress
from uuid import uuid4

import redis

from core.wakeup import bells


class Roster:
    """One server's place among the others."""

    def __init__(self, client: redis.Redis, group: str, keys: bells.Keys = bells.NO_PREFIX) -> None:
        self._client = client
        self._key = keys.roster(group)
        self._name = f"{time.time_ns():020d} {uuid4().hex}"
        """In the order of beginning; clocks of two machines that differ only say who counts as the first."""

    def older_servers(self) -> int:
        """How many serve that began before this one. Call once a second: who is silent for longer than
        `bells.LISTENING_MS` has gone, or is stopped. Raises redis.RedisError while Redis is away.
        """
        return int(self._client.eval(bells.ROSTER_SCRIPT, 1, self._key, self._name, str(bells.LISTENING_MS)))

    def leave(self) -> None:
        with suppress(redis.RedisError):
            self._client.zrem(self._key, self._name)
