"""Rings from workers: lane servers ring relay and payments, the relay rings deliveries, the sweep whatever waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import redis
import structlog
from celery import Celery
from kombu.exceptions import OperationalError as BrokerAway

from core.wakeup.bells import ring
from core.wakeup.keys import NO_PREFIX, SERVE_TASKS, Keys

log = structlog.get_logger()

CALLS_WAITING = 2
"""Calls left in a queue; more would only outlive their purpose."""


class Waker:
    """Rings a group's bells from a worker, and sends its Celery task if no server seems to listen."""

    def __init__(self, client: redis.Redis, group: str, call: Callable[[], Any], keys: Keys = NO_PREFIX) -> None:
        self._client = client
        self._group = group
        self._call = call
        self.keys = keys

    def ring(self, names: Iterable[str], messages: Mapping[str, bytes] | None = None) -> None:
        """Ring, and publish `messages` by channel, in one round trip.

        Never raises: the sweep makes up for a lost ring, a poll for a lost message.
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
        """Send the group's task whatever the marks say, unless enough of them are queued."""
        with suppress(redis.RedisError, BrokerAway, OSError):
            if self._client.llen(self.keys.queue(self._group)) < CALLS_WAITING:
                self._call()


def waker(app: Celery, client: redis.Redis, group: str, keys: Keys) -> Waker:
    """A `Waker` that calls by sending the group's Celery task."""
    return Waker(client, group, lambda: app.send_task(SERVE_TASKS[group], retry=False), keys)
