"""A session with hundreds of participants is cancelled in steps; people book, pay and cancel, and workers die, between
two of them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from uuid import UUID

import pytest
from msgspec.structs import replace

from core.domain.commands import Actor, ActorKind, CommandClass, MoveOn, ReportIntent
from core.domain.marketplace.commands import (
    BookSession,
    CancelSession,
    JoinWaitingList,
    TurnBooking,
    Verb,
)
from core.domain.marketplace.details import Kind
from core.domain.payments.values import IntentStatus, PaymentState
from core.domain.state import State
from core.domain.steps import STEP_BOOKINGS
from core.domain.versions import STEPPED_VERSION
from core.store.catalogue import booking_settings
from core.store.connections.pipeline import QueryPipeline
from core.store.inbox.outcomes import SQL_LOOK_UP, CommandRecord
from core.store.inbox.withdrawal import SQL_WITHDRAWABLE
from core.store.payments.jobs import lease_due
from core.wire.outcomes import command_status
from tests.support.engine.lanes import Pipeline, canaries, new
from tests.support.engine.large_session import PRICE_MINOR, LargeSession, SessionCounts, large_session, session_counts

STAFF = Actor(ActorKind.STAFF, 1)
PEOPLE = 3 * STEP_BOOKINGS - 5


@pytest.fixture
def session(pipeline: Pipeline) -> LargeSession:
    pipeline.one_lane()
    return large_session(pipeline.url, PEOPLE)


def cancel(pipeline: Pipeline, session: LargeSession, **changes: object) -> UUID:
    (id_,) = pipeline.put(new(CancelSession(session.id), contract="marketplace", actor=STAFF, **changes))
    return id_


def look(pipeline: Pipeline, id_: UUID) -> dict[str, object]:
    """As a client that polls reads it."""
    row = pipeline.connection.execute(SQL_LOOK_UP, {"id": id_}).fetchone()
    assert row is not None
    return dict(json.loads(command_status(CommandRecord(*row))))


def test_it_is_closed_first_and_answered_last(pipeline: Pipeline, session: LargeSession) -> None:
    id_, worker = cancel(pipeline, session), pipeline.worker()
    first = worker.visit()
    assert first.more == {0}, "the lane rings again for the next step"
    assert pipeline.row("SELECT is_cancelled FROM service_session WHERE id = %s", session.id) == (True,)
    assert pipeline.row("SELECT class, version, attempts FROM inbox") == (CommandClass.BULK, STEPPED_VERSION, 0)
    assert look(pipeline, id_)["progress"] == {"done": STEP_BOOKINGS, "total": PEOPLE}
    assert session_counts(pipeline.url, session) == SessionCounts(
        STEP_BOOKINGS,
        PEOPLE - STEP_BOOKINGS,
        STEP_BOOKINGS,
        (PEOPLE - STEP_BOOKINGS) * PRICE_MINOR,
        PEOPLE - STEP_BOOKINGS,
    )
    assert pipeline.decided_in_order() == []

    worker.visit_until_done()
    assert session_counts(pipeline.url, session) == SessionCounts(PEOPLE, 0, PEOPLE, 0, 0)
    told = look(pipeline, id_)
    assert (told["status"], "progress" in told) == ("succeeded", False)
    (_, http_status, body) = pipeline.outcomes()[id_]
    assert (http_status, body["id"], body["is_canceled"], body["seats_taken"]) == (200, session.id, True, 0)
    assert pipeline.decided_in_order() == [id_]
    news = pipeline.rows("SELECT type, count(*) FROM event WHERE booking_id IS NULL GROUP BY type ORDER BY type")
    assert news == [("session_cancelled", 1), ("session_emptied", 1)]


def test_a_small_one_is_done_at_once(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    session = large_session(pipeline.url, 5)
    id_ = cancel(pipeline, session)
    assert not pipeline.worker().visit().more
    assert pipeline.codes([id_]) == ["succeeded"]
    assert session_counts(pipeline.url, session) == SessionCounts(5, 0, 5, 0, 0)


def test_the_one_session_of_a_course_is_cancelled_with_every_purchase(pipeline: Pipeline) -> None:
    """Each with the rest of its purchase counts, so that a step is as large as it says."""
    pipeline.one_lane()
    session = large_session(pipeline.url, PEOPLE, kind=Kind.COURSE)
    id_, worker = cancel(pipeline, session), pipeline.worker()
    worker.visit()
    assert session_counts(pipeline.url, session).cancelled < STEP_BOOKINGS
    worker.visit_until_done()
    assert pipeline.codes([id_]) == ["succeeded"]
    assert session_counts(pipeline.url, session) == SessionCounts(PEOPLE, 0, PEOPLE, 0, 0)


def test_nobody_books_or_waits_between_two_steps(pipeline: Pipeline, session: LargeSession) -> None:
    id_, worker = cancel(pipeline, session), pipeline.worker()
    worker.visit()
    (user,) = pipeline.row("INSERT INTO user_account (username, username_key) VALUES ('late', 'late') RETURNING id")
    late = Actor(ActorKind.USER, user)
    wishes = (BookSession(user, session.service_id, session.id), JoinWaitingList(user, session.id))
    ids = pipeline.put(*(new(wish, contract="marketplace", actor=late) for wish in wishes))
    worker.visit()
    assert pipeline.codes(ids) == ["session_cancelled", "session_cancelled"]
    assert pipeline.codes([id_]) == ["undecided"], "people go on beside it"
    worker.visit_until_done()
    assert pipeline.codes([id_]) == ["succeeded"]


def test_a_seat_given_while_it_begins_is_cancelled_too(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their seat is committed after the step chose whom it cancels, and before it locked the session."""
    pipeline.lanes(2)
    session = large_session(pipeline.url, 5)
    (user,) = pipeline.row("INSERT INTO user_account (username, username_key) VALUES ('late', 'late') RETURNING id")
    wish = BookSession(user, session.service_id, session.id)
    other = pipeline.worker()

    def book() -> None:
        seat = new(wish, contract="marketplace", actor=Actor(ActorKind.USER, user), partition_key=key_of_lane(1))
        pipeline.put(seat)
        other.visit(1)

    before_locking(monkeypatch, book)
    id_ = cancel(pipeline, session, partition_key=key_of_lane(0))
    pipeline.worker().visit_until_done(0)
    assert pipeline.codes([id_]) == ["succeeded"]
    of_session = "SELECT status, count(*) FROM marketplace_booking WHERE session_id = %s GROUP BY status"
    assert pipeline.rows(of_session, session.id) == [("cancelled", 6)]


