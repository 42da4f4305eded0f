"""Bells: rings that are kept, heard, answered together and never lost, by those who ring and those who wait."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
import redis

from core.wakeup.bells import Listener
from core.wakeup.broker import celery_app
from core.wakeup.keys import LANES, NO_PREFIX
from core.wakeup.waker import CALLS_WAITING, Waker
from tests.support.engine.bells import ring_all, waker
from tests.support.engine.lanes import Pipeline
from workers import serve_loop
from workers.lane_server import narrowed
from workers.serve_loop import Answer, ServeLoop

pytestmark = pytest.mark.usefixtures("short_linger")

GROUP = "tests"


def test_a_busy_lane_is_asked_again_after_pauses_that_grow(valkey_client: redis.Redis) -> None:
    """Remedy: a bell whose lane is another worker's is left out for a moment, not asked in a busy loop."""
    asked: list[float] = []
    bell = Waker(valkey_client, GROUP, lambda: None)

    def answer(rung: Sequence[str]) -> Answer:
        asked.append(time.monotonic())
        is_free = len(asked) == 4
        return Answer(ring_again=rung) if is_free else Answer(leave_out=rung)

    bell.ring(["busy"])
    ServeLoop(
        Listener(valkey_client, GROUP),
        bells=lambda: ["busy", "idle"],
        answer=answer,
        ring=bell.ring,
        look=list,
        stopping=lambda: len(asked) >= 7,
    ).run()
    pauses = [after - before for before, after in pairwise(asked)]
    shortest = [serve_loop.BUSY_PAUSE_S * times for times in (1, 2, 4, 0, 1, 2)]
    assert all(pause >= at_least for pause, at_least in zip(pauses, shortest, strict=True))
    assert serve_loop.BUSY_PAUSE_MAX_S < 1, "a lane whose worker died would wait too long"


def test_a_lane_that_always_has_more_does_not_starve_a_bell_that_rang_once(valkey_client: redis.Redis) -> None:
    """Remedy: bells are waited for in rotated order, the one answered last at the end."""
    order: list[str] = []
    bell = Waker(valkey_client, GROUP, lambda: None)

    def answer(rung: Sequence[str]) -> Answer:
        order.extend(rung)
        return Answer(ring_again=[name for name in rung if name == "a"])

    bell.ring(["a", "b", "c"])
    ServeLoop(
        Listener(valkey_client, GROUP),
        bells=lambda: ["a", "b", "c"],
        answer=answer,
        ring=bell.ring,
        look=list,
        stopping=lambda: len(order) >= 6,
    ).run()
    assert sorted(order[:3]) == ["a", "b", "c"]


def test_bells_are_answered_together_with_the_one_that_rang(valkey_client: redis.Redis) -> None:
    """Most of a visit's cost does not depend on how much it decides; what rang meanwhile is answered with it."""
    bell = Waker(valkey_client, GROUP, lambda: None)
    bell.ring(["b", "c"])
    listener, names = Listener(valkey_client, GROUP), ["a", "b", "c", "d"]
    assert listener.wait(names, 1, most=3) == ["b", "a", "c"]
    assert listener.wait(names, 0.01, most=3) == []
    bell.ring(["b", "c"])
    assert listener.wait(names, 1, most=4) == ["b", "a", "c", "d"]
    assert listener.wait(names, 0.01, most=4) == []


