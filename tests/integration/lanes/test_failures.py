"""Commands that fail, outages that are nobody's fault, and workers that die: who is charged, who goes on.

Each test says which remedy of docs/lanes.md it holds; taken away, the test fails.
"""

from __future__ import annotations

import subprocess
import sys
from itertools import islice
from uuid import UUID

import psycopg
import pytest

from core.engine.failed_commands import MAX_ATTEMPTS
from core.engine.verdicts import is_outage
from core.store import save as saving
from core.store.inbox.lane_batches import BATCH_COMMANDS
from core.store.inbox.lane_notes import LaneNotes
from ops.embedded.environment import ROOT
from tests.support.engine import dying_worker
from tests.support.engine.lanes import (
    REFUSE_POISON,
    Pipeline,
    Worker,
    decide_that_raises,
    holding,
    meanwhile,
    places,
    poison,
)
from tests.support.wait import wait_until

COMMANDS = 11
OUTAGES = ["08006", "08003", "53300", "53100", "57014", "57P01", "57P03", "55P03", "25P03", "25P04"]
RETRIED_FIRST = ["40001", "40P01"]


def visit_watching_charges(pipeline: Pipeline, worker: Worker, culprits: set[UUID]) -> None:
    """Visit until done; at no moment is anybody but a culprit charged."""
    for _ in range(100):
        turn = worker.visit()
        assert set(pipeline.charged()) <= culprits
        if not turn.more:
            return
    raise AssertionError("the lane never ends")


def assert_parked(pipeline: Pipeline, id_: UUID) -> None:
    status, http_status, body = pipeline.outcomes()[id_]
    assert (status, http_status, body["code"]) == ("failed", 503, "command_failed")
    assert pipeline.rows("SELECT type, is_final FROM event WHERE command_id = %s", id_) == [("command_failed", True)]


@pytest.mark.parametrize("place_of_it", [0, 4, COMMANDS - 1])
def test_a_command_that_postgresql_refuses_is_found_by_halving_and_parked_and_the_others_keep_their_order(
    pipeline: Pipeline, place_of_it: int
) -> None:
    """Remedy: halves in order until the culprit stands alone; alone it is charged; after three it is parked."""
    pipeline.one_lane()
    pipeline.connection.execute(REFUSE_POISON.encode())
    commands = places(COMMANDS)
    commands[place_of_it] = poison(commands[place_of_it])
    ids = pipeline.put(*commands)
    visit_watching_charges(pipeline, pipeline.worker(), {ids[place_of_it]})
    assert_parked(pipeline, ids[place_of_it])
    assert pipeline.decided_in_order() == ids
    assert pipeline.placed_by() == [id_ for id_ in ids if id_ != ids[place_of_it]]


