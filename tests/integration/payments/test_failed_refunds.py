"""When one refund fails, the rest still goes back: in every order, and the ledger tells what came of each part."""

from __future__ import annotations

from typing import Any

import pytest

from core.domain.commands import (
    Cancel,
    Command,
    Delete,
    LookForRefunds,
    ReportGivenBack,
    ReportIntent,
    ReportNothing,
    ReportRefund,
)
from core.domain.marketplace.commands import BookCourse, CancelSession
from core.domain.payments.values import IntentStatus, RefundStatus
from tests.support.engine.lanes import Pipeline, Worker, new
from tests.support.engine.market_data import (
    ANYTHING_GOES,
    COURSE,
    ENGINE,
    STAFF,
    UMA,
    with_market,
)

THREE_SESSIONS = """
INSERT INTO service_session (id, service_id, practitioner_id, starts_at, ends_at, capacity)
SELECT n, 5, 1, %(at)s::timestamptz + n * interval '1 day', %(until)s::timestamptz + n * interval '1 day', 1
FROM generate_series(1, 3) AS n
"""


class Course:
    """A paid course of three sessions, 60.00 in all, and its payment."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.worker: Worker = pipeline.worker(ANYTHING_GOES)
        self.run(BookCourse(1, COURSE, 3), UMA)
        (self.booking,) = pipeline.row("SELECT id FROM booking WHERE price_minor > 0")
        self.parts = [id_ for (id_,) in pipeline.rows("SELECT id FROM booking WHERE price_minor = 0 ORDER BY id")]
        (self.payment,) = pipeline.row(
            """INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, intent_id, created_at, updated_at)
               VALUES (gen_random_uuid(), %s, 1, 6000, 'usd', 'open', 'pi_1', now(), now()) RETURNING id""",
            self.booking,
        )
        self.report(ReportIntent(self.payment, "pi_1", IntentStatus.SUCCEEDED, 6000, fresh=True))

    def run(self, command: Command, actor: Any = STAFF, contract: str = "marketplace") -> None:
        ids = self.pipeline.put(new(command, actor=actor, contract=contract))
        self.worker.visit_until_done()
        assert self.pipeline.codes(ids) == ["succeeded"]

    def report(self, report: Command) -> None:
        self.run(report, ENGINE, "payments")

    def fails(self) -> None:
        self._refund(RefundStatus.FAILED)

    def succeeds(self) -> None:
        self._refund(RefundStatus.SUCCEEDED)

    def _refund(self, status: RefundStatus) -> None:
        """What becomes of the refund that Stripe is asked for."""
        number, amount = self.pipeline.row(
            "SELECT refund_number, returning_minor FROM payment WHERE due_at IS NOT NULL"
        )
        self.report(ReportRefund(self.payment, f"re_{number}", status, amount, number))

    def books(self) -> tuple[str, int, int, int, int]:
        """(state, refunded, being returned, owed after that, failed); in units of a session's share."""
        columns = "state, refunded_minor / 2000, returning_minor / 2000, owed_minor / 2000, failed_minor / 2000"
        state, *amounts = self.pipeline.row(f"SELECT {columns} FROM payment WHERE id = %s", self.payment)
        refunded, returning, owed, failed = amounts
        return state, refunded, returning, owed, failed


@pytest.fixture
def course(pipeline: Pipeline) -> Course:
    with_market(pipeline, THREE_SESSIONS).connection.execute("UPDATE service SET price_cents = 6000 WHERE id = 5")
    return Course(pipeline)


def test_after_a_parts_refund_failed_the_whole_gives_the_rest_back(course: Course) -> None:
    course.run(Cancel(course.parts[0]))
    course.fails()
    assert course.books() == ("refund_failed", 0, 0, 0, 1)
    course.run(Cancel(course.booking))
    assert course.books() == ("refunding", 0, 2, 0, 1)
    course.succeeds()
    assert course.books() == ("refund_failed", 2, 0, 0, 1), "a person has still to return the first"


@pytest.mark.parametrize("way", ["cancelled", "deleted", "session"])
def test_after_a_parts_refund_failed_the_other_parts_go_back_one_by_one(course: Course, way: str) -> None:
    course.run(Cancel(course.parts[0]))
    course.fails()
    (session,) = course.pipeline.row(
        "SELECT session_id FROM marketplace_booking WHERE booking_id = %s", course.parts[1]
    )
    ways: dict[str, Command] = {
        "cancelled": Cancel(course.parts[1]),
        "deleted": Delete(course.parts[1]),
        "session": CancelSession(session),
    }
    course.run(ways[way])
    assert course.books() == ("returning", 0, 1, 0, 1)
    course.run(Cancel(course.parts[2]))
    assert course.books() == ("refunding", 0, 1, 1, 1)
    course.succeeds()
    assert course.books() == ("refunding", 1, 1, 0, 1)
    course.succeeds()
    assert course.books() == ("refund_failed", 2, 0, 0, 1)


