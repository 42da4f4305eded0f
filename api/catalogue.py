"""Which resource a service books, remembered for a moment.

Only for finding a command's home lane: the lane reads the truth when it decides.
"""

from __future__ import annotations

import time
from typing import Any

from psycopg_pool import AsyncConnectionPool

from core.store.catalogue import SQL_RULES

FRESH_S = 1.0
SERVICES_MAX = 10_000

SQL_RESOURCES = "SELECT name_key, resource_id FROM service WHERE is_active AND is_named LIMIT %s"


class Catalogue:
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._desk = 0
        self._by_name: dict[str, int] = {}
        self._read_at = float("-inf")

    async def resource_of(self, service_name: str) -> int:
        """The resource id that a service name books: its own, or the desk's."""
        if time.monotonic() - self._read_at > FRESH_S:
            await self._read()
        return self._by_name.get(service_name.casefold(), self._desk)

    async def _read(self) -> None:
        self._read_at = time.monotonic()
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SQL_RULES)).fetchone()
            if row is None:
                raise LookupError("There is no desk: run the migrate command first.")
            self._desk = row[5]
            cursor = await connection.execute(SQL_RESOURCES, (SERVICES_MAX,))
            self._by_name = dict(await cursor.fetchall())
