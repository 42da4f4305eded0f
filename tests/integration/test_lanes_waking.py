"""Waking: rings that are eaten, lost or never rung; marks that outlive their worker; workers that share lanes.

Each test says which remedy of the design's "Waking" it holds; taken away, the test fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from uuid import UUID

import pytest
import redis

from core import bells
from core.broker import celery_app
from core.engine import lane as engine
from core.engine.lane import Turn
from core.engine.sweep import look
from core.store.inbox import NewCommand
from core.store.lanes import LANE_SPACE
from tests.conftest import NewValkey
from tests.engine import Background, Pipeline, canaries, failing_decide, holding, places
from tests.stack import settings_for, wait_until
from workers import linger, relay, sweeps
from workers.lanes import LaneServer, narrowed
from workers.linger import Answer, Linger
from workers.ringing import CALLS_WAITING, Ears, Ringer, connect

GROUP = "tests"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    opened = connect(redis_url)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that end soon after the last ring."""
    monkeypatch.setattr(linger, "IDLE_S", 0.6)
    monkeypatch.setattr(linger, "WAIT_S", 0.1)
    monkeypatch.setattr(linger, "STAY_AFTER_BLIND_S", 1.0)


def serving(pipeline: Pipeline, redis_url: str) -> Background:
    server = LaneServer(celery_app(redis_url), settings_for(pipeline.url, redis_url))
    return Background(server.run)


def ringer(client: redis.Redis, called: list[str] | None = None) -> Ringer:
    calls = [] if called is None else called
    return Ringer(client, bells.LANES, lambda: calls.append("called"))


def ring_all(client: redis.Redis, lanes: int = 8) -> None:
    ringer(client).ring(bells.lane_bell(lane) for lane in range(lanes))


def keyed(count: int, keys: int) -> list[NewCommand]:
    """Commands of that many slot keys, in turn."""
    return [one for n in range(count) for one in canaries(1, slot_key=f"key:{n % keys}")]


def assert_order_kept(pipeline: Pipeline, put: list[NewCommand]) -> None:
    """Each decided once, and those of one slot key in the order they were accepted."""
    decided = pipeline.decided_in_order()
    assert sorted(decided) == sorted(one.id for one in put)
    for key in {one.slot_key for one in put}:
        wanted = [one.id for one in put if one.slot_key == key]
        assert [id_ for id_ in decided if id_ in set(wanted)] == wanted


@contextmanager
def occupied(pipeline: Pipeline, lane: int) -> Iterator[None]:
    """Somebody else holds the lane's lock."""
    with holding(pipeline.url, f"SELECT pg_advisory_xact_lock({LANE_SPACE}, {lane})"):
        yield


@contextmanager
def watching_turns(patch: pytest.MonkeyPatch) -> Iterator[list[Turn]]:
    turns: list[Turn] = []

    class Watched(engine.Lanes):
        def visit(self, numbers: Collection[int]) -> Turn:
            turn = super().visit(numbers)
            turns.append(turn)
            return turn

    patch.setattr("workers.lanes.Lanes", Watched)
    yield turns