def test_a_seat_given_up_before_its_turn_is_refunded_in_full(pipeline: Pipeline) -> None:
    """Even if it is too late by the rule, as the session is cancelled."""
    pipeline.one_lane()
    session = large_session(pipeline.url, PEOPLE, starts_at=in_an_hour(pipeline))
    id_, worker = cancel(pipeline, session), pipeline.worker()
    worker.visit()
    booking, user = pipeline.row("SELECT id, user_id FROM booking WHERE status = 'confirmed' ORDER BY id DESC LIMIT 1")
    own = new(TurnBooking(booking, Verb.CANCEL), contract="marketplace", actor=Actor(ActorKind.USER, user))
    (theirs,) = pipeline.put(own)
    worker.visit_until_done()
    assert pipeline.codes([id_, theirs]) == ["succeeded", "succeeded"]
    assert session_counts(pipeline.url, session) == SessionCounts(PEOPLE, 0, PEOPLE, 0, 0)
    assert pipeline.row("SELECT details->'cancellation'->>'by' FROM booking WHERE id = %s", booking) == ("client",)


def test_the_clock_does_not_begin_what_is_called_off(pipeline: Pipeline, session: LargeSession) -> None:
    """Its start comes between two steps: what has begun could not be cancelled any more."""
    id_, worker = cancel(pipeline, session), pipeline.worker()
    worker.visit()
    begins = "UPDATE booking SET created_at = now() - interval '2 hours', starts_at = now() - interval '1 hour', ends_at = now() + interval '1 hour'"
    pipeline.connection.execute(begins)
    ids = tuple(row[0] for row in pipeline.rows("SELECT id FROM booking WHERE status = 'confirmed'"))
    pipeline.put(new(MoveOn(ids), contract="engine"))
    worker.visit_until_done()
    assert pipeline.codes([id_]) == ["succeeded"]
    assert session_counts(pipeline.url, session) == SessionCounts(PEOPLE, 0, PEOPLE, 0, 0)


def test_a_second_cancellation_meanwhile_ends_as_the_first(pipeline: Pipeline, session: LargeSession) -> None:
    first, worker = cancel(pipeline, session), pipeline.worker()
    worker.visit()
    second = cancel(pipeline, session)
    worker.visit_until_done()
    third = cancel(pipeline, session)
    worker.visit_until_done()
    assert pipeline.codes([first, second, third]) == ["succeeded", "succeeded", "session_cancelled"]
    assert session_counts(pipeline.url, session) == SessionCounts(PEOPLE, 0, PEOPLE, 0, 0)


