"""A pool whose connections are all tested as soon as one is found dead.

psycopg's pool tests a connection before it hands it out, and pauses after each dead one, for a second, then for two.
When PostgreSQL has closed them all, for a restart for instance, a request would meet one dead connection after the
other until it times out, long after PostgreSQL is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from core.store.connections.database import AsyncConnection, conninfo, set_limits_async
from core.store.connections.round_trip import STALE_STATES

Configure = Callable[[AsyncConnection], Awaitable[None]]


class Pool(AsyncConnectionPool[Any]):
    """Closed until it is opened."""

    def __init__(
        self,
        url: str,
        limits: dict[str, str],
        application: str,
        *,
        min_size: int,
        max_size: int,
        timeout_s: float,
        configure: Configure | None = None,
        **options: Any,
    ) -> None:
        """`timeout_s` is how long a request may wait for a connection; `options` are psycopg's."""
        self._limits = limits
        self._prepare = configure
        self._testing: asyncio.Task[None] | None = None
        super().__init__(
            conninfo(url, application),
            min_size=min_size,
            max_size=max_size,
            timeout=timeout_s,
            configure=self._settle,
            check=self._test,
            open=False,
            **options,
        )

    async def _settle(self, connection: AsyncConnection) -> None:
        await set_limits_async(connection, self._limits)
        if self._prepare is not None:
            await self._prepare(connection)

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[AsyncConnection]:  # noqa: ASYNC109 - psycopg's own
        """As psycopg's, but closes a session that has lost its prepared statements: it would fail its next user."""
        async with super().connection(timeout) as connection:
            try:
                yield connection
            except psycopg.Error as problem:
                if problem.sqlstate in STALE_STATES:
                    await connection.close()
                raise

    async def _test(self, connection: AsyncConnection) -> None:
        """Raises psycopg.Error for a dead one, and then tests the others, so that those are replaced that died with it."""
        try:
            await self.check_connection(connection)
        except psycopg.Error:
            if self._testing is None or self._testing.done():
                self._testing = asyncio.create_task(self.check(), name="pool tested")
            raise
