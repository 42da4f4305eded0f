"""A pool whose connections are all tested as soon as one is found dead.

psycopg's pool tests a connection before it hands it out, and pauses after each dead one, for a second,
then for two. When PostgreSQL has closed them all, to start again for instance, a request would meet
one after the other until its patience is over, long after PostgreSQL is back.
"""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool


class Pool(AsyncConnectionPool[Any]):
    """Closed until it is opened."""

    def __init__(self, conninfo: str, *, min_size: int, max_size: int, timeout_s: float, **options: Any) -> None:
        """`timeout_s` is how long a request may wait for a connection; `options` are psycopg's."""
        self._testing: asyncio.Task[None] | None = None
        super().__init__(
            conninfo, min_size=min_size, max_size=max_size, timeout=timeout_s, check=self._test, open=False, **options
        )

    async def _test(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Raises psycopg.Error for a dead one, and has the others replaced that died with it."""
        try:
            await self.check_connection(connection)
        except psycopg.Error:
            if self._testing is None or self._testing.done():
                self._testing = asyncio.create_task(self.check(), name="pool tested")
            raise
