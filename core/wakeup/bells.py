"""Bells: how work wakes up the workers. Redis may lose, repeat and reorder every ring.

A bell is a list in Redis that holds at most a few rings; the servers of a group wait on its bells
with BLPOP. While a server listens it keeps a short-lived mark; a ring that finds no mark calls for
a Celery task, at most once per `CALL_EVERY_MS`. The task is a server: it starts to listen and
stays while there is work (`workers/serve_loop.py`).

The API rings the lanes (`core/wakeup/lane_waker.py`); the lane servers ring relay and payments, the relay rings the
deliveries, and the sweep whatever waits in PostgreSQL (`core/wakeup/waker.py`); servers listen (`Listener`) and count
each other (`Roster`).
A mark that outlives a killed server costs at most a second: the sweep calls whatever the marks say.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from uuid import uuid4

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

from core.wakeup.keys import NO_PREFIX, Keys

LISTENING_MS = 2_000
CALL_EVERY_MS = 1_000
BELL_TTL_S = 600
"""A bell that nobody answers is deleted after this time; the sweep rings again."""
REDIS_TIMEOUT_S = 2.0

RING_SCRIPT = """
for i = 3, #KEYS do
  if redis.call('LLEN', KEYS[i]) == 0 then
    redis.call('RPUSH', KEYS[i], '1')
    redis.call('EXPIRE', KEYS[i], ARGV[2])
  end
end
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[1]) then return 1 end
return 0
"""
"""KEYS: listening mark, called mark, bells... ARGV: call interval (ms), bell life (s).
Answers 1 if the caller should send the group's Celery task."""
RING_ARGUMENTS = (CALL_EVERY_MS, BELL_TTL_S)


def connect(url: str) -> redis.Redis:
    """A client that raises at once while Redis is away: every caller can go on without it."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=5,
        retry=Retry(NoBackoff(), 0),
    )


def ring(pipe: Pipeline, keys: Sequence[str]) -> None:
    """Put a ring into a pipeline (`Keys.to_ring`); its result is 1 if the group's task should be sent."""
    # The text itself: a registered script would first ask whether Redis still has it.
    pipe.eval(RING_SCRIPT, len(keys), *keys, *map(str, RING_ARGUMENTS))


class Listener:
    """Waits on the bells of a group."""

    def __init__(self, client: redis.Redis, group: str, keys: Keys = NO_PREFIX) -> None:
        self._client = client
        self._group = group
        self._keys = keys
        self._mark = keys.listening_mark(group)

    def wait(
        self, names: Sequence[str], timeout_s: float, most: int = 1, *, ring_first: Collection[str] = ()
    ) -> list[str]:
        """The first bell that rings, and up to `most - 1` others to answer along with it; empty after the timeout.

        The others may not have rung: a joint visit costs less than another one a moment later.
        `ring_first` is rung in the same round trip; that calls nobody, as we listen.
        Raises redis.RedisError while Redis is away.
        """
        with self._client.pipeline(transaction=False) as pipe:
            pipe.set(self._mark, "1", px=LISTENING_MS)
            if ring_first:
                ring(pipe, self._keys.to_ring(self._group, ring_first))
            pipe.blpop(list(names), timeout=timeout_s)
            if most < len(names):
                *_, rung = pipe.execute()
                return [] if rung is None else self._with_others(str(rung[0]), names, most)
            pipe.delete(*names)  # a ring from here on is for what comes after this visit
            *_, rung, late = pipe.execute()
        if rung is None:
            return list(names) if late else []  # one rang between the timeout and the deletion
        first = str(rung[0])
        return [first, *(name for name in names if name != first)]

    def _with_others(self, first: str, names: Sequence[str], most: int) -> list[str]:
        others = [name for name in names if name != first][: most - 1]
        if others:
            self._client.delete(*others)
        return [first, *others]

    def leave(self) -> None:
        """Remove the mark, so that the next ring calls for another server at once."""
        self._client.delete(self._mark)

    def close(self, names: Sequence[str]) -> str | None:
        """Stop listening; a bell that rang in that moment is answered, not lost."""
        self.leave()
        for name in names:
            if self._client.lpop(name) is not None:
                return name
        return None


ROSTER_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local before = 0
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if name < ARGV[1] then before = before + 1 end
end
return before
"""
"""KEYS: roster. ARGV: a server's name, the ms of silence after which a server is gone.
Signs it in, and returns the number of servers whose names sort before its own."""


class Roster:
    """One server's place among those of its group, on all machines, in the order in which they began.

    More servers than a load needs cost processor time: each makes batches of its own, with fewer commands,
    and two of them on two cores, beside PostgreSQL and the API, decided a tenth fewer bookings than one.
    """

    def __init__(self, client: redis.Redis, group: str, keys: Keys = NO_PREFIX) -> None:
        self._client = client
        self._key = keys.roster(group)
        self._name = f"{time.time_ns():020d} {uuid4().hex}"
        """Sorts by start. Clocks of two machines that differ only decide which server counts as the older one."""

    def older_servers(self) -> int:
        """The number of servers that began before this one. Call it once a second: a server that is silent for
        longer than `LISTENING_MS` counts as gone. Raises redis.RedisError while Redis is away.
        """
        return int(self._client.eval(ROSTER_SCRIPT, 1, self._key, self._name, str(LISTENING_MS)))

    def leave(self) -> None:
        with suppress(redis.RedisError):
            self._client.zrem(self._key, self._name)
