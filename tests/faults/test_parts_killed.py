"""Parts killed, stopped, emptied while clients book: every promise is kept, once, in order, soon.

The short form of `make faults`: each fault once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from ops.processes import LANES
from tests.faults.faults import FAULTS, QUIET, Scene
from tests.faults.rounds import ENDED_WITHIN_S, play
from tests.support.clients.http_client import admin
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.wait import at_best, wait_until

AT_ONCE_S = 2.0


@pytest.fixture
def scene(breakable_stack: Stack, postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[Scene]:
    one = Scene(breakable_stack, postgres, random.Random(request.node.name))  # noqa: S311 - no secret
    usual = one.lanes()
    yield one
    if one.lanes() != usual:
        one.has_lanes(usual)


@pytest.mark.parametrize("name", FAULTS)
def test_every_promise_is_kept(scene: Scene, name: str) -> None:
    balance = play(scene, FAULTS[name])
    assert not balance.problems, balance


@pytest.mark.parametrize(("lanes", "workers"), [(8, 1), (1, 2)])
def test_no_lane_waits_a_second_while_workers_are_well(scene: Scene, lanes: int, workers: int) -> None:
    """Eight lanes on one worker, two workers on one lane: in order, and none starves."""
    scene.has_lanes(lanes)
    scene.start(*LANES.instances()[:workers])
    scene.until_served()

    def longest_s() -> float:
        balance = play(scene, QUIET)
        assert not balance.problems, balance
        return balance.longest_s

    assert at_best(longest_s, 1.0) < 1.0


def test_while_redis_is_away_identified_callers_get_202_at_once(scene: Scene) -> None:
    """Nobody waits for a bell that cannot ring."""
    with admin(scene.stack.api_url) as client:
        scene.stack.valkey.kill()
        wait_until(lambda: "redis" in (scene.stack.readyz() or {"down": []})["down"], "the API noticed")
        started = time.monotonic()
        answer = client.book()
        assert answer.status_code == 202
        assert time.monotonic() - started < AT_ONCE_S
        scene.stack.valkey.start()
        assert client.outcome(answer.json()["id"], ENDED_WITHIN_S)["response"]["status"] == 201
        scene.stack.wait_ready()
        assert client.book().status_code == 201
