"""After a rotation of HOLDFAST_SECRET_KEY: what is sealed is sealed with the new one, when an API process starts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from core.ended_tasks import end
from core.sealed_secrets import SecretBox, UnreadableSecretError
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool

log = structlog.get_logger()

TRIED_EVERY_S = 5.0
Reseal = Callable[[AsyncConnection, Callable[[str], str | None]], Awaitable[int]]
"""Seals all secrets of one kind anew, by a function that is None for those that stay; how many rows were changed."""


class SecretsSealedAnew:
    """Falcon's lifespan hooks. Only while HOLDFAST_SECRET_KEY_PREVIOUS is set is there anything to do."""

    def __init__(self, pool: Pool, box: SecretBox, reseal: Reseal, what: str) -> None:
        """`what` is sealed, for the log."""
        self._pool = pool
        self._box = box
        self._reseal = reseal
        self._what = what
        self.sealing: asyncio.Task[None] | None = None

    async def process_startup(self, _scope: Mapping[str, Any], _event: Mapping[str, Any]) -> None:
        self.sealing = asyncio.create_task(self._until_done())

    async def process_shutdown(self, _scope: Mapping[str, Any], _event: Mapping[str, Any]) -> None:
        await end(self.sealing)

    async def _until_done(self) -> None:
        """A database that is not there yet is asked again."""
        while True:
            try:
                async with self._pool.connection() as connection, connection.transaction():
                    changed = await self._reseal(connection, self._anew)
            except (psycopg.Error, PoolTimeout):
                await asyncio.sleep(TRIED_EVERY_S)
            else:
                if changed:
                    log.info("secrets are sealed with the new key", what=self._what, rows=changed)
                return

    def _anew(self, sealed: str) -> str | None:
        if self._box.is_current(sealed):
            return None
        try:
            return self._box.seal(self._box.open(sealed))
        except UnreadableSecretError:
            log.warning(
                "a secret was sealed with another HOLDFAST_SECRET_KEY: rotate or enter it anew", what=self._what
            )
            return None
