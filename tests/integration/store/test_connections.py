"""A process that is stopped or cut off lets go of the database by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.store.connections.database import API_LIMITS, LANE_LIMITS, LIST_LIMITS, MIGRATE_LIMITS, connect, conninfo
from core.store.connections.pool import Pool
from core.store.connections.sqlalchemy_engines import async_engine
from tests.support.wait import at_best

WORKING = {"api": API_LIMITS, "lists": LIST_LIMITS, "lane": LANE_LIMITS}
TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")
SETTING = "SELECT setting::integer FROM pg_settings WHERE name = %s"


@pytest.mark.parametrize("kind", WORKING)
def test_a_session_is_bounded_in_every_way(database_url: str, kind: str) -> None:
    with connect(database_url, WORKING[kind], "holdfast tests") as session:
        bounds_ms = {name: session.execute(SETTING, (name,)).fetchone() for name in TIMEOUTS}
    assert all(bound is not None and 0 < bound[0] <= 10_000 for bound in bounds_ms.values()), bounds_ms


@pytest.mark.parametrize("limits", [*WORKING.values(), MIGRATE_LIMITS], ids=[*WORKING, "migrate"])
def test_a_peer_that_is_gone_is_noticed(limits: dict[str, str]) -> None:
    told = {name: str(value) for name, value in conninfo_to_dict(conninfo("postgresql://", "tests")).items()}
    patience_s = int(told["keepalives_idle"]) + int(told["keepalives_interval"]) * int(told["keepalives_count"])
    assert patience_s <= 15
    assert int(told["tcp_user_timeout"]) <= 15_000
    assert "idle_in_transaction_session_timeout" in limits


def test_a_request_does_not_meet_one_dead_connection_after_the_other(database_url: str) -> None:
    """PostgreSQL closed all that a busy moment had opened: the first dead one tells of the others."""
    application = "holdfast tests pool"

    async def waited_s() -> float:
        async with Pool(database_url, API_LIMITS, application, min_size=1, max_size=6, timeout_s=10) as pool:
            busy = [await pool.getconn() for _ in range(6)]
            for connection in busy:
                await pool.putconn(connection)
            with psycopg.connect(database_url) as other:
                killed = other.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s",
                    (application,),
                ).fetchall()
            assert killed == [(True,)] * 6
            began = time.monotonic()
            async with pool.connection() as connection:
                await connection.execute("SELECT 1")
            return time.monotonic() - began

    assert at_best(lambda: asyncio.run(waited_s()), 3) < 3, (
        "psycopg pauses for a second after one dead connection, for two after the next"
    )


async def forgets(execute: Callable[[str], Awaitable[object]]) -> None:
    """Ask until psycopg has prepared, then take its statements away, as a pooler would, and ask again."""
    for _ in range(8):
        await execute("SELECT 1 + 1")
    await execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
    await execute("SELECT 1 + 1")


def test_a_session_that_lost_its_prepared_statements_fails_once_and_leaves_its_pool(database_url: str) -> None:
    async def ask_again() -> object:
        how = {"autocommit": True, "prepare_threshold": 2}
        async with Pool(database_url, API_LIMITS, "tests", min_size=1, max_size=1, timeout_s=10, kwargs=how) as pool:
            with pytest.raises(psycopg.errors.InvalidSqlStatementName):
                async with pool.connection() as connection:
                    await forgets(connection.execute)
            async with pool.connection() as connection:
                return await (await connection.execute("SELECT 1 + 1")).fetchone()

    assert asyncio.run(ask_again()) == (2,)


def test_a_session_that_lost_its_prepared_statements_leaves_sqlalchemy_s_pool_too(database_url: str) -> None:
    async def ask_again() -> object:
        made = async_engine(
            database_url, LIST_LIMITS, "tests", pool_size=1, max_overflow=0, isolation_level="AUTOCOMMIT"
        )
        with pytest.raises(DBAPIError, match="does not exist"):
            async with made.connect() as connection:
                await forgets(lambda sql: connection.execute(text(sql)))
        async with made.connect() as connection:
            found = (await connection.execute(text("SELECT 1 + 1"))).scalar_one()
        await made.dispose()
        return found

    assert asyncio.run(ask_again()) == 2