def test_a_ring_in_the_moment_after_a_wait_for_all_bells_is_answered(
    valkey_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All bells are silenced in the same round trip, also when none rang: what rang just before that counts."""
    late = "redis.call('RPUSH', KEYS[2], '1') return redis.call('DEL', unpack(KEYS))"
    with monkeypatch.context() as patch:
        patch.setattr(redis.client.Pipeline, "delete", lambda pipe, *names: pipe.eval(late, len(names), *names))
        assert Listener(valkey_client, GROUP).wait(["a", "b", "c"], 0.01, most=3) == ["a", "b", "c"]
    assert Listener(valkey_client, GROUP).wait(["a", "b", "c"], 0.01, most=3) == []


def test_a_worker_takes_more_lanes_while_batches_are_small_and_fewer_when_they_are_full() -> None:
    """Else one worker would keep every lane from the others just when they are needed."""
    assert [narrowed(width, full=False, most=8) for width in (1, 2, 8)] == [2, 4, 8]
    assert [narrowed(width, full=True, most=8) for width in (8, 1)] == [4, 1]
    assert narrowed(8, full=False, most=2) == 2


def test_a_bell_rung_many_times_holds_one_ring(valkey_client: redis.Redis) -> None:
    for _ in range(50):
        ring_all(valkey_client, 2)
    assert valkey_client.llen(NO_PREFIX.lane_bell(0)) == valkey_client.llen(NO_PREFIX.lane_bell(1)) == 1


def test_a_ring_that_nobody_hears_calls_for_one_worker(valkey_client: redis.Redis) -> None:
    called: list[str] = []
    for _ in range(50):
        waker(valkey_client, called).ring([NO_PREFIX.lane_bell(0)])
    assert called == ["called"]


def test_a_ring_that_somebody_hears_calls_for_nobody(valkey_client: redis.Redis) -> None:
    called: list[str] = []
    listener = Listener(valkey_client, LANES)
    assert listener.wait([NO_PREFIX.lane_bell(0)], 0.01) == []
    waker(valkey_client, called).ring([NO_PREFIX.lane_bell(0)])
    assert called == []
    assert listener.wait([NO_PREFIX.lane_bell(0)], 1) == [NO_PREFIX.lane_bell(0)]


def test_a_ring_in_the_moment_a_worker_ends_is_answered(valkey_client: redis.Redis) -> None:
    """Remedy: the mark goes first, then the bells are asked once more; in between a ring calls."""
    answered: list[str] = []
    called: list[str] = []
    late = waker(valkey_client, called)

    class RungWhileLeaving(Listener):
        rung = False

        def leave(self) -> None:
            if not self.rung:
                self.rung = True
                late.ring(["bell"])
            super().leave()

    def answer(rung: Sequence[str]) -> Answer:
        answered.extend(rung)
        return Answer()

    ServeLoop(
        RungWhileLeaving(valkey_client, LANES),
        bells=lambda: ["bell"],
        answer=answer,
        ring=late.ring,
        look=list,
        stopping=lambda: False,
    ).run()
    assert (answered, called) == (["bell"], [])


def test_a_worker_that_is_asked_to_stop_calls_for_somebody_for_what_it_leaves(valkey_client: redis.Redis) -> None:
    """Remedy: it rings once its mark is gone. Else what is left would wait for the sweep."""
    answered: list[str] = []
    called: list[str] = []
    bell = waker(valkey_client, called)

    def answer(rung: Sequence[str]) -> Answer:
        answered.extend(rung)
        return Answer(ring_again=rung)

    listener = Listener(valkey_client, LANES)
    listener.wait(["bell"], 0.01)  # it listens
    bell.ring(["bell"])
    ServeLoop(
        listener, bells=lambda: ["bell"], answer=answer, ring=bell.ring, look=list, stopping=lambda: bool(answered)
    ).run()
    assert (answered, called, valkey_client.llen("bell")) == (["bell"], ["called"], 1)


def test_while_every_lane_is_busy_others_can_hear_the_rings(valkey_client: redis.Redis) -> None:
    """Remedy: rings are put back before the pause, not after it."""
    answered: list[str] = []
    bell = Waker(valkey_client, GROUP, lambda: None)
    put_back: list[list[str]] = []

    def ring(names: list[str]) -> None:
        put_back.append(names)
        bell.ring(names)

    def answer(rung: Sequence[str]) -> Answer:
        answered.extend(rung)
        return Answer(leave_out=rung if len(answered) == 1 else ())

    bell.ring(["busy"])
    ServeLoop(
        Listener(valkey_client, GROUP),
        bells=lambda: ["busy"],
        answer=answer,
        ring=ring,
        look=list,
        stopping=lambda: len(answered) == 2,
    ).run()
    assert put_back == [["busy"]]


def test_a_sweep_leaves_no_more_calls_than_are_of_use(
    pipeline: Pipeline, valkey_client: redis.Redis, redis_url: str
) -> None:
    app = celery_app(redis_url)
    lanes = Waker(valkey_client, LANES, lambda: app.send_task("holdfast.lanes.serve", retry=False))
    for _ in range(10):
        lanes.call()
    assert valkey_client.llen(LANES) == CALLS_WAITING
