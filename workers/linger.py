"""The lingering loop: one Celery task that serves a group's bells until they fall silent.

A task for each command costs more than the booking it carries, so a task only says "there is
work" and then stays while there is. It ends after a few idle seconds or at shutdown. While
Redis is away it looks into PostgreSQL instead, a few times a second.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

import redis
import structlog
from msgspec import Struct

from workers.ringing import Ears

log = structlog.get_logger()

IDLE_S = 8.0
"""Longer than the canary's interval, so that one server is always warm."""
STAY_AFTER_BLIND_S = 35.0
"""After an outage Celery takes up to half a minute to consume again; until then nobody else comes."""
WAIT_S = 0.5
BUSY_PAUSE_S = 0.05
"""How long a bell is left out after its lane turned out to be another worker's."""
BLIND_POLL_S = 0.25


class Answer(Struct, frozen=True):
    """What answering a bell came to."""

    ring_again: bool = False
    leave_out: bool = False


class Linger:
    """Serves bells in rotated order, so that a busy one cannot starve the others."""

    def __init__(
        self,
        ears: Ears,
        *,
        bells: Callable[[], Iterable[str]],
        answer: Callable[[str], Answer],
        ring: Callable[[list[str]], None],
        look: Callable[[], list[str]],
        stopping: Callable[[], bool],
    ) -> None:
        """`bells` names what to listen to; `look` finds in PostgreSQL what should have rung."""
        self._ears = ears
        self._bells = bells
        self._answer = answer
        self._ring = ring
        self._look = look
        self._stopping = stopping
        self._order: deque[str] = deque()
        self._left_out: dict[str, float] = {}
        self._blind = False
        """Redis did not answer the last time."""

    def run(self) -> int:
        """Serve until idle or asked to stop; the number of answered rings."""
        answered, quiet_since = 0, time.monotonic()
        while not self._stopping():
            rung = self._next()
            if self._blind:
                quiet_since = time.monotonic() + STAY_AFTER_BLIND_S  # no new task could be called now
            if rung is None and time.monotonic() - quiet_since > IDLE_S:
                rung = self._last_look()
                if rung is None:
                    break
            if rung is not None:
                self._serve(rung)
                answered += 1
                quiet_since = max(quiet_since, time.monotonic())
        with suppress(redis.RedisError):
            self._ears.leave()
        return answered

    def _next(self) -> str | None:
        now = time.monotonic()
        self._left_out = {bell: until for bell, until in self._left_out.items() if until > now}
        names = [bell for bell in self._rotated() if bell not in self._left_out]
        wait_s = BUSY_PAUSE_S if self._left_out else WAIT_S
        if not names:
            time.sleep(BUSY_PAUSE_S)
            return None
        try:
            rung = self._ears.wait(names, wait_s)
        except redis.RedisError as problem:
            if not self._blind:
                log.warning("redis is away, looking into the database", problem=repr(problem))
            self._blind = True
            time.sleep(BLIND_POLL_S)
            found = [bell for bell in self._look() if bell not in self._left_out]
            return found[0] if found else None
        self._blind = False
        return rung

    def _rotated(self) -> list[str]:
        """All bells, the one answered last at the end."""
        wanted = list(self._bells())
        if sorted(wanted) != sorted(self._order):
            self._order = deque(wanted)
        return list(self._order)

    def _serve(self, bell: str) -> None:
        if bell in self._order:
            self._order.remove(bell)
            self._order.append(bell)
        answer = self._answer(bell)
        if answer.leave_out:
            self._left_out[bell] = time.monotonic() + BUSY_PAUSE_S
        if answer.ring_again or answer.leave_out:
            self._ring([bell])

    def _last_look(self) -> str | None:
        try:
            return self._ears.close(self._rotated())
        except redis.RedisError:
            return None
