"""Rings lanes from the API, for commands that were accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from core.wakeup.bells import RING_ARGUMENTS, RING_SCRIPT
from core.wakeup.keys import LANES, SERVE_LANES, Keys

log = structlog.get_logger()


class LaneWaker:
    """Rings the lanes from the API, and never makes a request wait for Redis or Celery."""

    def __init__(self, client: redis.asyncio.Redis, send: Callable[[str], None], keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._send = send
        self._script = client.register_script(RING_SCRIPT)
        self._wanted: set[str] = set()
        self._ringing: asyncio.Task[None] | None = None

    async def lanes(self, lanes: Iterable[int]) -> None:
        """Ring for lanes that have new commands. Never raises: the sweep makes up for a lost ring.

        One ring is under way at a time; lanes wanted meanwhile are rung together by the next.
        """
        self._wanted.update(self._keys.lane_bell(lane) for lane in lanes)
        if self._wanted and self._ringing is None:
            self._ringing = asyncio.create_task(self._ring_all(), name="rings")

    async def _ring_all(self) -> None:
        try:
            while self._wanted:
                names, self._wanted = self._wanted, set()
                await self._ring(names)
        finally:
            self._ringing = None

    async def _ring(self, names: Iterable[str]) -> None:
        try:
            call = await self._script(keys=self._keys.to_ring(LANES, names), args=list(RING_ARGUMENTS))
            if call:
                await asyncio.to_thread(self._send, SERVE_LANES)
        except Exception as problem:  # noqa: BLE001 - kombu raises what its transport raises
            known = isinstance(problem, RedisError | OSError)
            log.info("ring lost", problem=repr(problem), known=known)
