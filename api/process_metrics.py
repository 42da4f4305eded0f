"""How full an API process is: its pools, what waits in it, and commits that hang."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from core.metrics.definitions import COMMITS_IN_DOUBT, OUTCOMES_AWAITED
from core.metrics.meter import Meter, PoolGauges
from core.store.connections.pool import Pool

EVERY_S = 1.0


class ProcessMetrics:
    """Set once a second: the processes share their metrics by files, so nobody can ask them at a scrape."""

    def __init__(
        self, meter: Meter, pool: Pool, engine: AsyncEngine, awaited: Callable[[], int], in_doubt: Callable[[], int]
    ) -> None:
        self._pools = PoolGauges(meter)
        self._pool = pool
        self._engine = engine
        self._gauges = ((meter.gauge(OUTCOMES_AWAITED), awaited), (meter.gauge(COMMITS_IN_DOUBT), in_doubt))
        self._sampling: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._sampling = asyncio.create_task(self._sample_for_ever(), name="metrics")

    def stop(self) -> None:
        if self._sampling is not None:
            self._sampling.cancel()

    async def _sample_for_ever(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(EVERY_S)

    def sample(self) -> None:
        self._pools.set_from("requests", self._pool.get_stats())
        lists = self._engine.pool
        assert isinstance(lists, QueuePool)  # noqa: S101 - made in `api.runtime`
        self._pools.set("lists", used=lists.checkedout(), idle=lists.checkedin(), waiting=0)
        for gauge, value in self._gauges:
            gauge.set(value())
