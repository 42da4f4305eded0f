"""Requests that wait for events: one read serves them all, and whatever goes away, none is left waiting for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg
import pytest

from api.events import event_follower, told_events
from api.events.event_follower import EventFollower, Wait
from api.events.told_events import Told, read_after
from api.http.errors import Problem
from core.identity.credentials.lookup import Credential
from core.store.connections.database import API_LIMITS
from core.store.connections.pool import Pool
from core.store.feed import NOWHERE, Position, parse_position, read_head, read_snapshot, settle_epoch
from core.store.feed_filter import FeedFilter, service_number
from core.wakeup.keys import NO_PREFIX
from ops.ports import free_ports
from tests.support.engine.lanes import Pipeline, places
from tests.support.notifier import STAFF, populate, tell
from tests.support.processes.servers import PostgresServer
from tests.support.wait import until

WAIT_S = 30.0
SQL_TOKEN = """
INSERT INTO api_token (user_id, token_hash, auth_epoch)
SELECT id, '\\x01', auth_epoch FROM user_account WHERE id = %s RETURNING id, auth_epoch
"""
NOT_AT_ALL = FeedFilter(resource_ids=frozenset({77}))


@asynccontextmanager
async def following(database_url: str, redis_url: str) -> AsyncIterator[EventFollower]:
    """As one API process has it."""
    pool = Pool(
        database_url, API_LIMITS, "holdfast api", min_size=1, max_size=2, timeout_s=1, kwargs={"autocommit": True}
    )
    async with pool:
        follower = EventFollower(pool, redis_url, NO_PREFIX)
        try:
            yield follower
        finally:
            await follower.close()


def pool_of(follower: EventFollower) -> Pool:
    return follower._pool


async def head_of(follower: EventFollower) -> Position:
    """Of a database whose copy has been noticed: otherwise the first event would begin a new epoch."""
    async with pool_of(follower).connection() as connection:
        await settle_epoch(connection, NOWHERE, None)
        return await read_head(connection)


@pytest.fixture
def token(pipeline: Pipeline) -> Credential:
    """Of a member of staff, by an API token."""
    populate(pipeline)
    id_, epoch = pipeline.row(SQL_TOKEN, STAFF)
    return Credential(None, id_, STAFF, epoch)


def numbers(told: Told) -> list[int]:
    return [int(msgspec.json.decode(one)["position"].split("-")[1]) for one in told.messages]


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where each page that is read for those who wait begins."""
    begun: list[int] = []
    read = read_snapshot

    async def counted(connection: Any, after: int, limit: int) -> Any:
        begun.append(after)
        return await read(connection, after, limit)

    monkeypatch.setattr(event_follower, "read_snapshot", counted)
    return begun


async def waiting(follower: EventFollower, *waits: Wait) -> list[asyncio.Task[Told]]:
    tasks = [asyncio.create_task(follower.wait(one, WAIT_S)) for one in waits]
    await until(lambda: len(follower._waiting) >= len(waits), "all wait")
    return tasks


async def test_all_who_wait_are_served_by_one_read(
    pipeline: Pipeline, redis_url: str, token: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_follower, "LOOK_S", 0.05)
    async with following(pipeline.url, redis_url) as follower:
        head = await head_of(follower)
        begun = count_reads(monkeypatch)
        tasks = await waiting(follower, *(Wait(head, FeedFilter(), 50, token) for _ in range(10)))
        pipeline.put(*places(3))
        tell(pipeline)
        assert [numbers(told) for told in await asyncio.gather(*tasks)] == [[1, 2, 3]] * 10
        assert begun == [head.number]
        assert not follower._waiting
        assert not follower._of_caller


async def test_a_filter_moves_on_over_what_it_does_not_let_through_and_a_limit_stops_before_the_rest(
    pipeline: Pipeline, redis_url: str, token: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_follower, "LOOK_S", 0.05)
    async with following(pipeline.url, redis_url) as follower:
        head = await head_of(follower)
        narrow, two = Wait(head, NOT_AT_ALL, 50, token), Wait(head, FeedFilter(), 2, token)
        nothing, first = await waiting(follower, narrow, two)
        pipeline.put(*places(5))
        tell(pipeline)
        told = await first
        assert (numbers(told), told.next.number) == ([1, 2], 2)
        await until(lambda: narrow.position.number == 5, "the narrow one has moved on")
        assert not nothing.done()
        follower.end_waits()
        assert await nothing == Told((), Position(head.epoch, 5))
        late = Wait(head, FeedFilter(), 50, token)
        assert await follower.wait(late, WAIT_S) == Told((), head), "nobody waits while the process stops"


