"""A database whose commits hang: a connection that touches a row and ends the hang."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.store.connections import bounded as bounds
from core.store.connections.bounded import InDoubt, bounded
from core.store.connections.database import API_LIMITS, connect_as


@asynccontextmanager
async def connected(url: str, in_doubt: InDoubt) -> AsyncIterator[bounds.BoundedConnection]:
    connection = await connect_as(bounded(in_doubt), url, API_LIMITS, "holdfast api")
    try:
        yield connection
    finally:
        await connection.close()
        in_doubt.close()


TOUCH = "UPDATE installation SET lanes = lanes"


END = "SELECT pg_terminate_backend(%s, 5000)"
