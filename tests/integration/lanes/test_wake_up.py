"""Waking: rings that are eaten, lost or never rung; marks that outlive their worker; workers that share lanes.

Each test says which remedy of docs/commands.md, "Waking", it holds; taken away, the test fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import pytest
import redis

from core.engine import lane as engine
from core.engine.lane import VisitResult
from core.engine.sweep import look
from core.store.inbox.acceptance import NewCommand
from core.wakeup.bells import Listener
from core.wakeup.broker import celery_app
from core.wakeup.keys import DELIVERIES, LANES, NO_PREFIX, PAYMENTS, RELAY
from core.wakeup.waker import Waker
from tests.conftest import NewValkey
from tests.support.engine.bells import ring_all, waker
from tests.support.engine.lanes import (
    Background,
    Pipeline,
    assert_order_kept,
    commands_by_partition,
    decide_that_raises,
    lane_locked,
    places,
)
from tests.support.processes.servers import settings_for
from tests.support.wait import at_best, wait_until
from workers import relay_server, serve_loop, sweep_tasks
from workers.lane_server import LaneServer

pytestmark = pytest.mark.usefixtures("short_linger")


def serving(pipeline: Pipeline, redis_url: str) -> Background:
    server = LaneServer(celery_app(redis_url), settings_for(pipeline.url, redis_url))
    return Background(server.run)


@contextmanager
def watching_turns(patch: pytest.MonkeyPatch) -> Iterator[list[VisitResult]]:
    turns: list[VisitResult] = []

    class Watched(engine.Lanes):
        def visit(self, numbers: Collection[int]) -> VisitResult:
            turn = super().visit(numbers)
            turns.append(turn)
            return turn

    patch.setattr("workers.lane_server.Lanes", Watched)
    yield turns


def test_a_ring_eaten_while_another_holds_the_lane_is_put_back_until_the_lane_is_free(
    pipeline: Pipeline, valkey_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: a ring that met a busy lane is put back. Lost, it would be the last one for a command
    that came between the holder's empty read and its commit."""
    pipeline.one_lane()
    with watching_turns(monkeypatch) as turns:
        with lane_locked(pipeline, 0):
            ids = pipeline.put(*places(1))
            ring_all(valkey_client, 1)
            server = serving(pipeline, redis_url)
            wait_until(lambda: any(turn.busy for turn in turns), "the ring met the busy lane")
            assert pipeline.codes(ids) == ["undecided"]
        server.join()
    assert pipeline.codes(ids) == ["succeeded"]


