"""Ringing the lanes from the API, without ever making a request wait for Redis or Celery."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import redis.asyncio
import structlog
from celery import Celery
from redis.exceptions import RedisError

from core.wakeup import bells
from core.wakeup.broker import SERVE_LANES

log = structlog.get_logger()


class LaneWaker:
    def __init__(self, client: redis.asyncio.Redis, celery: Celery, keys: bells.Keys) -> None:
        self._client = client
        self._keys = keys
        self._celery = celery
        self._script = client.register_script(bells.RING_SCRIPT)
        self._wanted: set[str] = set()
        self._ringing: asyncio.Task[None] | None = None

    async def lanes(self, lanes: Iterable[int]) -> None:
        """Ring for lanes that have new commands. Never raises: the sweep rings for what is lost here.

        One ring is under way at a time; what is wanted meanwhile goes together in the next.
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
            call: Any = await self._script(keys=self._keys.to_ring(bells.LANES, names), args=list(bells.RING_ARGUMENTS))
            if call:
                await asyncio.to_thread(self._celery.send_task, SERVE_LANES, retry=False)
        except Exception as problem:  # noqa: BLE001 - kombu raises what its transport raises
            known = isinstance(problem, RedisError | OSError)
            log.info("ring lost", problem=repr(problem), known=known)
