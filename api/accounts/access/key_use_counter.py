"""Counts the requests of each agent key, and writes the counts to PostgreSQL every few seconds."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import structlog
from falcon.asgi import Request, Response
from psycopg_pool import PoolTimeout

from api.limits.throttle import caller
from core.ended_tasks import end
from core.identity.credentials import agent_key_use
from core.identity.credentials.agent_key_use import KeyUse
from core.identity.credentials.agent_keys import AgentKey
from core.store.connections.pool import Pool

log = structlog.get_logger()

TOLD_EVERY_S = 2.0
"""A process that is killed forgets what it has counted since it last told; its log has each request."""
ERRORS = 400
"""HTTP statuses from here on are refusals."""


class AgentKeyUseCounter:
    """Falcon middleware. What cannot be told is kept and told later; there is one entry a key."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._seen: dict[int, KeyUse] = {}
        self._telling: asyncio.Task[None] | None = None

    async def process_startup(self, _scope: dict[str, Any], _event: dict[str, Any]) -> None:
        self._telling = asyncio.create_task(self._tell_for_ever())

    async def process_response(self, req: Request, resp: Response, _resource: object, _succeeded: object) -> None:
        key: AgentKey | None = getattr(req.context, "agent_key", None)
        if key is None:
            return
        refused = resp.status_code >= ERRORS
        self._add(KeyUse(key.id, 1, int(refused), caller(req)))

    async def close(self) -> None:
        await end(self._telling)
        await self._tell()

    def _add(self, use: KeyUse) -> None:
        known = self._seen.get(use.key_id, KeyUse(use.key_id, 0, 0, ""))
        requests, refused = known.requests + use.requests, known.refused + use.refused
        self._seen[use.key_id] = KeyUse(use.key_id, requests, refused, use.last_address)

    async def _tell_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TOLD_EVERY_S)
            await self._tell()

    async def _tell(self) -> None:
        if not self._seen:
            return
        seen, self._seen = self._seen, {}
        try:
            async with self._pool.connection() as connection:
                await agent_key_use.add_use(connection, list(seen.values()))
        except (psycopg.Error, PoolTimeout) as problem:
            log.warning("the use of agent keys cannot be told", problem=repr(problem))
            for use in seen.values():
                self._add_back(use)

    def _add_back(self, use: KeyUse) -> None:
        """The address that was seen last stays the last."""
        newer = self._seen.get(use.key_id)
        self._add(use if newer is None else KeyUse(use.key_id, use.requests, use.refused, newer.last_address))
