"""Every way in which our processes connect to PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import text

from core.store.connections.database import LANE_LIMITS, connect, connect_async
from core.store.connections.pool import Pool
from core.store.connections.sqlalchemy_engines import async_engine, engine
from tests.support.processes.store_proxies import limits_of
from tests.support.shared_reads import Asked, shared_reads

BOUNDS = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout", "TimeZone"]


ASKED = "SELECT name, current_setting(name) FROM unnest(ARRAY['{}']) AS n (name)".format("','".join(BOUNDS))


def of_a_connection(url: str) -> dict[str, Any]:
    with connect(url, LANE_LIMITS, "holdfast tests") as connection:
        return limits_of(connection, BOUNDS)


def of_an_async_connection(url: str) -> dict[str, Any]:
    async def asked() -> dict[str, Any]:
        async with await connect_async(url, LANE_LIMITS, "holdfast tests") as connection:
            return dict(await (await connection.execute(ASKED)).fetchall())

    return asyncio.run(asked())


def of_a_pool(url: str) -> dict[str, Any]:
    async def asked() -> dict[str, Any]:
        async with (
            Pool(url, LANE_LIMITS, "holdfast tests", min_size=1, max_size=1, timeout_s=3) as pool,
            pool.connection() as connection,
        ):
            return dict(await (await connection.execute(ASKED)).fetchall())

    return asyncio.run(asked())


def of_an_engine(url: str) -> dict[str, Any]:
    made = engine(url, LANE_LIMITS, "holdfast tests")
    with made.connect() as connection:
        found = {name: value for name, value in connection.execute(text(ASKED))}  # noqa: C416 - rows are no pairs
    made.dispose()
    return found


def of_an_async_engine(url: str) -> dict[str, Any]:
    async def asked() -> dict[str, Any]:
        made = async_engine(url, LANE_LIMITS, "holdfast tests", isolation_level="AUTOCOMMIT")
        async with made.connect() as connection:
            found = {name: value for name, value in await connection.execute(text(ASKED))}  # noqa: C416 - as above
        await made.dispose()
        return found

    return asyncio.run(asked())


def of_shared_reads(url: str) -> dict[str, Any]:
    async def asked() -> dict[str, Any]:
        async with shared_reads(url) as reads:
            return dict((await reads.ask(Asked(((ASKED, ()),)))).rows(0))

    return asyncio.run(asked())


WAYS = (of_a_connection, of_an_async_connection, of_a_pool, of_an_engine, of_an_async_engine)
