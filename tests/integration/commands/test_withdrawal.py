"""Withdrawing: a command is either withdrawn or decided, never both, whatever its lane is doing."""

from __future__ import annotations

from uuid import UUID

import pytest

from core.domain.commands import ReportIntent
from core.domain.payments.values import IntentStatus
from tests.support.engine.lanes import (
    Background,
    Pipeline,
    holding,
    lock_waits,
    meanwhile,
    new,
    places,
    sessions,
)
from tests.support.engine.withdrawal import asked_for_an_intent, withdraw
from tests.support.wait import wait_until


def test_an_undecided_command_is_withdrawn_and_its_lane_never_sees_it(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    ids = pipeline.put(*places(3))
    assert withdraw(pipeline, ids[1]) == [True]
    pipeline.worker().visit_until_done()
    assert pipeline.codes(ids) == ["succeeded", "withdrawn", "succeeded"]
    assert pipeline.outcomes()[ids[1]][:2] == ("rejected", 409)
    assert pipeline.placed_by() == [ids[0], ids[2]]


def test_a_withdrawal_is_the_final_news_of_its_command(pipeline: Pipeline) -> None:
    (id_,) = pipeline.put(*places(1))
    withdraw(pipeline, id_)
    assert pipeline.rows("SELECT type, is_final FROM event WHERE command_id = %s", id_) == [("command_withdrawn", True)]


def test_a_decided_or_withdrawn_or_unknown_command_cannot_be_withdrawn(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    decided, withdrawn = pipeline.put(*places(2))
    assert withdraw(pipeline, withdrawn) == [True]
    pipeline.worker().visit_until_done()
    assert withdraw(pipeline, decided, withdrawn, UUID(int=1)) == [False, False, False]
    assert pipeline.codes([decided, withdrawn]) == ["succeeded", "withdrawn"]


@pytest.mark.parametrize("begun", ["done = 3, total = 10", "class = 3, awaits = gen_random_uuid()"])
def test_what_is_begun_in_another_lane_is_not_withdrawn_when_the_number_of_lanes_changes(
    pipeline: Pipeline, begun: str
) -> None:
    """Remedy: the row is locked as well as the lane that it was seen in."""
    (id_,) = pipeline.put(*places(1))
    answers: list[list[bool]] = []
    with holding(pipeline.url, f"UPDATE inbox SET {begun} WHERE id = '{id_}'") as other:
        running = Background(lambda: answers.append(withdraw(pipeline, id_)))
        wait_until(lambda: lock_waits(pipeline.connection, "holdfast api") > 0, "the withdrawal waits")
        other.commit()
    running.join()
    assert answers == [[False]]
    assert pipeline.undecided() == [id_]


def test_a_withdrawal_waits_for_the_batch_under_way_and_comes_too_late(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: a withdrawal takes the lane's lock, so that it never takes a row out of a batch's hands."""
    pipeline.one_lane()
    ids = pipeline.put(*places(3))
    answers: list[list[bool]] = []
    running: list[Background] = []

    def start() -> None:
        running.append(Background(lambda: answers.append(withdraw(pipeline, ids[1]))))
        wait_until(lambda: lock_waits(pipeline.connection, "holdfast api") > 0, "the withdrawal waits")

    loads = meanwhile(monkeypatch, start)
    assert len(pipeline.worker().visit().decided) == 3
    running[0].join()
    assert (answers, loads) == ([[False]], [1])
    assert pipeline.codes(ids) == ["succeeded"] * 3


def test_under_a_storm_of_withdrawals_each_command_ends_exactly_once(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedies: the lane's lock, and the row that can leave the inbox only once."""
    monkeypatch.setattr("core.engine.lane.BATCH_COMMANDS", 3)
    pipeline.one_lane()
    ids = pipeline.put(*places(120))
    worker = pipeline.worker()
    answers: list[list[bool]] = []
    withdrawing = [
        Background(lambda part=part: answers.append(withdraw(pipeline, *part)))  # type: ignore[misc]
        for part in (ids[40::2], ids[41::2])
    ]
    wait_until(lambda: sessions(pipeline, "holdfast api") >= len(withdrawing), "both have connected")
    while any(one.running for one in withdrawing):
        worker.visit()
    for one in withdrawing:
        one.join()
    worker.visit_until_done()
    codes = pipeline.codes(ids)
    assert codes.count("withdrawn") > 0
    assert set(codes) <= {"succeeded", "withdrawn"}
    assert codes.count("withdrawn") == sum(map(sum, answers))
    assert pipeline.placed_by() == [id_ for id_, code in zip(ids, codes, strict=True) if code == "succeeded"]


def test_a_deferred_command_cannot_be_withdrawn_and_is_answered(pipeline: Pipeline) -> None:
    """It is decided, and its intent may be at Stripe already."""
    worker, id_ = asked_for_an_intent(pipeline)
    worker.visit_until_done()
    assert withdraw(pipeline, id_) == [False]
    assert pipeline.undecided() == [id_], "still followed"
    (payment_id,) = pipeline.row("SELECT id FROM payment")
    open_ = ReportIntent(payment_id, "pi_1", IntentStatus.REQUIRES_PAYMENT_METHOD, fresh=True)
    pipeline.put(new(open_, contract="payments"))
    worker.visit_until_done()
    assert pipeline.codes([id_]) == ["succeeded"]


def test_a_withdrawal_that_waited_while_its_command_was_deferred_comes_too_late(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: it looks again once it has the lane's lock."""
    worker, id_ = asked_for_an_intent(pipeline)
    answers: list[list[bool]] = []
    running: list[Background] = []

    def start() -> None:
        running.append(Background(lambda: answers.append(withdraw(pipeline, id_))))
        wait_until(lambda: lock_waits(pipeline.connection, "holdfast api") > 0, "the withdrawal waits")

    meanwhile(monkeypatch, start)
    worker.visit()
    running[0].join()
    assert (answers, pipeline.codes([id_])) == ([[False]], ["undecided"])