def test_what_waits_for_a_refund_is_ordered_when_that_fails(course: Course) -> None:
    course.run(Cancel(course.parts[0]))
    course.run(Cancel(course.parts[1]))
    assert course.books() == ("returning", 0, 1, 1, 0)
    course.fails()
    assert course.books() == ("returning", 0, 1, 0, 1)
    told = course.pipeline.rows("SELECT data->>'state' FROM event WHERE type = 'payment_updated' ORDER BY batch_id, n")
    assert [state for (state,) in told][-2:] == ["refund_failed", "returning"], "and the failure is told"
    course.fails()
    assert course.books() == ("refund_failed", 0, 0, 0, 2)


@pytest.mark.parametrize("cancelled", ["part", "whole"])
def test_what_stripe_refuses_to_refund_for_good_stops_nothing_else(course: Course, cancelled: str) -> None:
    course.run(Cancel(course.parts[0]))
    course.report(ReportNothing(course.payment, "charge_disputed"))
    assert course.books() == ("refund_failed", 0, 0, 0, 1)
    course.run(Cancel(course.parts[1] if cancelled == "part" else course.booking))
    assert course.books() == (("returning", 0, 1, 0, 1) if cancelled == "part" else ("refunding", 0, 2, 0, 1))


def test_a_part_that_a_person_returned_is_settled_and_the_rest_is_kept_until_it_is_cancelled(course: Course) -> None:
    course.run(Cancel(course.parts[0]))
    course.fails()
    course.report(ReportGivenBack(course.payment, 2000))
    assert course.books() == ("succeeded", 1, 0, 0, 0)
    course.run(Cancel(course.booking))
    course.succeeds()
    assert course.books() == ("refunded", 3, 0, 0, 0)


def test_a_person_may_return_the_part_that_failed_while_another_is_under_way(course: Course) -> None:
    course.run(Cancel(course.parts[0]))
    course.fails()
    course.run(Cancel(course.booking))
    course.report(ReportGivenBack(course.payment, 2000))
    assert course.books() == ("refunding", 1, 2, 0, 0)
    course.succeeds()
    assert course.books() == ("refunded", 3, 0, 0, 0)


def test_a_whole_refund_that_failed_is_a_persons_and_nothing_is_ordered_again(course: Course) -> None:
    course.run(Cancel(course.booking))
    course.fails()
    assert course.books() == ("refund_failed", 0, 0, 0, 3)
    course.run(Delete(course.booking))
    assert course.books() == ("refund_failed", 0, 0, 0, 3)
    course.report(ReportGivenBack(course.payment, 2000))
    assert course.books() == ("refund_failed", 1, 0, 0, 2)
    course.report(ReportGivenBack(course.payment, 6000))
    assert course.books() == ("refunded", 3, 0, 0, 0)


@pytest.mark.parametrize("late", [0, 2000])
def test_a_report_that_was_put_off_lowers_nothing_that_is_known_by_now(course: Course, late: int) -> None:
    course.report(ReportGivenBack(course.payment, 4000))
    course.report(ReportGivenBack(course.payment, late))
    assert course.books() == ("succeeded", 2, 0, 0, 0)
    course.run(Cancel(course.booking))
    assert course.books() == ("refunding", 2, 1, 0, 0)


def test_a_refund_that_failed_under_an_earlier_release_does_not_keep_the_rest(course: Course) -> None:
    """That left the amount where it stood while Stripe was asked for it."""
    course.run(Cancel(course.parts[0]))
    course.pipeline.connection.execute("UPDATE payment SET state = 'refund_failed', due_at = NULL")
    course.run(Cancel(course.booking))
    assert course.books() == ("refunding", 0, 2, 0, 1)


def test_money_that_comes_twice_goes_back_though_a_refund_of_the_first_failed(course: Course) -> None:
    course.run(Cancel(course.parts[0]))
    course.fails()
    (second,) = course.pipeline.row(
        """INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, intent_id, created_at, updated_at)
           VALUES (gen_random_uuid(), %s, 2, 6000, 'usd', 'failed', 'pi_2', now(), now()) RETURNING id""",
        course.booking,
    )
    course.report(ReportIntent(second, "pi_2", IntentStatus.SUCCEEDED, 6000, fresh=True))
    assert course.pipeline.row("SELECT state, refund_reason FROM payment WHERE id = %s", second) == (
        "refunding",
        "paid_twice",
    )


@pytest.mark.parametrize("saw", [ReportGivenBack, ReportNothing])
def test_money_that_goes_back_while_a_look_is_under_way_is_looked_for_again(course: Course, saw: type[Any]) -> None:
    """The look asked Stripe before; an event told of the refund before the look was reported."""
    pipeline = course.pipeline
    take = "UPDATE payment SET due_at = now() + interval '1 minute', leased_until = now() + interval '1 minute' RETURNING 1"
    seen = saw(course.payment, 0 if saw is ReportGivenBack else "resource_missing")

    pipeline.rows(take)
    course.report(LookForRefunds(course.payment))
    course.report(seen)
    assert pipeline.row("SELECT due_at <= now() FROM payment") == (True,)

    pipeline.rows(take)
    course.report(seen)
    assert pipeline.row("SELECT due_at FROM payment") == (None,), "nobody asked meanwhile"
