"""How many of those who wait one visit to the lanes takes."""

from __future__ import annotations

import pytest

from core.store.inbox.lane_batches import BATCH_COMMANDS, PEOPLE_MIN, people_to_take


@pytest.mark.parametrize("clients", [24, 64, 100, 150])
def test_clients_who_came_together_are_split_in_two_halves_that_take_turns(clients: int) -> None:
    waiting, coming_back, taken, taken_each_time = clients, 0, 0, []
    for _ in range(20):
        taken = min(waiting, people_to_take(waiting, taken))
        waiting, coming_back = waiting - taken + coming_back, taken  # who was answered asks again during the next visit
        taken_each_time.append(taken)
    assert max(taken_each_time) < 0.7 * clients
    assert min(taken_each_time) > 0.3 * clients or max(taken_each_time) <= PEOPLE_MIN


def test_few_are_taken_at_once() -> None:
    assert all(people_to_take(waiting, 0) >= waiting for waiting in range(PEOPLE_MIN + 1))


def test_a_crowd_fills_the_batch() -> None:
    assert people_to_take(BATCH_COMMANDS, 0) >= BATCH_COMMANDS