def test_money_that_comes_between_two_steps_goes_back(pipeline: Pipeline, session: LargeSession) -> None:
    held = """UPDATE booking SET status = 'held', payment_status = 'pending', hold_expires_at = now() + interval '1 hour'
              WHERE id = (SELECT max(id) FROM booking) RETURNING id"""
    (booking,) = pipeline.row(held)
    pipeline.connection.execute("UPDATE marketplace_booking SET status = 'held' WHERE booking_id = %s", (booking,))
    open_ = "UPDATE payment SET state = 'open', received_minor = 0 WHERE booking_id = %s RETURNING id, intent_id"
    payment, intent = pipeline.row(open_, booking)
    id_, worker = cancel(pipeline, session), pipeline.worker()
    worker.visit()
    pipeline.put(new(ReportIntent(payment, intent, IntentStatus.SUCCEEDED, PRICE_MINOR), contract="payments"))
    worker.visit_until_done()
    assert pipeline.codes([id_]) == ["succeeded"]
    assert session_counts(pipeline.url, session) == SessionCounts(PEOPLE, 0, PEOPLE, 0, 0)


def test_a_worker_that_dies_in_a_step_leaves_it_to_another(pipeline: Pipeline, session: LargeSession) -> None:
    """What it had done of the step is undone with its connection; what was committed before is not done again."""
    id_, mortal = cancel(pipeline, session), pipeline.worker()
    mortal.visit()
    mortal.connection.execute("BEGIN")
    mortal.connection.execute("UPDATE booking SET notes = 'half way'")
    mortal.connection.close()
    mortal.notes.close()
    pipeline.worker().visit_until_done()
    assert pipeline.codes([id_]) == ["succeeded"]
    assert session_counts(pipeline.url, session) == SessionCounts(PEOPLE, 0, PEOPLE, 0, 0)
    assert pipeline.row(
        "SELECT max(n), count(*) FROM (SELECT count(*) AS n FROM event WHERE type = 'booking_updated'"
        " GROUP BY booking_id) AS told"
    ) == (1, PEOPLE)


def test_it_is_not_withdrawn_or_too_late_once_it_is_begun(pipeline: Pipeline, session: LargeSession) -> None:
    (soon,) = pipeline.row("SELECT clock_timestamp() + interval '1 day'")
    id_, worker = cancel(pipeline, session, decide_before=soon), pipeline.worker()
    assert pipeline.rows(SQL_WITHDRAWABLE, id_)
    worker.visit()
    assert not pipeline.rows(SQL_WITHDRAWABLE, id_), "half of it is done"
    pipeline.connection.execute("UPDATE inbox SET decide_before = accepted_at")
    worker.visit_until_done()
    assert pipeline.codes([id_]) == ["succeeded"]


def test_other_bulk_goes_on_beside_it(pipeline: Pipeline, session: LargeSession) -> None:
    id_, worker = cancel(pipeline, session), pipeline.worker()
    worker.visit()
    others = pipeline.put(*(replace(one, command_class=CommandClass.BULK) for one in canaries(30)))
    worker.visit()
    assert pipeline.codes([id_]) == ["undecided"]
    assert pipeline.codes(others) == ["succeeded"] * 30


def test_its_refunds_keep_a_pace_and_let_payers_pass(pipeline: Pipeline, session: LargeSession) -> None:
    """Thousands are due at once, and then somebody wants to pay."""
    cancel(pipeline, session)
    pipeline.worker().visit_until_done()
    payer = """UPDATE payment SET state = 'creating', received_minor = 0, returning_minor = 0, refund_number = 0, intent_id = NULL,
               due_at = clock_timestamp() WHERE id = (SELECT max(id::text)::uuid FROM payment) RETURNING id"""
    (waits,) = pipeline.row(payer)
    first, second = (lease_due(pipeline.connection, 20, background_per_s=5.0).jobs for _ in range(2))
    assert first[0].id == waits
    assert {due.state for due in first[1:]} == {PaymentState.REFUNDING}
    assert len(first) + len(second) <= 1 + 5 + 1, "a second's worth, and what became due meanwhile"


def key_of_lane(lane: int) -> str:
    return next(key for key in map("key:{}".format, range(99)) if zlib.crc32(key.encode()) % 2 == lane)


def in_an_hour(pipeline: Pipeline) -> str:
    (at,) = pipeline.row("SELECT (clock_timestamp() + interval '1 hour')::text")
    return str(at)


def before_locking(patch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something, once, when a step has chosen whom it cancels and has not locked anything yet."""
    acts = [act]

    def ask_rules(asking: QueryPipeline, state: State) -> None:
        if acts:
            acts.pop()()
        booking_settings.ask_rules(asking, state)

    patch.setattr("core.store.load.ask_rules", ask_rules)