def test_a_busy_lane_is_left_out_for_a_moment_and_does_not_starve_the_others(
    pipeline: Pipeline, valkey_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: a worker waits on the bells of all its lanes and leaves a busy one out for a moment."""
    put = commands_by_partition(64, 32)
    pipeline.put(*put)
    stuck = pipeline.lane_of(put[0].id)
    others = [one.id for one in put if pipeline.lane_of(one.id) != stuck]
    with watching_turns(monkeypatch) as turns:
        with lane_locked(pipeline, stuck):
            ring_all(valkey_client)
            server = serving(pipeline, redis_url)
            wait_until(lambda: set(pipeline.decided_in_order()) == set(others), "the other lanes are decided")
            assert any(turn.busy for turn in turns)
        server.join()
    assert_order_kept(pipeline, put)


def test_a_worker_that_ends_takes_its_mark_along(
    pipeline: Pipeline, valkey_client: redis.Redis, redis_url: str
) -> None:
    serving(pipeline, redis_url).join()
    assert not valkey_client.exists(NO_PREFIX.listening_mark(LANES))


def swept(pipeline: Pipeline, valkey_client: redis.Redis) -> list[str]:
    """One run of the ringing sweep; how often it called."""
    called: list[str] = []
    others = (Waker(valkey_client, group, lambda: None) for group in (RELAY, PAYMENTS, DELIVERIES))
    sweep_tasks._ring(pipeline.connection, waker(valkey_client, called), *others)
    return called


def test_a_mark_that_outlives_its_killed_worker_stops_no_sweep(pipeline: Pipeline, valkey_client: redis.Redis) -> None:
    """Remedy: the sweep calls whatever the marks say, each second; and a mark lives two seconds at most."""
    Listener(valkey_client, LANES).wait([NO_PREFIX.lane_bell(0)], 0.01)  # and then kill -9
    ttl = valkey_client.pttl(NO_PREFIX.listening_mark(LANES))
    assert isinstance(ttl, int)
    assert 0 < ttl <= 2_000
    pipeline.put(*places(1))
    wait_until(lambda: bool(look(pipeline.connection).lanes), "the sweep sees the waiting lane")
    assert swept(pipeline, valkey_client) == ["called"]


def test_relay_servers_do_not_take_the_sweeps_places(pipeline: Pipeline, redis_url: str) -> None:
    """Remedy: a process relays once at a time; the sweep calls each second while events wait, and each call lingers."""
    app = celery_app(redis_url)
    relay_server.register(app, settings_for(pipeline.url, redis_url))
    first = Background(app.tasks["holdfast.relay.serve"])
    here = "SELECT FROM pg_stat_activity WHERE application_name = 'holdfast relay' AND datname = current_database()"
    wait_until(lambda: bool(pipeline.rows(here)), "the first relays")
    assert app.tasks["holdfast.relay.serve"]() == 0
    assert first.running
    first.join()


@pytest.mark.parametrize("lost", ["never rung", "emptied redis"])
def test_commands_that_nobody_rang_for_are_swept_up(
    pipeline: Pipeline, valkey_client: redis.Redis, redis_url: str, lost: str
) -> None:
    """Remedy: the sweep rings each lane that has undecided rows."""
    put = commands_by_partition(16, 16)
    pipeline.put(*put)
    if lost == "emptied redis":
        ring_all(valkey_client)
        valkey_client.flushall()
    wanted = {pipeline.lane_of(one.id) for one in put}
    wait_until(lambda: set(look(pipeline.connection).lanes) == wanted, "the sweep sees the lanes")
    assert swept(pipeline, valkey_client)
    serving(pipeline, redis_url).join()
    assert_order_kept(pipeline, put)


def test_while_redis_is_away_a_worker_looks_into_the_database(pipeline: Pipeline, new_valkey: NewValkey) -> None:
    """Remedy: a worker without Redis looks into PostgreSQL a few times a second, for as long as it stays."""
    valkey = new_valkey()
    server = serving(pipeline, valkey.url)
    valkey.kill()
    put = commands_by_partition(32, 16)
    pipeline.put(*put)
    try:
        wait_until(lambda: not pipeline.undecided(), "everything is decided without redis", 15)
    finally:
        valkey.start()
        server.join()
    assert_order_kept(pipeline, put)


def test_a_lane_whose_database_connection_was_killed_is_served_again(
    pipeline: Pipeline, valkey_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve_loop, "IDLE_S", 4.0)
    put = commands_by_partition(8, 8)
    server = serving(pipeline, redis_url)
    wait_until(
        lambda: bool(
            pipeline.rows(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE application_name = 'holdfast lane' AND datname = current_database()"
            )
        ),
        "a lane's connection was killed",
    )
    pipeline.put(*put)
    ring_all(valkey_client)
    wait_until(lambda: not pipeline.undecided(), "everything is decided on a new connection", 10)
    server.join()
    assert_order_kept(pipeline, put)


def test_a_worker_whose_connection_dies_before_it_knows_the_lanes_asks_on_a_new_one(
    pipeline: Pipeline, redis_url: str
) -> None:
    """Remedy: it knows no lane to listen to, so no ring would ever make it find out."""
    server = LaneServer(celery_app(redis_url), settings_for(pipeline.url, redis_url))
    pid = server._query().info.backend_pid
    pipeline.rows(f"SELECT pg_terminate_backend({pid}, 5000)")
    assert server._bells() == []
    assert server._bells()
    server._disconnect()


@pytest.mark.parametrize(("lanes", "workers"), [(8, 1), (1, 2), (8, 2), (1, 1)])
def test_lanes_and_workers_may_be_of_any_number(
    pipeline: Pipeline, valkey_client: redis.Redis, redis_url: str, lanes: int, workers: int
) -> None:
    """Affinity is by lock: eight lanes on one worker, or two workers on one lane, lose and repeat nothing."""
    pipeline.lanes(lanes)
    servers = [serving(pipeline, redis_url) for _ in range(workers)]
    put: list[NewCommand] = []
    for _ in range(10):
        more = commands_by_partition(60, 12)
        put += more
        pipeline.put(*more)
        ring_all(valkey_client, lanes)
    for server in servers:
        server.join()
    assert_order_kept(pipeline, put)


def test_a_full_batch_rings_again_for_the_rest(pipeline: Pipeline, valkey_client: redis.Redis, redis_url: str) -> None:
    """Remedy: a batch is bounded, and a full one rings again."""
    pipeline.one_lane()
    put = commands_by_partition(500, 3)
    pipeline.put(*put)
    ring_all(valkey_client, 1)
    serving(pipeline, redis_url).join()
    assert_order_kept(pipeline, put)


def test_a_parked_command_rings_again_for_what_stands_behind_it(
    pipeline: Pipeline, valkey_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.one_lane()
    put = commands_by_partition(9, 1)
    ids = pipeline.put(*put)
    decide_that_raises(monkeypatch, {ids[4]})
    ring_all(valkey_client, 1)
    serving(pipeline, redis_url).join()
    assert pipeline.codes(ids) == ["succeeded"] * 4 + ["command_failed"] + ["succeeded"] * 4


def elapsed_s(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def test_a_ring_wakes_a_waiting_worker_at_once(pipeline: Pipeline, valkey_client: redis.Redis, redis_url: str) -> None:
    """No lane waits a second: a rung command is decided well before the sweep would come."""
    server = serving(pipeline, redis_url)
    wait_until(lambda: bool(valkey_client.exists(NO_PREFIX.listening_mark(LANES))), "the worker listens")
    ids: list[UUID] = []
    wanted = iter(places(3))

    def waited_s() -> float:
        ids.extend(pipeline.put(next(wanted)))
        ring_all(valkey_client)
        return elapsed_s(partial(wait_until, lambda: not pipeline.undecided(), "it is decided"))

    assert at_best(waited_s, 0.9, tries=3) < 0.9
    ids += pipeline.put(*wanted)
    ring_all(valkey_client)
    wait_until(lambda: not pipeline.undecided(), "the others are decided too")
    server.join()
    assert pipeline.codes(ids) == ["succeeded"] * 3
