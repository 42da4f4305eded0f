"""Payments as workers take them: leased, one worker at a time, at a pace, and not while the circuit is open."""

from __future__ import annotations

from uuid import UUID

import pytest

from core.domain.commands import ReportNothing
from core.domain.payments.values import PaymentState
from core.store.payments.jobs import (
    LEASE_S,
    PARKED_S,
    PARKED_TRIES,
    any_due,
    close_circuit,
    lease_due,
    open_circuit,
    park,
    put_off,
    report,
)
from tests.support.engine.lanes import Pipeline
from tests.support.payments.by_hand import owe

ALL = 1000
FAST = 1000.0


def taken(pipeline: Pipeline, limit: int = ALL, pace: float = FAST) -> list[UUID]:
    return [job.id for job in lease_due(pipeline.connection, limit, pace).jobs]


def test_a_due_payment_is_leased_to_one_worker_until_its_lease_runs_out(pipeline: Pipeline) -> None:
    (payment,) = owe(pipeline)
    assert any_due(pipeline.connection)
    (job,) = lease_due(pipeline.connection, ALL, FAST).jobs
    assert (job.id, job.state, job.tries) == (payment, PaymentState.CREATING, 1)
    assert taken(pipeline) == []
    assert not any_due(pipeline.connection)
    assert pipeline.row("SELECT sent FROM payment") == (True,), "from now on its intent may exist"
    pipeline.connection.execute(
        "UPDATE payment SET leased_until = leased_until - make_interval(secs => %s), due_at = due_at - make_interval(secs => %s)",
        (LEASE_S, LEASE_S),
    )
    assert taken(pipeline) == [payment]


def test_a_result_goes_to_the_lane_with_the_end_of_the_lease(pipeline: Pipeline) -> None:
    owe(pipeline)
    (job,) = lease_due(pipeline.connection, ALL, FAST).jobs
    reported = report(pipeline.connection, job, ReportNothing(job.id, "amount_too_small"))
    (command,) = pipeline.undecided()
    assert reported == (command, pipeline.lane_of(command))
    assert pipeline.row("SELECT lease, due_at > clock_timestamp() FROM payment") == (None, True)


def test_what_was_asked_for_before_is_known_to_the_next_worker(pipeline: Pipeline) -> None:
    """Also where the asking ended well, and only its report came to nothing; and never of another refund."""
    for state in ("creating", "closing"):
        owe(pipeline, state=state)
    paid = (
        "state = 'refunding', intent_id = 'pi_' || id, received_minor = 100, returning_minor = 100, refund_number = 1"
    )
    (refund,) = owe(pipeline)
    pipeline.connection.execute(f"UPDATE payment SET {paid} WHERE id = %s".encode(), (refund,))

    def asked() -> list[bool]:
        found = lease_due(pipeline.connection, ALL, FAST).jobs
        pipeline.connection.execute("UPDATE payment SET lease = NULL, leased_until = NULL, tries = 0, due_at = now()")
        return [job.was_asked for job in found]

    assert asked() == [False, False, False]
    assert asked() == [True, True, True]
    pipeline.connection.execute("UPDATE payment SET refund_number = 2 WHERE id = %s", (refund,))
    assert sorted(asked()) == [False, True, True]


def test_a_refund_that_a_worker_of_an_older_release_asked_for_in_vain_is_looked_for(pipeline: Pipeline) -> None:
    (refund,) = owe(pipeline)
    paid = "state = 'refunding', intent_id = 'pi_1', received_minor = 100, returning_minor = 100, refund_number = 1"
    pipeline.connection.execute(f"UPDATE payment SET {paid}, tries = 1 WHERE id = %s".encode(), (refund,))
    (job,) = lease_due(pipeline.connection, ALL, FAST).jobs
    assert job.was_asked


def test_a_worker_whose_lease_was_lost_reports_nothing(pipeline: Pipeline) -> None:
    owe(pipeline)
    (job,) = lease_due(pipeline.connection, ALL, FAST).jobs
    pipeline.connection.execute("UPDATE payment SET lease = gen_random_uuid()")
    assert report(pipeline.connection, job, ReportNothing(job.id, "late")) is None
    assert pipeline.undecided() == []


def test_what_a_lane_ordered_meanwhile_is_done_next(pipeline: Pipeline) -> None:
    (payment,) = owe(pipeline)
    (job,) = lease_due(pipeline.connection, ALL, FAST).jobs
    pipeline.connection.execute("UPDATE payment SET due_at = clock_timestamp()")
    assert taken(pipeline) == [], "not while somebody is at it"
    report(pipeline.connection, job, ReportNothing(job.id, "done"))
    assert taken(pipeline) == [payment]


