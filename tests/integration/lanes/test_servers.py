"""As many lane workers serve as the load needs; the others wait to be called."""

from __future__ import annotations

import pytest
import redis

from core.wakeup import bells
from core.wakeup.bells import Roster, connect
from core.wakeup.broker import celery_app
from core.wakeup.keys import LANES, NO_PREFIX
from tests.support.engine.bells import ring_all
from tests.support.engine.lanes import Background, Pipeline, assert_order_kept, commands_by_partition
from tests.support.processes.servers import settings_for
from tests.support.wait import wait_until
from workers import lane_server, serve_loop
from workers.lane_server import LaneServer

pytestmark = pytest.mark.usefixtures("short_linger")


def server(pipeline: Pipeline, redis_url: str) -> LaneServer:
    return LaneServer(celery_app(redis_url), settings_for(pipeline.url, redis_url))


def calls(client: redis.Redis) -> int:
    """Celery tasks that wait for a worker."""
    return int(client.llen(LANES))


def test_a_server_that_nobody_needs_leaves_and_the_first_serves_on(
    pipeline: Pipeline, valkey_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("SERVERS", 1), ("STAY_S", 0.2), ("COUNT_EVERY_S", 0.05)):
        monkeypatch.setattr(lane_server, name, value)
    monkeypatch.setattr(serve_loop, "IDLE_S", 60.0)
    first = Background(server(pipeline, redis_url).run)
    wait_until(lambda: valkey_client.zcard(NO_PREFIX.roster(LANES)) == 1, "the first serves")
    Background(server(pipeline, redis_url).run).join()
    assert valkey_client.zcard(NO_PREFIX.roster(LANES)) == 1, "who leaves says so"
    put = commands_by_partition(20, 5)
    pipeline.put(*put)
    ring_all(valkey_client)
    wait_until(lambda: not pipeline.undecided(), "the first decides all")
    assert calls(valkey_client) == 0, "its mark stands: nobody was called"
    monkeypatch.setattr(serve_loop, "IDLE_S", 0.0)
    first.join()
    assert_order_kept(pipeline, put)


@pytest.mark.parametrize(("servers", "stays"), [(1, False), (2, True)])
def test_one_for_each_two_cores_stays(
    pipeline: Pipeline,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    servers: int,
    stays: bool,  # noqa: FBT001 - pytest names it
) -> None:
    monkeypatch.setattr(lane_server, "SERVERS", servers)
    monkeypatch.setattr(lane_server, "STAY_S", 0.0)
    first, second = server(pipeline, redis_url), server(pipeline, redis_url)
    assert first._is_needed()
    assert second._is_needed() is stays


def test_a_server_that_was_called_a_moment_ago_or_cannot_count_stays(
    pipeline: Pipeline, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_server, "SERVERS", 1)
    assert server(pipeline, redis_url)._is_needed()
    assert server(pipeline, redis_url)._is_needed(), "it was called for a reason"
    monkeypatch.setattr(lane_server, "STAY_S", 0.0)
    assert server(pipeline, "redis://127.0.0.1:1/0")._is_needed(), "while Redis is away nobody else could be called"


def test_a_server_that_waits_for_its_schema_does_not_count_among_those_that_serve(
    pipeline: Pipeline, redis_url: str, valkey_client: redis.Redis
) -> None:
    """It began before a server of the release before: that one would leave, and nobody would decide."""
    pipeline.connection.execute("UPDATE alembic_version SET version_num = '0019'")
    waiting = server(pipeline, redis_url)
    assert waiting._bells() == []
    assert waiting._is_needed()
    assert valkey_client.zcard(NO_PREFIX.roster(LANES)) == 0


def test_a_full_batch_calls_for_one_more_server_and_keeps_those_there_are(
    pipeline: Pipeline, valkey_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_server, "SERVERS", 1)
    monkeypatch.setattr(lane_server, "COUNT_EVERY_S", 0.0)
    monkeypatch.setattr(lane_server, "STAY_S", 60.0)
    monkeypatch.setattr(lane_server, "HELP_EVERY_S", 60.0)
    pipeline.one_lane()
    first, second = server(pipeline, redis_url), server(pipeline, redis_url)
    assert first._is_needed()
    second._needed_at = float("-inf")
    assert not second._is_needed()
    bell = [NO_PREFIX.lane_bell(0)]
    few, many = commands_by_partition(10, 1), commands_by_partition(900, 3)
    pipeline.put(*few)
    second._answer(bell)
    assert (calls(valkey_client), second._is_needed()) == (0, False)
    pipeline.put(*many)
    second._answer(bell)
    second._answer(bell)
    assert (calls(valkey_client), second._is_needed()) == (1, True), "not with each batch"
    second._disconnect()


def test_a_server_that_is_silent_for_a_while_is_not_counted_any_more(
    valkey_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(redis_url)
    first, second = Roster(client, "tests"), Roster(client, "tests")
    assert (first.older_servers(), second.older_servers(), first.older_servers()) == (0, 1, 0)
    monkeypatch.setattr(bells, "LISTENING_MS", 50)
    wait_until(lambda: second.older_servers() == 0, "the first is forgotten")
    monkeypatch.setattr(bells, "LISTENING_MS", 60_000)
    assert first.older_servers() == 0, "and comes back in its old place"
    assert second.older_servers() == 1
    first.leave()
    assert second.older_servers() == 0
    assert valkey_client.pttl(NO_PREFIX.roster("tests")) > 0
