"""Outcomes reach the requests that wait, whether Redis tells them or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
import redis.asyncio

from api.commands.outcome_waiter import OutcomeWaiter
from core.store.connections.database import API_LIMITS
from core.store.connections.pool import Pool
from ops.ports import free_ports
from tests.support.engine.lanes import Pipeline, new, places
from tests.support.wait import until

WITHIN_S = 5.0
"""Half of what a client waits unless told; a quarter of a second is usual."""


@asynccontextmanager
async def listening(database_url: str, redis_url: str) -> AsyncIterator[OutcomeWaiter]:
    """One API process's listener."""
    client = redis.asyncio.Redis.from_url(redis_url)
    application = "holdfast api"
    pool = Pool(
        database_url, API_LIMITS, application, min_size=1, max_size=1, timeout_s=30, kwargs={"autocommit": True}
    )
    async with pool:
        outcomes = OutcomeWaiter(pool, client)
        await outcomes.open()
        try:
            yield outcomes
        finally:
            await outcomes.close()
            await client.aclose()


@pytest.mark.parametrize("redis_is", ["silent", "away"])
async def test_an_outcome_that_redis_does_not_tell_is_read_from_the_database(
    pipeline: Pipeline, redis_url: str, redis_is: str
) -> None:
    """Remedy: what is waited for is read a few times a second. The workers here publish nothing: a message is lost,
    or was meant for another process."""
    pipeline.one_lane()
    id_ = uuid4()
    (nobody,) = free_ports(1)
    url = redis_url if redis_is == "silent" else f"redis://127.0.0.1:{nobody}/0"
    async with listening(pipeline.url, url) as outcomes:
        waiting = outcomes.expect(id_)
        pipeline.put(new(places(1)[0], id=id_, reply_to=outcomes.reply_to))
        pipeline.worker().visit_until_done()
        answer = await asyncio.wait_for(waiting, WITHIN_S)
    assert answer is not None
    written = pipeline.row("SELECT http_status, response::text FROM outcome WHERE id = %s", id_)
    assert (answer.status, answer.body.decode()) == written
    assert answer.status == 201


async def test_redis_is_taken_for_down_only_once_it_was_asked(pipeline: Pipeline, redis_url: str) -> None:
    """The first requests of a process wait like all others."""
    (nobody,) = free_ports(1)
    for url, is_down in ((redis_url, False), (f"redis://127.0.0.1:{nobody}/0", True)):
        async with listening(pipeline.url, url) as outcomes:
            assert not outcomes.redis_is_down
            await until(lambda: outcomes.redis_is_up or outcomes.redis_is_down, "Redis was asked")
            assert (outcomes.redis_is_up, outcomes.redis_is_down) == (not is_down, is_down)