def test_what_failed_is_put_off_with_a_new_key_if_the_old_one_is_spoilt(pipeline: Pipeline) -> None:
    owe(pipeline)
    (job,) = lease_due(pipeline.connection, ALL, FAST).jobs
    put_off(pipeline.connection, job, 30.0, new_key=True)
    assert taken(pipeline) == []
    pipeline.connection.execute("UPDATE payment SET due_at = clock_timestamp()")
    (again,) = lease_due(pipeline.connection, ALL, FAST).jobs
    assert (again.tries, again.key_number) == (2, 2)


def test_cancellations_keep_their_pace_and_let_people_pass(pipeline: Pipeline) -> None:
    owe(pipeline, 30, "closing")
    first = taken(pipeline, pace=10.0)
    assert 1 <= len(first) <= 10
    person = owe(pipeline)
    second = taken(pipeline, pace=10.0)
    assert second[:1] == person
    assert len(second) <= 3, "more only as time passes"


@pytest.mark.parametrize("state", ["closing", "open"])
def test_thousands_of_refunds_do_not_keep_cancellations_and_looks_waiting(pipeline: Pipeline, state: str) -> None:
    """Somebody whose card was declined gets a new intent only when the old one is canceled. Remedy: each is first in turn."""
    refunds = owe(pipeline, 30, "closing")
    owed = (
        "state = 'refunding', intent_id = 'pi_' || id, received_minor = 100, returning_minor = 100, refund_number = 1"
    )
    pipeline.connection.execute(f"UPDATE payment SET {owed}".encode())
    (last,) = owe(pipeline, state=state)
    found = [job.id for turn in range(3) for job in lease_due(pipeline.connection, 1, FAST, turn).jobs]
    assert last in found
    assert set(found) - {last} < set(refunds)


def test_while_the_circuit_is_open_one_worker_knocks_and_the_others_do_nothing(pipeline: Pipeline) -> None:
    owe(pipeline, 3)
    assert open_circuit(pipeline.connection, "down") == 1
    assert lease_due(pipeline.connection, ALL, FAST) == lease_due(pipeline.connection, ALL, FAST)
    assert taken(pipeline) == []
    assert not any_due(pipeline.connection)
    pipeline.connection.execute("UPDATE payments_gate SET retry_at = clock_timestamp()")
    assert any_due(pipeline.connection)
    assert [lease_due(pipeline.connection, ALL, FAST).ping for _ in range(3)] == [True, False, False]
    assert open_circuit(pipeline.connection, "still down") == 2
    close_circuit(pipeline.connection)
    assert len(taken(pipeline)) == 3


def test_closing_the_circuit_brings_forward_what_was_put_off(pipeline: Pipeline) -> None:
    (payment,) = owe(pipeline)
    (job,) = lease_due(pipeline.connection, ALL, FAST).jobs
    put_off(pipeline.connection, job, 60.0, new_key=False)
    open_circuit(pipeline.connection, "down")
    close_circuit(pipeline.connection)
    assert taken(pipeline) == [payment]


LEASE_RUNS_OUT = "UPDATE payment SET leased_until = clock_timestamp(), due_at = clock_timestamp()"
DUE_IN_S = "SELECT extract(epoch FROM due_at - clock_timestamp())::float8 FROM payment"


def test_a_payment_that_kills_each_of_its_workers_is_parked_and_one_that_lives_takes_it_out_again(
    pipeline: Pipeline,
) -> None:
    owe(pipeline)
    for _ in range(PARKED_TRIES):
        (job,) = lease_due(pipeline.connection, ALL, FAST).jobs
        assert not job.is_parked
        assert pipeline.row(DUE_IN_S)[0] <= LEASE_S
        pipeline.connection.execute(LEASE_RUNS_OUT)
    (job,) = lease_due(pipeline.connection, ALL, FAST).jobs
    assert job.is_parked
    assert pipeline.row("SELECT problem, parked_at IS NOT NULL FROM payment") == ("its worker died each time", True)
    assert PARKED_S - LEASE_S < pipeline.row(DUE_IN_S)[0] <= PARKED_S
    report(pipeline.connection, job, ReportNothing(job.id, "done"))
    assert pipeline.row("SELECT problem, parked_at, tries FROM payment") == (None, None, 0)


def test_stripes_outages_park_nothing_however_long_they_last(pipeline: Pipeline) -> None:
    owe(pipeline)
    for _ in range(PARKED_TRIES + 2):
        (job,) = lease_due(pipeline.connection, ALL, FAST).jobs
        assert not job.is_parked
        put_off(pipeline.connection, job, 0.0, new_key=False)
    park(pipeline.connection, job, "never mind: the lease is over")
    assert pipeline.row("SELECT parked_at FROM payment") == (None,)
