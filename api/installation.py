"""What every API process has to know of the installation, read once a second instead of once a request."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import psycopg
import structlog
from msgspec import UnsetType

from api.http.errors import unavailable
from api.http.fields import ZONE
from core.ended_tasks import end
from core.store.connections.pool import Pool
from core.store.installation import Installation, Maintenance, read_installation_async

log = structlog.get_logger()

LOOK_EVERY_S = 0.7
"""So that a change is heard within about a second."""
POOL_WAIT_S = 2.0
FIRST_LOOK_S = 2.0
"""How long a write waits for the first look of a process that has just started."""


class InstallationWatch:
    """The installation as this process last found it; while PostgreSQL is away, as it was."""

    def __init__(self, pool: Pool, time_zone: str) -> None:
        """`time_zone` counts until the database keeps one."""
        self._pool = pool
        self._time_zone = time_zone
        self._found: Installation | None = None
        self._has_looked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._task = asyncio.create_task(self._look_again_and_again(), name="installation")

    async def close(self) -> None:
        await end(self._task)

    @property
    def time_zone(self) -> str:
        """Of resources that are given none. Raises Problem 503 before the first look."""
        if self._found is None:
            raise unavailable("The database is not available right now; try again in a moment")
        return self._found.time_zone or self._time_zone

    def zone_for(self, asked: str | UnsetType | None) -> str:
        """The time zone of a new resource: the one that the request names, else the installation's."""
        return ZONE(asked) if isinstance(asked, str) else self.time_zone

    @property
    def maintenance(self) -> Maintenance | None:
        return None if self._found is None else self._found.maintenance

    async def first_look(self) -> None:
        """Wait for it, for a moment. Without a database no write gets far anyway."""
        if self._task is not None and not self._has_looked.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_looked.wait(), FIRST_LOOK_S)

    async def _look_again_and_again(self) -> None:
        while True:
            with suppress(psycopg.Error):
                await self._look()
            self._has_looked.set()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        before = self.maintenance
        async with self._pool.connection(timeout=POOL_WAIT_S) as connection:
            self._found = await read_installation_async(connection)
        if before != self.maintenance:
            log.warning("maintenance begins" if self.maintenance else "maintenance is over")
