"""The loop of a server: one Celery task that answers a group's bells until they fall silent.

A task for each command would cost more than the booking that it carries, so a task only says "there is
work", and then stays while there is. It ends after a few idle seconds or at shutdown. While
Redis is away it looks into PostgreSQL instead, a few times a second.

`Server` is what the lane, relay, payment and delivery servers have in common around that loop.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import ClassVar

import psycopg
import redis
import structlog
from celery import Celery
from msgspec import Struct
from psycopg_pool import PoolTimeout

from core.settings import Settings
from core.store.connections.database import Connection
from core.store.revision import SchemaDoesNotFitError, SchemaWatch
from core.wakeup.bells import Listener, connect
from core.wakeup.waker import Waker, waker
from workers import shutdown

log = structlog.get_logger()

IDLE_S = 8.0
"""Longer than the canary's interval, so that one server is always warm."""
STAY_AFTER_BLIND_S = 10.0
"""After an outage Celery takes some seconds to consume again (core/wakeup/broker.py); until then no other server starts."""
WAIT_S = 0.5
BUSY_PAUSE_S = 0.05
"""How long a bell is left out the first time that another worker has its lane."""
BUSY_PAUSE_MAX_S = 0.4
"""And after many times: two workers that share one's work make twice as many, smaller batches.
Well below a second, because the other one may have died."""
BLIND_POLL_S = 0.25
RECONNECT_PAUSE_S = 0.25


class Answer(Struct, frozen=True):
    """The result of answering some bells."""

    ring_again: Collection[str] = ()
    leave_out: Collection[str] = ()
    """Rung again too, and left out for a moment."""


class ServeLoop:
    """Serves bells in rotated order, so that a busy one cannot starve the others."""

    def __init__(
        self,
        listener: Listener,
        *,
        bells: Callable[[], Iterable[str]],
        answer: Callable[[Sequence[str]], Answer],
        ring: Callable[[list[str]], None],
        look: Callable[[], list[str]],
        stopping: Callable[[], bool],
        most: Callable[[], int] = lambda: 1,
        is_needed: Callable[[], bool] = lambda: True,
        look_every_s: Callable[[], float | None] = lambda: None,
    ) -> None:
        """`bells` names what to listen to, `most` how many to answer together; `look` finds in PostgreSQL what
        should have rung. `is_needed` says whether to serve on although others do, `look_every_s` how often to look
        although nothing rings; None: not.
        """
        self._listener = listener
        self._bells = bells
        self._answer = answer
        self._ring = ring
        self._look = look
        self._stopping = stopping
        self._most = most
        self._is_needed = is_needed
        self._look_every_s = look_every_s
        self._looked_at = float("-inf")
        self._order: deque[str] = deque()
        self._left_out: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        """How long each bell was left out the last time, until it is answered again."""
        self._again: list[str] = []
        """To be rung with the next wait, in its round trip."""
        self._blind = False
        """Redis did not answer the last time."""

    def run(self) -> int:
        """Serve until idle, not needed or asked to stop; the number of answered rings."""
        answered, quiet_since = 0, time.monotonic()
        while not self._stopping():
            if not self._is_needed():
                self._ring_again()
                return answered  # the mark stays: others listen
            rung = self._next()
            if self._blind:
                quiet_since = time.monotonic() + STAY_AFTER_BLIND_S  # no new task could be called now
            rung = rung or self._look_by_itself()
            if not rung and time.monotonic() - quiet_since > IDLE_S:
                rung = self._last_look()
                if not rung:
                    break
            if rung:
                self._serve(rung)
                answered += len(rung)
                quiet_since = max(quiet_since, time.monotonic())
        with suppress(redis.RedisError):
            self._listener.leave()
        self._ring_again()  # the mark is gone: if no other server listens, this calls for one
        return answered

    def _next(self) -> list[str]:
        now = time.monotonic()
        self._left_out = {bell: until for bell, until in self._left_out.items() if until > now}
        names = [bell for bell in self._rotated() if bell not in self._left_out]
        wait_s = BUSY_PAUSE_S if self._left_out else WAIT_S
        if not names:
            self._ring_again()
            time.sleep(BUSY_PAUSE_S)
            return []
        again, self._again = self._again, []
        try:
            rung = self._listener.wait(names, wait_s, self._most(), ring_first=again)
        except redis.RedisError as problem:
            if not self._blind:
                log.warning("redis is away, looking into the database", problem=repr(problem))
            self._blind = True
            time.sleep(BLIND_POLL_S)
            return [bell for bell in self._look() if bell not in self._left_out][: self._most()]
        self._blind = False
        return rung

    def _look_by_itself(self) -> list[str]:
        every_s, now = self._look_every_s(), time.monotonic()
        if every_s is None or now - self._looked_at < every_s:
            return []
        self._looked_at = now
        return self._look()[: self._most()]

    def _rotated(self) -> list[str]:
        """All bells, those answered last at the end."""
        wanted = list(self._bells())
        if sorted(wanted) != sorted(self._order):
            self._order = deque(wanted)
        return list(self._order)

    def _serve(self, rung: Sequence[str]) -> None:
        for bell in rung:
            if bell in self._order:
                self._order.remove(bell)
                self._order.append(bell)
        answer = self._answer(rung)
        busy = {bell: min(2 * self._pauses.get(bell, BUSY_PAUSE_S / 2), BUSY_PAUSE_MAX_S) for bell in answer.leave_out}
        self._pauses = {bell: pause for bell, pause in self._pauses.items() if bell not in rung} | busy
        self._left_out.update((bell, time.monotonic() + pause) for bell, pause in busy.items())
        self._again = [*answer.ring_again, *answer.leave_out]

    def _ring_again(self) -> None:
        if self._again:
            self._ring(self._again)
            self._again = []

    def _last_look(self) -> list[str]:
        try:
            found = self._listener.close(self._rotated())
        except redis.RedisError:
            return []
        return [] if found is None else [found]