async def test_what_was_read_while_a_request_was_on_its_way_is_told_at_once(
    pipeline: Pipeline, redis_url: str, token: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own read ended before the event, and it joins after others have been told."""
    monkeypatch.setattr(event_follower, "LOOK_S", 30.0)
    async with following(pipeline.url, redis_url) as follower:
        head = await head_of(follower)
        pipeline.put(*places(1))
        tell(pipeline)
        (narrow,) = await waiting(follower, Wait(head, NOT_AT_ALL, 50, token))
        await until(lambda: follower._seen == 1, "the event was read")
        (late,) = await waiting(follower, Wait(head, FeedFilter(), 50, token))
        assert numbers(await asyncio.wait_for(late, 10)) == [1]
        narrow.cancel()


async def test_without_redis_it_looks_by_itself(pipeline: Pipeline, token: Credential) -> None:
    (nobody,) = free_ports(1)
    async with following(pipeline.url, f"redis://127.0.0.1:{nobody}/0") as follower:
        (task,) = await waiting(follower, Wait(await head_of(follower), FeedFilter(), 50, token))
        pipeline.put(*places(1))
        tell(pipeline)
        assert numbers(await asyncio.wait_for(task, 10)) == [1]


async def test_a_login_that_ends_ends_its_waits_before_anything_is_told(
    pipeline: Pipeline, redis_url: str, token: Credential
) -> None:
    async with following(pipeline.url, redis_url) as follower:
        (task,) = await waiting(follower, Wait(await head_of(follower), FeedFilter(), 50, token))
        pipeline.connection.execute(
            "UPDATE user_account SET is_staff = false, auth_epoch = auth_epoch + 1 WHERE id = 2"
        )
        pipeline.put(*places(1))
        tell(pipeline)
        with pytest.raises(Problem) as refused:
            await asyncio.wait_for(task, 10)
        assert (refused.value.status, refused.value.code) == (401, "bad_credential")


async def test_without_postgresql_those_who_wait_are_told_to_try_again(
    postgres: PostgresServer, pipeline: Pipeline, redis_url: str, token: Credential
) -> None:
    async with following(pipeline.url, redis_url) as follower:
        (task,) = await waiting(follower, Wait(await head_of(follower), FeedFilter(), 50, token))
        (name,) = pipeline.row("SELECT current_database()")
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as server:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        with pytest.raises(Problem) as refused:
            await asyncio.wait_for(task, 20)
        assert (refused.value.status, refused.value.code) == (503, "unavailable")


@pytest.mark.parametrize("change", ["UPDATE feed SET epoch = 'restored'", "UPDATE feed SET last_position = 1"])
async def test_a_restored_database_ends_the_waits_with_a_fresh_position(
    pipeline: Pipeline, redis_url: str, token: Credential, change: str
) -> None:
    pipeline.put(*places(3))
    tell(pipeline)
    async with following(pipeline.url, redis_url) as follower:
        (task,) = await waiting(follower, Wait(await head_of(follower), FeedFilter(), 50, token))
        pipeline.connection.execute(change.encode())
        with pytest.raises(Problem) as gone:
            await asyncio.wait_for(task, 10)
        fresh = parse_position(gone.value.headers["Holdfast-Position"])
        assert gone.value.status == 410
        assert str(fresh) == "-".join(map(str, pipeline.row("SELECT epoch, last_position FROM feed")))


async def test_a_position_beyond_what_is_kept_or_too_far_behind_is_gone(
    pipeline: Pipeline, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(pipeline)
    for n in range(3):
        pipeline.put(*places(3 * n + 3)[3 * n :])
        tell(pipeline)
    async with following(pipeline.url, redis_url) as follower:
        pool, head = pool_of(follower), await head_of(follower)

        async def told_after(number: int) -> list[int] | int:
            try:
                return numbers(await read_after(pool, Position(head.epoch, number), FeedFilter(), 50))
            except Problem as gone:
                return gone.status

        assert await told_after(0) == list(range(1, 10))
        assert await told_after(9) == []
        assert await told_after(10) == 410
        pipeline.connection.execute("DELETE FROM event_batch WHERE first_position = 1")
        assert await told_after(1) == 410
        assert await told_after(3) == [4, 5, 6, 7, 8, 9]
        monkeypatch.setattr(told_events, "BEHIND_MAX", 4)
        assert (await told_after(4), await told_after(5)) == (410, [6, 7, 8, 9])


async def test_a_narrow_filter_reads_on_to_the_head(
    pipeline: Pipeline, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(pipeline)
    pipeline.put(*places(20))
    tell(pipeline)
    monkeypatch.setattr(told_events, "SCANNED_AT_ONCE", 3)
    async with following(pipeline.url, redis_url) as follower:
        head = await head_of(follower)
        start = Position(head.epoch, 0)
        nothing = FeedFilter(services=frozenset({service_number("nobody's")}))
        assert await read_after(pool_of(follower), start, nothing, 50) == Told([], head)
        everything = FeedFilter(services=frozenset({service_number(" LEGAL  consultation")}))
        told = await read_after(pool_of(follower), start, everything, 7)
        assert (numbers(told), told.next.number) == (list(range(1, 8)), 7)