def test_a_ring_eaten_while_another_holds_the_lane_is_put_back_until_the_lane_is_free(
    pipeline: Pipeline, client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: a ring that met a busy lane is put back. Lost, it would be the last one for a command
    that came between the holder's empty read and its commit."""
    pipeline.one_lane()
    with watching_turns(monkeypatch) as turns:
        with occupied(pipeline, 0):
            ids = pipeline.put(*places(1))
            ring_all(client, 1)
            server = serving(pipeline, redis_url)
            wait_until(lambda: any(turn.busy for turn in turns), "the ring met the busy lane")
            assert pipeline.codes(ids) == ["undecided"]
        server.join()
    assert pipeline.codes(ids) == ["succeeded"]


def test_a_busy_lane_is_left_out_for_a_moment_and_does_not_starve_the_others(
    pipeline: Pipeline, client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: a worker waits on the bells of all its lanes and leaves a busy one out for a moment."""
    put = keyed(64, 32)
    pipeline.put(*put)
    stuck = pipeline.lane_of(put[0].id)
    others = [one.id for one in put if pipeline.lane_of(one.id) != stuck]
    with watching_turns(monkeypatch) as turns:
        with occupied(pipeline, stuck):
            ring_all(client)
            server = serving(pipeline, redis_url)
            wait_until(lambda: set(pipeline.decided_in_order()) == set(others), "the other lanes are decided")
            assert any(turn.busy for turn in turns)
        server.join()
    assert_order_kept(pipeline, put)


def test_a_busy_lane_is_asked_again_after_pauses_that_grow(client: redis.Redis) -> None:
    """Remedy: a bell whose lane is another worker's is left out for a moment, not asked in a busy loop."""
    asked: list[float] = []
    bell = Ringer(client, GROUP, lambda: None)

    def answer(rung: Sequence[str]) -> Answer:
        asked.append(time.monotonic())
        is_free = len(asked) == 4
        return Answer(ring_again=rung) if is_free else Answer(leave_out=rung)

    bell.ring(["busy"])
    Linger(
        Ears(client, GROUP),
        bells=lambda: ["busy", "idle"],
        answer=answer,
        ring=bell.ring,
        look=list,
        stopping=lambda: len(asked) >= 7,
    ).run()
    pauses = [after - before for before, after in pairwise(asked)]
    shortest = [linger.BUSY_PAUSE_S * times for times in (1, 2, 4, 0, 1, 2)]
    assert all(pause >= at_least for pause, at_least in zip(pauses, shortest, strict=True))
    assert linger.BUSY_PAUSE_MAX_S < 1, "a lane whose worker died would wait too long"


def test_a_lane_that_always_has_more_does_not_starve_a_bell_that_rang_once(client: redis.Redis) -> None:
    """Remedy: bells are waited for in rotated order, the one answered last at the end."""
    order: list[str] = []
    bell = Ringer(client, GROUP, lambda: None)

    def answer(rung: Sequence[str]) -> Answer:
        order.extend(rung)
        return Answer(ring_again=[name for name in rung if name == "a"])

    bell.ring(["a", "b", "c"])
    Linger(
        Ears(client, GROUP),
        bells=lambda: ["a", "b", "c"],
        answer=answer,
        ring=bell.ring,
        look=list,
        stopping=lambda: len(order) >= 6,
    ).run()
    assert sorted(order[:3]) == ["a", "b", "c"]


def test_bells_are_answered_together_with_the_one_that_rang(client: redis.Redis) -> None:
    """Most of a visit's cost does not depend on how much it decides; what rang meanwhile is answered with it."""
    bell = Ringer(client, GROUP, lambda: None)
    bell.ring(["b", "c"])
    ears, names = Ears(client, GROUP), ["a", "b", "c", "d"]
    assert ears.wait(names, 1, most=3) == ["b", "a", "c"]
    assert ears.wait(names, 0.01, most=3) == []


def test_a_worker_takes_more_lanes_while_batches_are_small_and_fewer_when_they_are_full() -> None:
    """Else one worker would keep every lane from the others just when they are needed."""
    assert [narrowed(width, full=False, most=8) for width in (1, 2, 8)] == [2, 4, 8]
    assert [narrowed(width, full=True, most=8) for width in (8, 1)] == [4, 1]
    assert narrowed(8, full=False, most=2) == 2


def test_a_bell_rung_many_times_holds_one_ring(client: redis.Redis) -> None:
    for _ in range(50):
        ring_all(client, 2)
    assert client.llen(bells.lane_bell(0)) == client.llen(bells.lane_bell(1)) == 1


def test_a_ring_that_nobody_hears_calls_for_one_worker(client: redis.Redis) -> None:
    called: list[str] = []
    for _ in range(50):
        ringer(client, called).ring([bells.lane_bell(0)])
    assert called == ["called"]


def test_a_ring_that_somebody_hears_calls_for_nobody(client: redis.Redis) -> None:
    called: list[str] = []
    ears = Ears(client, bells.LANES)
    assert ears.wait([bells.lane_bell(0)], 0.01) == []
    ringer(client, called).ring([bells.lane_bell(0)])
    assert called == []
    assert ears.wait([bells.lane_bell(0)], 1) == [bells.lane_bell(0)]


def test_a_ring_in_the_moment_a_worker_ends_is_answered(client: redis.Redis) -> None:
    """Remedy: the mark goes first, then the bells are asked once more; in between a ring calls."""
    answered: list[str] = []
    called: list[str] = []
    late = ringer(client, called)

    class RungWhileLeaving(Ears):
        rung = False

        def leave(self) -> None:
            if not self.rung:
                self.rung = True
                late.ring(["bell"])
            super().leave()

    def answer(rung: Sequence[str]) -> Answer:
        answered.extend(rung)
        return Answer()

    Linger(
        RungWhileLeaving(client, bells.LANES),
        bells=lambda: ["bell"],
        answer=answer,
        ring=late.ring,
        look=list,
        stopping=lambda: False,
    ).run()
    assert (answered, called) == (["bell"], [])


def test_a_worker_that_ends_takes_its_mark_along(pipeline: Pipeline, client: redis.Redis, redis_url: str) -> None:
    serving(pipeline, redis_url).join()
    assert not client.exists(bells.listening_mark(bells.LANES))


def swept(pipeline: Pipeline, client: redis.Redis) -> list[str]:
    """One run of the ringing sweep; how often it called."""
    called: list[str] = []
    others = (Ringer(client, group, lambda: None) for group in (bells.RELAY, bells.PAYMENTS))
    sweeps._ring(pipeline.connection, ringer(client, called), *others)
    return called


def test_a_mark_that_outlives_its_killed_worker_stops_no_sweep(pipeline: Pipeline, client: redis.Redis) -> None:
    """Remedy: the sweep calls whatever the marks say, each second; and a mark lives two seconds at most."""
    Ears(client, bells.LANES).wait([bells.lane_bell(0)], 0.01)  # and then kill -9
    ttl = client.pttl(bells.listening_mark(bells.LANES))
    assert isinstance(ttl, int)
    assert 0 < ttl <= 2_000
    pipeline.put(*places(1))
    wait_until(lambda: bool(look(pipeline.connection).lanes), "the sweep sees the waiting lane")
    assert swept(pipeline, client) == ["called"]


def test_a_sweep_leaves_no_more_calls_than_are_of_use(pipeline: Pipeline, client: redis.Redis, redis_url: str) -> None:
    app = celery_app(redis_url)
    lanes = Ringer(client, bells.LANES, lambda: app.send_task("holdfast.lanes.serve", retry=False))
    for _ in range(10):
        lanes.call()
    assert client.llen(bells.LANES) == CALLS_WAITING


def test_relay_servers_do_not_take_the_sweeps_places(pipeline: Pipeline, redis_url: str) -> None:
    """Remedy: a process relays once at a time; the sweep calls each second while events wait, and each call lingers."""
    app = celery_app(redis_url)
    relay.register(app, settings_for(pipeline.url, redis_url))
    first = Background(app.tasks["holdfast.relay.serve"])
    here = "SELECT FROM pg_stat_activity WHERE application_name = 'holdfast relay' AND datname = current_database()"
    wait_until(lambda: bool(pipeline.rows(here)), "the first relays")
    assert app.tasks["holdfast.relay.serve"]() == 0
    assert first.running
    first.join()


@pytest.mark.parametrize("lost", ["never rung", "emptied redis"])
def test_commands_that_nobody_rang_for_are_swept_up(
    pipeline: Pipeline, client: redis.Redis, redis_url: str, lost: str
) -> None:
    """Remedy: the sweep rings each lane that has undecided rows."""
    put = keyed(16, 16)
    pipeline.put(*put)
    if lost == "emptied redis":
        ring_all(client)
        client.flushall()
    wanted = {pipeline.lane_of(one.id) for one in put}
    wait_until(lambda: set(look(pipeline.connection).lanes) == wanted, "the sweep sees the lanes")
    assert swept(pipeline, client)
    serving(pipeline, redis_url).join()
    assert_order_kept(pipeline, put)


def test_while_redis_is_away_a_worker_looks_into_the_database(pipeline: Pipeline, new_valkey: NewValkey) -> None:
    """Remedy: a worker without Redis looks into PostgreSQL a few times a second, for as long as it stays."""
    valkey = new_valkey()
    server = serving(pipeline, valkey.url)
    valkey.kill()
    put = keyed(32, 16)
    pipeline.put(*put)
    try:
        wait_until(lambda: not pipeline.undecided(), "everything is decided without redis", 15)
    finally:
        valkey.start()
        server.join()
    assert_order_kept(pipeline, put)


def test_a_lane_whose_database_connection_was_killed_is_served_again(
    pipeline: Pipeline, client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linger, "IDLE_S", 2.0)
    put = keyed(8, 8)
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
    ring_all(client)
    wait_until(lambda: not pipeline.undecided(), "everything is decided on a new connection", 10)
    server.join()
    assert_order_kept(pipeline, put)


@pytest.mark.parametrize(("lanes", "workers"), [(8, 1), (1, 2), (8, 2), (1, 1)])
def test_lanes_and_workers_may_be_of_any_number(
    pipeline: Pipeline, client: redis.Redis, redis_url: str, lanes: int, workers: int
) -> None:
    """Affinity is by lock: eight lanes on one worker, or two workers on one lane, lose and repeat nothing."""
    pipeline.lanes(lanes)
    servers = [serving(pipeline, redis_url) for _ in range(workers)]
    put: list[NewCommand] = []
    for _ in range(10):
        more = keyed(60, 12)
        put += more
        pipeline.put(*more)
        ring_all(client, lanes)
    for server in servers:
        server.join()
    assert_order_kept(pipeline, put)


def test_a_full_batch_rings_again_for_the_rest(pipeline: Pipeline, client: redis.Redis, redis_url: str) -> None:
    """Remedy: a batch is bounded, and a full one rings again."""
    pipeline.one_lane()
    put = keyed(500, 3)
    pipeline.put(*put)
    ring_all(client, 1)
    serving(pipeline, redis_url).join()
    assert_order_kept(pipeline, put)


def test_a_parked_command_rings_again_for_what_stands_behind_it(
    pipeline: Pipeline, client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.one_lane()
    put = keyed(9, 1)
    ids = pipeline.put(*put)
    failing_decide(monkeypatch, {ids[4]})
    ring_all(client, 1)
    serving(pipeline, redis_url).join()
    assert pipeline.codes(ids) == ["succeeded"] * 4 + ["command_failed"] + ["succeeded"] * 4


def elapsed_s(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def test_a_ring_wakes_a_waiting_worker_at_once(pipeline: Pipeline, client: redis.Redis, redis_url: str) -> None:
    """No lane waits a second: a rung command is decided well before the sweep would come."""
    server = serving(pipeline, redis_url)
    wait_until(lambda: bool(client.exists(bells.listening_mark(bells.LANES))), "the worker listens")
    ids: list[UUID] = []
    for place in places(3):
        ids += pipeline.put(place)
        ring_all(client)
        waited = elapsed_s(partial(wait_until, lambda: not pipeline.undecided(), "it is decided", 5))
        assert waited < 0.9
    server.join()
    assert pipeline.codes(ids) == ["succeeded"] * 3
