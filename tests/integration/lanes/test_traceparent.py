"""The trace of a sampled request travels with its command: to the news of it, and to Stripe and back."""

from __future__ import annotations

from uuid import UUID, uuid4

from msgspec.structs import replace

from core.domain.commands import Actor, ActorKind, ReportIntent
from core.domain.payments.values import IntentStatus
from core.store.inbox.bulk import ROWS_TRACED, SQL_ACCEPT_ROWS, BulkCommand, Sender, accept_parameters
from core.store.inbox.bulk_status import Bulk, Mode
from core.store.inbox.partition_keys import partition_key
from core.store.payments.jobs import lease_due, report
from tests.support.engine.lanes import DESK_ID, Pipeline, new, places
from tests.support.engine.withdrawal import asked_for_an_intent

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
REPORT = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"


def traces_of_events(pipeline: Pipeline) -> dict[UUID, str | None]:
    return dict(pipeline.rows("SELECT command_id, traceparent FROM event"))


def test_the_news_of_a_sampled_command_carries_its_trace(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    first, second = places(2)
    sampled, other = pipeline.put(new(first, traceparent=TRACE), second)
    pipeline.worker().visit()
    assert traces_of_events(pipeline) == {sampled: TRACE, other: None}


def test_of_a_sampled_bulk_the_first_rows_are_traced(pipeline: Pipeline) -> None:
    sender = Sender("agent", Actor(ActorKind.STAFF, 2), "tests", None, traceparent=TRACE)
    bulk = Bulk(uuid4(), "user:2", Mode.EACH, ROWS_TRACED + 2, 0)
    commands = [
        BulkCommand(partition_key(DESK_ID, place.date), place, row)
        for row, place in enumerate(places(ROWS_TRACED + 2), 1)
    ]
    pipeline.connection.execute(SQL_ACCEPT_ROWS, accept_parameters(bulk, sender, commands))
    traced = pipeline.rows("SELECT traceparent FROM inbox ORDER BY bulk_row")
    assert traced == [(TRACE,)] * ROWS_TRACED + [(None,)] * 2


def test_stripe_is_asked_in_the_trace_of_the_request_and_answers_in_it(pipeline: Pipeline) -> None:
    worker, _ = asked_for_an_intent(pipeline)
    pipeline.connection.execute("UPDATE inbox SET traceparent = %s", (TRACE,))
    worker.visit_until_done()
    (job,) = lease_due(pipeline.connection, 10, 10.0).jobs
    assert job.traceparent == TRACE
    seen = ReportIntent(job.id, "pi_1", IntentStatus.REQUIRES_PAYMENT_METHOD, fresh=True)
    report(pipeline.connection, replace(job, traceparent=REPORT), seen)
    assert sorted(pipeline.rows("SELECT type, traceparent FROM inbox")) == [
        ("report_intent", REPORT),
        ("request_payment", TRACE),
    ]
    worker.visit_until_done()
    assert pipeline.row("SELECT traceparent FROM payment") == (REPORT,)
    pipeline.put(new(ReportIntent(job.id, "pi_1", IntentStatus.SUCCEEDED, 10_000), contract="payments"))
    worker.visit_until_done()
    assert pipeline.row("SELECT state, traceparent FROM payment") == ("succeeded", None), (
        "what comes later is another's"
    )
