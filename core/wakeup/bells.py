"""Rings: Redis as a wake-up channel that may lose, repeat and reorder.

Every key and channel name of Holdfast is here. Nothing that matters lives in Redis: if every
key vanished, the sweep would ring again for whatever waits in PostgreSQL.

A bell is a list that holds at most a few rings; its workers wait on it with BLPOP. While a
worker listens it keeps a short-lived mark; a ring without a mark calls for a Celery task, at
most once per `CALL_EVERY_MS`. A mark that outlives a killed worker costs at most a second:
the sweep calls whatever the marks say.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

LANES = "lanes"
RELAY = "relay"
PAYMENTS = "payments"

LISTENING_MS = 2_000
CALL_EVERY_MS = 1_000
BELL_TTL_S = 600
"""A bell nobody hears for so long goes away by itself; the sweep rings again."""

FEED_REMEMBERED_S = 30 * 86_400


class Keys(Struct, frozen=True):
    """Names in Redis. `prefix` separates two installations on one Redis; the queues have it too."""

    prefix: str = ""

    @property
    def feed_channel(self) -> str:
        """Published by the relay: the feed's new head position. A hint to read."""
        return f"{self.prefix}hf:feed"

    def feed_memory(self, epoch: str) -> str:
        """The feed's furthest position in this epoch. A database that is behind it was restored."""
        return f"{self.prefix}hf:feed:head:{epoch}"

    @property
    def cleanup_mark(self) -> str:
        """Set for a moment after somebody has rung for expired bookings."""
        return f"{self.prefix}hf:cleanup"

    @property
    def relay_bell(self) -> str:
        return f"{self.prefix}hf:bell:relay"

    @property
    def payments_bell(self) -> str:
        return f"{self.prefix}hf:bell:payments"

    def lane_bell(self, lane: int) -> str:
        return f"{self.prefix}hf:bell:lane:{lane}"

    def listening_mark(self, group: str) -> str:
        return f"{self.prefix}hf:listening:{group}"

    def called_mark(self, group: str) -> str:
        return f"{self.prefix}hf:called:{group}"

    def roster(self, group: str) -> str:
        """The servers of a group by name, with when each was last there."""
        return f"{self.prefix}hf:roster:{group}"

    def queue(self, group: str) -> str:
        """Kombu's list of the group's tasks (`core.wakeup.broker`)."""
        return f"{self.prefix}{group}"

    def outcome_channel(self, reply_to: str) -> str:
        """Where the workers publish outcomes for one API process."""
        return f"{self.prefix}hf:outcomes:{reply_to}"

    def counters(self, kind: str) -> str:
        """Prefix of the counters of one kind of limit."""
        return f"{self.prefix}hf:{kind}"

    def to_ring(self, group: str, bells: Iterable[str]) -> list[str]:
        """The keys of `RING_SCRIPT`."""
        return [self.listening_mark(group), self.called_mark(group), *bells]


NO_PREFIX = Keys()


def lane_of_bell(bell: str) -> int:
    return int(bell.rsplit(":", 1)[1])


FEED_TELL_SCRIPT = """
local found = redis.call('GET', KEYS[1]) or ''
local known = #found <= 18 and tonumber(string.match(found, '^%d+$')) or 0
if tonumber(ARGV[1]) >= known then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return known
"""
"""KEYS: the epoch's memory. ARGV: number, how long to remember it (s), channel, position.
Remembers the furthest number, publishes the position, and returns the number known before. What is no number of
at most 18 digits counts as 0."""

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
"""KEYS: roster. ARGV: a server's name, after how many ms of silence one has gone.
Signs it in; answers how many are there whose names come before."""
