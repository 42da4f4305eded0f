"""Ringing the lanes from the API, without ever making a request wait for Redis or Celery."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import redis.asyncio
import structlog
from celery import Celery
from redis.exceptions import RedisError

from core import bells
from core.broker import SERVE_LANES

log = structlog.get_logger()


class Rings:
    def __init__(self, client: redis.asyncio.Redis, celery: Celery) -> None:
        self._client = client
        self._celery = celery
        self._script = client.register_script(bells.RING_SCRIPT)
        self._calls: set[asyncio.Task[None]] = set()

    async def lanes(self, lanes: Iterable[int]) -> None:
        """Ring for lanes that have new commands. Never raises: the sweep rings for what is lost here."""
        names = [bells.lane_bell(lane) for lane in lanes]
        if names:
            self._later(self._ring(names))

    async def _ring(self, names: list[str]) -> None:
        try:
            call: Any = await self._script(keys=bells.ring_keys(bells.LANES, names), args=list(bells.RING_ARGUMENTS))
            if call:
                await asyncio.to_thread(self._celery.send_task, SERVE_LANES, retry=False)
        except Exception as problem:  # noqa: BLE001 - kombu raises what its transport raises
            known = isinstance(problem, RedisError | OSError)
            log.info("ring lost", problem=repr(problem), known=known)

    def _later(self, ringing: Any) -> None:
        task = asyncio.create_task(ringing)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
