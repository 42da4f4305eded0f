"""A booking written to PostgreSQL within its request: the honest best without a queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg.errors import ExclusionViolation

from api.commands.outcome_waiter import Answer
from core.domain.commands import Envelope
from core.settings import Settings
from core.store.connections.database import API_LIMITS
from core.store.connections.pool import Pool
from tests.benchmarks.baselines.create import Create
from tests.benchmarks.baselines.one import decide_one, read, taken

CONNECTIONS = 8
"""For each API process: at 64 clients on two cores a little faster than 16, and steadier than 4."""


class DirectPool:
    """The pool, opened and closed with the app: Falcon's middleware hooks."""

    def __init__(self, settings: Settings) -> None:
        self.connections = Pool(
            settings.database_url,
            API_LIMITS,
            "holdfast direct",
            min_size=CONNECTIONS,
            max_size=CONNECTIONS,
            timeout_s=10.0,
            kwargs={"autocommit": True, "prepare_threshold": 0},
        )

    async def process_startup(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:  # noqa: ARG002 - Falcon names them
        await self.connections.open(wait=False)

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:  # noqa: ARG002 - as above
        await self.connections.close()


class Direct(Create):
    def __init__(self, pool: DirectPool, *, allow_past: bool) -> None:
        self._pool = pool.connections
        self._allow_past = allow_past

    async def book(self, envelope: Envelope) -> Answer:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(*read(envelope))).fetchone()
            assert row is not None
            write = decide_one(row, envelope, allow_past=self._allow_past)
            try:
                await connection.execute(write.sql, write.parameters)
            except ExclusionViolation:
                write = taken(envelope, row[-1])
                await connection.execute(write.sql, write.parameters)
        return Answer(write.decided.outcome.http_status, write.decided.outcome.body)
