"""Lanes and workers in numbers that do not fit each other, and Redis away: no lane waits, and nobody waits in vain."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from ops.processes import LANES
from tests.faults.rounds import ENDED_WITHIN_S, change_lanes, lanes_of, play
from tests.support.clients.http_client import admin
from tests.support.processes.stack import Stack
from tests.support.wait import at_best, wait_until

AT_ONCE_S = 2.0
SEED = 8


@pytest.fixture
def lanes_stay(breakable_stack: Stack) -> Iterator[Stack]:
    usual = lanes_of(breakable_stack)
    yield breakable_stack
    if lanes_of(breakable_stack) != usual:
        change_lanes(breakable_stack, usual)


@pytest.mark.parametrize(("lanes", "workers"), [(8, 1), (1, 2)])
def test_no_lane_waits_a_second_while_workers_are_well(lanes_stay: Stack, lanes: int, workers: int) -> None:
    """Eight lanes on one worker, two workers on one lane: in order, and none starves."""
    change_lanes(lanes_stay, lanes)
    for name in LANES.instances()[:workers]:
        lanes_stay.process(name).start(wait=False)
    with admin(lanes_stay.api_url) as client:
        wait_until(lambda: client.book().status_code == HTTPStatus.CREATED, "a booking goes all the way")

    def longest_s() -> float:
        balance = play(lanes_stay, SEED)
        assert not balance.problems, balance
        return balance.longest_s

    assert at_best(longest_s, 1.0) < 1.0


def test_while_redis_is_away_identified_callers_get_202_at_once(breakable_stack: Stack) -> None:
    """Nobody waits for a bell that cannot ring."""
    stack = breakable_stack
    with admin(stack.api_url) as client:
        stack.valkey.kill()
        wait_until(lambda: "redis" in (stack.readyz() or {"down": []})["down"], "the API noticed")
        started = time.monotonic()
        answer = client.book()
        assert answer.status_code == 202
        assert time.monotonic() - started < AT_ONCE_S
        stack.valkey.start()
        assert client.outcome(answer.json()["id"], ENDED_WITHIN_S)["response"]["status"] == 201
        stack.wait_ready()
        assert client.book().status_code == 201
