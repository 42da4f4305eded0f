"""Reads that share round trips: each gets its own answer, of a moment after it was asked, whatever befalls the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from core.store.connections.database import Connection
from core.store.reads import shared_reads as module
from core.store.reads.shared_reads import APPLICATION, READERS, SharedReads, SlowReadError, TooManyReadsError
from tests.support.shared_reads import Asked, shared_reads
from tests.support.wait import until

LOCK = 1234
SQL_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
SQL_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"


@pytest_asyncio.fixture
async def reads(database_url: str) -> AsyncIterator[SharedReads]:
    async with shared_reads(database_url) as opened:
        yield opened


def number(n: int) -> Asked:
    return Asked((("SELECT %s::bigint", (n,)),))


COUNT = Asked((("SELECT count(*) FROM counted", ()),))
HELD_UP = Asked(
    (("SELECT pg_advisory_xact_lock_shared(%s)::text", (LOCK,)), ("SELECT count(*) FROM counted", ()))
)  # its snapshot is taken before it waits


async def test_reads_that_are_asked_together_get_each_its_own_answer(reads: SharedReads) -> None:
    found = await asyncio.gather(*(reads.ask(number(n % 50)) for n in range(200)))
    assert [one.rows(0) for one in found] == [[(n % 50,)] for n in range(200)]


async def test_equal_reads_that_are_asked_together_are_one(reads: SharedReads) -> None:
    one, other, third = await asyncio.gather(reads.ask(number(1)), reads.ask(number(1)), reads.ask(number(2)))
    assert one is other
    assert one is not third
    assert one.raw == other.raw != third.raw


async def test_all_queries_of_a_read_see_the_same_moment(reads: SharedReads, connection: Connection) -> None:
    connection.execute("CREATE TABLE counted (n integer)")
    connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    waiting = asyncio.create_task(reads.ask(Asked((*COUNT.asked, *HELD_UP.asked))))
    await until(lambda: connection.execute(SQL_WAITING, (APPLICATION,)).fetchone() == (1,), "the read waits")
    connection.execute("INSERT INTO counted VALUES (1)")
    connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
    found = await waiting
    assert found.rows(0) == found.rows(2) == [(0,)]


async def test_a_read_never_joins_an_equal_one_that_is_under_way(reads: SharedReads, connection: Connection) -> None:
    """That one may have taken its snapshot before what the caller knows to be committed."""
    connection.execute("CREATE TABLE counted (n integer)")
    connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    read = Asked((*COUNT.asked, *HELD_UP.asked))
    before = asyncio.create_task(reads.ask(read))
    await until(lambda: connection.execute(SQL_WAITING, (APPLICATION,)).fetchone() == (1,), "the read waits")
    connection.execute("INSERT INTO counted VALUES (1)")
    after = asyncio.create_task(reads.ask(read))
    await until(lambda: connection.execute(SQL_WAITING, (APPLICATION,)).fetchone() == (2,), "both wait")
    connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
    assert (await before).rows(0) == [(0,)]
    assert (await after).rows(0) == [(1,)]


async def test_a_read_that_fails_fails_alone(reads: SharedReads) -> None:
    wrong = Asked((("SELECT 1 / %s::integer", (0,)),))
    asked = [number(1), wrong, number(2)]
    found = await asyncio.gather(*map(reads.ask, asked), return_exceptions=True)
    assert isinstance(found[1], psycopg.errors.DivisionByZero)
    assert [one.rows(0) for one in (found[0], found[2]) if not isinstance(one, BaseException)] == [[(1,)], [(2,)]]


async def test_a_read_whose_client_is_gone_troubles_no_other(reads: SharedReads) -> None:
    gone, stays = asyncio.create_task(reads.ask(number(1))), asyncio.create_task(reads.ask(number(1)))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays).rows(0) == [(1,)]


async def test_connections_that_were_lost_are_made_again_unnoticed(reads: SharedReads, connection: Connection) -> None:
    await reads.ask(number(1))
    assert connection.execute(f"SELECT count(pg_terminate_backend(pid)) FROM ({SQL_SESSIONS})".encode(), (APPLICATION,)).fetchone() == (1,)  # fmt: skip
    assert (await reads.ask(number(1))).rows(0) == [(1,)]


async def test_a_table_that_a_migration_changed_is_read_as_it_is(reads: SharedReads, connection: Connection) -> None:
    connection.execute("CREATE TABLE counted (n integer)")
    connection.execute("INSERT INTO counted VALUES (1)")
    everything = Asked((("SELECT * FROM counted", ()),))
    assert (await reads.ask(everything)).rows(0) == [(1,)]
    connection.execute("ALTER TABLE counted ADD COLUMN m integer DEFAULT 2")
    assert (await reads.ask(everything)).rows(0) == [(1, 2)]


async def test_nothing_can_be_written(reads: SharedReads, connection: Connection) -> None:
    connection.execute("CREATE TABLE counted (n integer)")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await reads.ask(Asked((("INSERT INTO counted VALUES (1)", ()),)))


async def test_a_database_that_is_away_fails_all_who_ask_and_they_are_as_many_as_may_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 3)
    async with shared_reads("postgresql://nobody@127.0.0.1:1/none") as reads:
        found = await asyncio.gather(*(reads.ask(number(n)) for n in range(5)), return_exceptions=True)
    assert [isinstance(one, TooManyReadsError) for one in found] == [False] * 3 + [True] * 2
    assert all(isinstance(one, psycopg.OperationalError) for one in found)


async def test_no_request_waits_for_ever_and_the_next_reader_serves_the_others(
    reads: SharedReads, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute("CREATE TABLE counted (n integer)")
    connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    monkeypatch.setattr(module, "FOUND_WITHIN_S", 0.5)
    slow = [asyncio.create_task(reads.ask(HELD_UP))]
    await until(lambda: connection.execute(SQL_WAITING, (APPLICATION,)).fetchone() == (1,), "the read waits")
    monkeypatch.setattr(module, "FOUND_WITHIN_S", 60.0)
    assert (await reads.ask(number(1))).rows(0) == [(1,)]
    with pytest.raises(SlowReadError):
        await slow[0]
    connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
    assert len(connection.execute(SQL_SESSIONS, (APPLICATION,)).fetchall()) <= READERS