def test_several_bugs_in_one_batch_are_each_found_and_parked(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.one_lane()
    ids = pipeline.put(*places(COMMANDS))
    culprits = {ids[0], ids[1], ids[7]}
    decide_that_raises(monkeypatch, culprits)
    visit_watching_charges(pipeline, pipeline.worker(), culprits)
    for id_ in culprits:
        assert_parked(pipeline, id_)
    assert pipeline.decided_in_order() == ids
    assert len(pipeline.placed_by()) == COMMANDS - len(culprits)


def test_a_culprit_is_charged_once_for_each_time_it_failed_alone(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.one_lane()
    (id_,) = pipeline.put(*places(1))
    decide_that_raises(monkeypatch, {id_})
    worker = pipeline.worker()
    for attempts in range(1, MAX_ATTEMPTS):
        assert worker.visit().more
        assert pipeline.charged() == {id_: attempts}
    worker.visit()
    assert_parked(pipeline, id_)


def test_a_bug_that_passes_is_charged_but_decided(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.one_lane()
    ids = pipeline.put(*places(3))
    with monkeypatch.context() as patch:
        decide_that_raises(patch, {ids[1]})
        worker = pipeline.worker()
        while not pipeline.charged():
            worker.visit()
    worker.visit_until_done()
    assert pipeline.codes(ids) == ["succeeded"] * 3
    assert pipeline.decided_in_order() == ids


def test_a_culprit_among_a_full_batch_costs_a_handful_of_tries(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedies: halving, not one by one: the tries grow with the logarithm of the batch; and who has failed alone
    is tried alone from then on, so that it is looked for once.
    """
    pipeline.one_lane()
    pipeline.connection.execute(REFUSE_POISON.encode())
    commands = places(BATCH_COMMANDS)
    commands[150] = poison(commands[150])
    ids = pipeline.put(*commands)
    tries = meanwhile(monkeypatch, lambda: None)
    pipeline.worker().visit_until_done()
    assert tries[0] <= BATCH_COMMANDS.bit_length() + 2 * MAX_ATTEMPTS
    assert pipeline.codes(ids).count("succeeded") == BATCH_COMMANDS - 1


def failing_save(patch: pytest.MonkeyPatch, state: str, times: int) -> None:
    left = [times]

    def save(*args: object, **named: object) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise psycopg.errors.lookup(state)("an outage")
        saving.save(*args, **named)  # type: ignore[arg-type]

    patch.setattr("core.engine.lane.save", save)


@pytest.mark.parametrize("commands", [1, 4])
def test_an_outage_goes_to_the_caller_and_charges_nobody(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, commands: int
) -> None:
    """Remedy: classes 08, 53, 57, lock and session timeouts are nobody's fault, and leave no note."""
    pipeline.one_lane()
    waiting = iter(places(commands * len(OUTAGES)))
    for state in OUTAGES:
        ids = pipeline.put(*islice(waiting, commands))
        worker = pipeline.worker()
        failing_save(monkeypatch, state, times=1)
        with pytest.raises(psycopg.Error) as raised:
            worker.visit()
        assert is_outage(raised.value), state
        assert pipeline.charged() == {}, state
        # An outage is no death: the note is taken back, so that the next owner looks for no culprit.
        wait_until(lambda: pipeline.row("SELECT ids FROM lane_note") == ([],), f"{state}: the note is taken back", 10)
        assert len(pipeline.worker().visit().decided) == commands, state
        assert pipeline.codes(ids) == ["succeeded"] * commands, state


@pytest.mark.parametrize("state", RETRIED_FIRST)
def test_a_deadlock_or_serialization_failure_that_never_ends_is_an_outage_and_charges_nobody(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Remedy: class 40 is lost a bounded number of times, then given to the caller, never to a command."""
    pipeline.one_lane()
    ids = pipeline.put(*places(2))
    worker = pipeline.worker()
    failing_save(monkeypatch, state, times=50)
    with pytest.raises(psycopg.Error):
        worker.visit()
    assert pipeline.charged() == {}
    monkeypatch.undo()
    worker.visit_until_done()
    assert pipeline.codes(ids) == ["succeeded"] * 2


def test_a_connection_killed_in_a_batch_charges_nobody_and_the_next_owner_decides_it_once(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.one_lane()
    ids = pipeline.put(*places(4))
    worker = pipeline.worker()
    pid = worker.connection.info.backend_pid
    meanwhile(monkeypatch, lambda: pipeline.rows("SELECT pg_terminate_backend(%s, 5000)", pid))
    with pytest.raises(psycopg.OperationalError):
        worker.visit()
    assert pipeline.charged() == {}
    pipeline.worker().visit_until_done()
    assert pipeline.codes(ids) == ["succeeded"] * 4
    assert pipeline.placed_by() == ids


def test_a_row_locked_by_somebody_who_does_not_let_go_charges_nobody(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    ids = pipeline.put(*places(2))
    worker = pipeline.worker()
    worker.connection.execute("SET lock_timeout = '50ms'")
    with (
        holding(pipeline.url, "LOCK TABLE claim IN ACCESS EXCLUSIVE MODE"),
        pytest.raises(psycopg.errors.LockNotAvailable),
    ):
        worker.visit()
    assert pipeline.charged() == {}
    worker.visit_until_done()
    assert pipeline.codes(ids) == ["succeeded"] * 2


@pytest.mark.parametrize("place_of_it", [0, 5, COMMANDS - 1])
def test_a_command_that_kills_its_worker_is_found_by_the_note_and_parked(pipeline: Pipeline, place_of_it: int) -> None:
    """Remedy: the lane notes the batch it is about to decide, and an inherited note halves."""
    pipeline.one_lane()
    ids = pipeline.put(*places(COMMANDS))
    deaths = 0
    while (code := run_mortal(pipeline.url, ids[place_of_it])) != 0:
        assert code == dying_worker.DEATH
        deaths += 1
        assert deaths <= 12, "the deadly command is never found"
        assert set(pipeline.charged()) <= {ids[place_of_it]}
    assert_parked(pipeline, ids[place_of_it])
    assert pipeline.decided_in_order() == ids
    assert pipeline.placed_by() == [id_ for id_ in ids if id_ != ids[place_of_it]]


def run_mortal(url: str, deadly: UUID) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.engine.dying_worker", url, str(deadly)],
        cwd=ROOT,
        timeout=60,
        check=False,
        capture_output=True,
    )
    assert done.returncode in {0, dying_worker.DEATH}, done.stderr.decode()
    return done.returncode


def test_a_worker_killed_once_by_no_fault_of_its_batch_parks_nobody(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    ids = pipeline.put(*places(COMMANDS))
    killed = pipeline.worker()
    killed.notes.write({0: ids})
    killed.notes.close()
    pipeline.worker().visit_until_done()
    assert pipeline.codes(ids) == ["succeeded"] * COMMANDS
    assert pipeline.decided_in_order() == ids


def test_what_a_living_owner_noted_is_tried_and_charged_nothing(pipeline: Pipeline) -> None:
    """Remedy: a note names its owner's connection; who was stopped or lost its lane in an outage did not die of it."""
    pipeline.one_lane()
    ids = pipeline.put(*places(1))
    owner = pipeline.worker()
    owner.notes.write({0: ids})
    owner.notes.write({1: []})  # the first one has arrived
    assert len(pipeline.worker().visit().decided) == 1
    assert pipeline.codes(ids) == ["succeeded"]


def test_what_a_dead_owner_noted_is_charged_before_it_is_tried(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    ids = pipeline.put(*places(1))
    owner = pipeline.worker()
    owner.notes.write({0: ids})
    owner.notes.close()
    wait_until(lambda: LaneNotes.owner_died(pipeline.connection, 0), "its connection is gone")
    assert not pipeline.worker().visit().decided
    assert pipeline.charged() == {ids[0]: 1}


def test_a_living_workers_own_note_makes_nobody_a_suspect(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remedy: a lost race is decided again whole; only somebody else's note halves."""
    pipeline.one_lane()
    wanted, *others = places(4)
    ids = pipeline.put(wanted, *others)
    meanwhile(monkeypatch, lambda: pipeline.claim(wanted.date, wanted.time))
    assert len(pipeline.worker().visit().decided) == len(ids)
    assert pipeline.codes(ids) == ["slot_taken"] + ["succeeded"] * 3
