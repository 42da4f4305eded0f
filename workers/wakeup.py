"""Bells, heard and rung from a worker (see `core.wakeup.bells` for what they promise)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import redis
import structlog
from kombu.exceptions import OperationalError as BrokerAway
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

from core.wakeup import bells

log = structlog.get_logger()

REDIS_TIMEOUT_S = 2.0
CALLS_WAITING = 2
"""Calls left in a queue; more would only outlive their purpose."""


def connect(url: str) -> redis.Redis:
    """A client that says at once that Redis is away; whoever calls knows what to do without it."""
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
    """Put a ring into a pipeline (`Keys.to_ring`); its answer says whether somebody is to be called."""
    # The text itself: a registered script would first ask whether Redis still has it.
    pipe.eval(bells.RING_SCRIPT, len(keys), *keys, *map(str, bells.RING_ARGUMENTS))


class Waker:
    """Rings a group's bells, and calls for its Celery task if nobody seems to listen."""

    def __init__(
        self, client: redis.Redis, group: str, call: Callable[[], Any], keys: bells.Keys = bells.NO_PREFIX
    ) -> None:
        self._client = client
        self._group = group
        self._call = call
        self.keys = keys

    def ring(self, names: Iterable[str], messages: Mapping[str, bytes] | None = None) -> None:
        """Ring, and publish `messages` by channel along with it, in one round trip.

        Never raises: a ring that is lost is made up for by the sweep, a message by a poll.
        """
        try:
            with self._client.pipeline(transaction=False) as pipe:
                for channel, message in (messages or {}).items():
                    pipe.publish(channel, message)
                ring(pipe, self.keys.to_ring(self._group, names))
                *_, call = pipe.execute()
            if call:
                self._call()
        except (redis.RedisError, BrokerAway, OSError) as problem:
            log.info("ring lost", group=self._group, problem=repr(problem))

    def call(self) -> None:
        """Send the group's task whatever the marks say, unless enough of them wait for a worker."""
        with suppress(redis.RedisError, BrokerAway, OSError):
            if self._client.llen(self.keys.queue(self._group)) < CALLS_WAITING:
                self._call()


class Listener:
    """Waits on the bells of a group, fairly: whoever rang last time is asked last."""

    def __init__(self, client: redis.Redis, group: str, keys: bells.Keys = bells.NO_PREFIX) -> None:
        self._client = client
        self._group = group
        self._keys = keys
        self._mark = keys.listening_mark(group)

    def wait(
        self, names: Sequence[str], timeout_s: float, most: int = 1, *, ring_first: Collection[str] = ()
    ) -> list[str]:
        """The first bell that rings, and up to `most - 1` others to answer along with it; empty after the timeout.

        The others may not have rung: asking them costs less than the visit that a ring of theirs would
        want a moment later. `ring_first` rings in the same round trip; it calls nobody, as we listen.
        Raises redis.RedisError while Redis is away.
        """
        with self._client.pipeline(transaction=False) as pipe:
            pipe.set(self._mark, "1", px=bells.LISTENING_MS)
            if ring_first:
                ring(pipe, self._keys.to_ring(self._group, ring_first))
            pipe.blpop(list(names), timeout=timeout_s)
            if most < len(names):
                *_, rung = pipe.execute()
                return [] if rung is None else self._with_others(str(rung[0]), names, most)
            pipe.delete(*names)  # whoever rings after this rings for after the visit
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
        """Take the mark away, so that the next ring calls for somebody else at once."""
        self._client.delete(self._mark)

    def close(self, names: Sequence[str]) -> str | None:
        """Stop listening; a bell that rang in that moment is answered, not lost."""
        self.leave()
        for name in names:
            if self._client.lpop(name) is not None:
                return name
        return None
