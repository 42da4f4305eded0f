"""Several lanes in one visit: one transaction for all that rang, without one lane spoiling another."""

from __future__ import annotations

from datetime import time
from uuid import UUID

import pytest

from core.store.inbox.lane_batches import BATCH_COMMANDS, PEOPLE_MIN, people_to_take
from tests.support.engine.lanes import (
    Pipeline,
    assert_order_kept,
    canaries,
    commands_by_partition,
    decide_that_raises,
    holding,
    lane_locked,
    meanwhile,
    places,
    poison,
)
from tests.support.values import MONDAY

LANES = (0, 1, 2, 3)
POISONOUS = "ALTER TABLE booking ADD CHECK (notes <> 'poison')"


@pytest.fixture(autouse=True)
def _four_lanes(pipeline: Pipeline) -> None:
    pipeline.lanes(len(LANES))


def transactions(pipeline: Pipeline, ids: list[UUID]) -> int:
    (found,) = pipeline.row("SELECT count(DISTINCT batch_id) FROM event WHERE command_id = ANY(%s)", ids)
    return int(found)


def test_lanes_that_rang_together_are_decided_in_one_transaction_each_in_its_order(pipeline: Pipeline) -> None:
    put = commands_by_partition(PEOPLE_MIN, 12)
    ids = pipeline.put(*put)
    assert len({pipeline.lane_of(id_) for id_ in ids}) > 1
    assert len(pipeline.worker().visit(*LANES).decided) == PEOPLE_MIN
    assert transactions(pipeline, ids) == 1
    assert_order_kept(pipeline, put)


def test_a_lane_that_another_worker_holds_is_left_to_it_and_the_rest_decided(pipeline: Pipeline) -> None:
    """Remedy: locks are tried, never waited for, so two workers cannot stand in a circle."""
    ids = pipeline.put(*commands_by_partition(PEOPLE_MIN, 12))
    lanes = {id_: pipeline.lane_of(id_) for id_ in ids}
    with lane_locked(pipeline, 2):
        turn = pipeline.worker().visit(*LANES)
    assert turn.busy == {2}
    assert {one.envelope.id for one in turn.decided} == {id_ for id_, lane in lanes.items() if lane != 2}
    assert set(pipeline.undecided()) == {id_ for id_, lane in lanes.items() if lane == 2}


def test_of_those_who_came_together_a_part_is_decided_at_a_time_the_oldest_first(pipeline: Pipeline) -> None:
    put = commands_by_partition(60, 20)
    ids = pipeline.put(*put)
    worker = pipeline.worker()
    turn = worker.visit(*LANES)
    assert [one.envelope.id for one in turn.decided] == ids[: people_to_take(60, 0)]
    assert turn.more == {pipeline.lane_of(id_) for id_ in pipeline.undecided()}
    decided = [*turn.decided]
    while turn.more:
        turn = worker.visit(*turn.more)
        decided += turn.decided
    assert [one.envelope.id for one in decided] == ids
    assert_order_kept(pipeline, put)


def test_more_than_a_batch_says_which_lanes_still_have_work(pipeline: Pipeline) -> None:
    pipeline.put(*commands_by_partition(BATCH_COMMANDS + 50, 40))
    worker = pipeline.worker()
    turn = worker.visit(*LANES)
    assert len(turn.decided) == BATCH_COMMANDS
    assert turn.more == {pipeline.lane_of(id_) for id_ in pipeline.undecided()}
    lanes = turn.more
    while lanes:
        lanes = worker.visit(*lanes).more
    assert pipeline.undecided() == []


def test_a_command_that_fails_is_charged_in_its_lane_alone(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    put = commands_by_partition(40, 20)
    ids = pipeline.put(*put)
    decide_that_raises(monkeypatch, {ids[7]})
    worker, lanes = pipeline.worker(), frozenset(LANES)
    for _ in range(40):
        lanes = worker.visit(*lanes).more
        if not lanes:
            break
    assert pipeline.charged() == {}
    assert pipeline.codes(ids) == ["succeeded"] * 7 + ["command_failed"] + ["succeeded"] * 32


def test_a_row_that_postgresql_refuses_costs_the_other_lanes_nothing(pipeline: Pipeline) -> None:
    pipeline.connection.execute(POISONOUS)
    wanted = places(24)
    wanted[5] = poison(wanted[5])
    ids = pipeline.put(*wanted)
    worker, lanes = pipeline.worker(), frozenset(LANES)
    for _ in range(60):
        lanes = worker.visit(*lanes).more
        if not lanes:
            break
    assert pipeline.codes(ids) == ["succeeded"] * 5 + ["command_failed"] + ["succeeded"] * 18


def test_a_race_lost_in_one_lane_is_decided_again(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remedy: a violated constraint means that somebody else won: load again and decide again."""
    ids = pipeline.put(*places(2), *canaries(8))
    other = pipeline.connect()
    loads = meanwhile(monkeypatch, lambda: pipeline.claim(MONDAY, time(9), on=other))
    pipeline.worker().visit(*LANES)
    assert pipeline.codes(ids) == ["slot_taken"] + ["succeeded"] * 9
    assert loads == [2]


def test_a_note_that_a_dead_worker_left_sets_its_lane_apart(pipeline: Pipeline) -> None:
    """Remedy: an inherited note halves; the other lanes do not wait for it."""
    ids = pipeline.put(*commands_by_partition(PEOPLE_MIN, 12))
    lanes = {id_: pipeline.lane_of(id_) for id_ in ids}
    noted = [id_ for id_, lane in lanes.items() if lane == 1]
    pipeline.connection.execute("INSERT INTO lane_note (lane, ids) VALUES (1, %s)", (noted,))
    worker = pipeline.worker()
    turn = worker.visit(*LANES)
    assert {one.envelope.id for one in turn.decided} == {id_ for id_, lane in lanes.items() if lane != 1}
    assert turn.more == {1}
    assert len(worker.visit(*LANES).decided) == max(1, len(noted) // 2)


def test_a_database_that_is_busy_charges_nobody(pipeline: Pipeline) -> None:
    ids = pipeline.put(*commands_by_partition(12, 6))
    worker = pipeline.worker()
    worker.connection.execute("SET lock_timeout = '50ms'")
    with holding(pipeline.url, "LOCK TABLE outcome IN ACCESS EXCLUSIVE MODE"), pytest.raises(Exception, match="lock"):
        worker.visit(*LANES)
    assert pipeline.charged() == {}
    worker.visit(*LANES)
    assert pipeline.codes(ids) == ["succeeded"] * 12