class Server(ABC):
    """One worker's share in serving a group: its Redis client, its wakers and the loop over its bells."""

    group: ClassVar[str]

    def __init__(self, app: Celery, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._redis = connect(settings.redis_url)
        self._keys = settings.redis_keys
        self._waker = self._waker_of(self.group)
        self._schema = SchemaWatch()
        self._fits = False
        """Whether the schema was found to fit since the last failure."""

    def run(self) -> int:
        """Serve until idle, not needed or asked to stop; the number of answered rings."""
        loop = ServeLoop(
            Listener(self._redis, self.group, self._keys),
            bells=self._bells,
            answer=self._answer,
            ring=self._waker.ring,
            look=self._look,
            stopping=shutdown.watch(),
            most=self._most,
            is_needed=self._is_needed,
            look_every_s=self._look_every_s,
        )
        try:
            return loop.run()
        finally:
            self._close()
            self._redis.close()

    @abstractmethod
    def _bells(self) -> list[str]: ...

    @abstractmethod
    def _answer(self, rung: Sequence[str]) -> Answer: ...

    def _look(self) -> list[str]:
        """The bells whose work waits in PostgreSQL, or may."""
        return self._bells()

    def _most(self) -> int:
        """How many bells to answer together."""
        return 1

    def _is_needed(self) -> bool:
        """Whether to serve on although others do."""
        return True

    def _look_every_s(self) -> float | None:
        """How often to look although nothing rings; a server that does, stays. None: not."""
        return None

    def _disconnect(self) -> None:  # noqa: B027 - a server with a pool has nothing to drop
        """Drop a connection that failed; the next answer opens another."""

    def _close(self) -> None:
        self._disconnect()

    def _waker_of(self, group: str) -> Waker:
        return waker(self._app, self._redis, group, self._keys)

    def _check_schema(self, connection: Connection) -> None:
        """Once a connection. Raises SchemaDoesNotFitError."""
        if not self._fits:
            self._schema.check(connection)
            self._fits = True

    def _recover(self, problem: psycopg.Error | PoolTimeout) -> None:
        """Log a failure of the database and pause before the next attempt."""
        if not isinstance(problem, SchemaDoesNotFitError):  # the watch has logged that, and not four times a second
            log.warning("the database failed, connecting again", group=self.group, problem=repr(problem))
        self._fits = False
        self._disconnect()
        time.sleep(RECONNECT_PAUSE_S)
