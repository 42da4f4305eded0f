"""What Stripe knows that a backup does not is found, said to a person, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from core.payments.provider import IntentOrder
from core.payments.stripe import StripePayments
from core.settings import Stripe
from core.store.maintenance.restore import Restored, settle
from core.store.payments.findings import Finding, FindingKind, last_restore, read_findings
from core.store.payments.jobs import lease_due
from ops.backup.findings import ProviderAwayError, compare
from tests.support.engine.lanes import Pipeline, places
from tests.support.payments.payer import GOOD_CARD, StripeServer, stripe_server
from tests.support.payments.stripe_standin.server import SECRET_KEY
from tests.support.processes.servers import settings_for

PRICE = 10_000
SQL_PAYMENT = """
INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, intent_id, received_minor, returning_minor,
                     refund_number, created_at, updated_at, due_at, tries)
VALUES (%s, %s, %s, 10000, 'usd', %s, %s, %s, %s, %s, now(), now(), %s, 0)
"""


@pytest.fixture(scope="module")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeServer]:
    with stripe_server(tmp_path_factory.mktemp("stripe")) as server:
        yield server


class Restore:
    """A database whose backup was taken a moment ago, beside the books of Stripe."""

    def __init__(self, pipeline: Pipeline, stripe: StripeServer) -> None:
        self.pipeline, self.stripe = pipeline, stripe
        self.provider = StripePayments(SECRET_KEY, stripe.url, ("card",))
        account = Stripe(SECRET_KEY, "whsec_none", "", stripe.url, ("card",), 10)
        self.settings = replace(settings_for(pipeline.url, "redis://127.0.0.1:1/0"), stripe=account)
        pipeline.one_lane()
        pipeline.put(*places(8))
        pipeline.worker().visit_until_done()
        self._bookings = iter(row[0] for row in pipeline.rows("SELECT id FROM booking ORDER BY id"))

    def intent(self, *, paid: bool) -> tuple[UUID, str]:
        """Made at Stripe for a payment of ours."""
        payment = uuid4()
        order = IntentOrder(f"test-{payment}", payment, 4711, PRICE, "usd")
        intent = self.provider.create_intent(order).id
        if paid:
            assert self.stripe.pay(self.provider.client_secret(intent), GOOD_CARD).status_code == 200
        return payment, intent

    def keep(
        self, payment: UUID, state: str, intent: str | None, received: int = 0, *, returning: int = 0, refunds: int = 0
    ) -> None:
        """As the backup has it."""
        due = datetime.now(UTC) if state in {"creating", "returning"} else None
        values = (payment, next(self._bookings), 1, state, intent, received, returning, refunds, due)
        self.pipeline.connection.execute(SQL_PAYMENT, values)

    def settle(self) -> None:
        settle(self.pipeline.connection, Restored(datetime.now(UTC), "0.1.0", "0038", 18, 8, "abc", 8))

    def compare(self) -> dict[str, Finding]:
        last = last_restore(self.pipeline.connection)
        assert last is not None
        found = compare(self.settings, self.pipeline.connection, last, lambda _: None)
        assert sorted(found, key=repr) == sorted(read_findings(self.pipeline.connection, last.id), key=repr)
        return {one.intent_id: one for one in found}


@pytest.fixture
def restored(pipeline: Pipeline, stripe: StripeServer) -> Restore:
    stripe.mend()
    return Restore(pipeline, stripe)


def test_what_stripe_knows_beyond_the_backup_is_found(restored: Restore) -> None:
    same, paid_since, lost_paid, lost_open, refunded_since = (
        restored.intent(paid=paid) for paid in (True, True, True, False, True)
    )
    _, lost_canceled = restored.intent(paid=False)
    restored.provider.cancel_intent(lost_canceled)
    restored.keep(*_kept(same, "succeeded"), PRICE)
    restored.keep(*_kept(paid_since, "open"))
    restored.keep(*_kept(refunded_since, "succeeded"), PRICE)
    restored.stripe.refund(refunded_since[1], 2_500)
    restored.stripe.refund(lost_paid[1], 1_000)
    restored.settle()
    before = restored.pipeline.rows("SELECT payment::text FROM payment ORDER BY id")
    ours = {intent for _, intent in (same, paid_since, lost_paid, lost_open, refunded_since)} | {lost_canceled}
    found = {intent: one for intent, one in restored.compare().items() if intent in ours}
    assert {
        intent: (one.kind, one.provider_received_minor, one.provider_refunded_minor) for intent, one in found.items()
    } == {
        paid_since[1]: (FindingKind.CHARGED, PRICE, 0),
        lost_paid[1]: (FindingKind.CHARGED_UNKNOWN, PRICE, 1_000),
        lost_open[1]: (FindingKind.PAYABLE_UNKNOWN, 0, 0),
        refunded_since[1]: (FindingKind.REFUNDED, PRICE, 2_500),
    }
    assert found[lost_paid[1]].booking_id == 4711, "as Stripe has it: the booking is lost"
    assert restored.pipeline.rows("SELECT payment::text FROM payment ORDER BY id") == before, "it changes nothing"


def _kept(made: tuple[UUID, str], state: str) -> tuple[UUID, str, str]:
    payment, intent = made
    return payment, state, intent


def test_an_intent_from_before_the_backup_is_looked_at_while_it_is_open(restored: Restore) -> None:
    """Stripe's list by time does not have it."""
    open_before = restored.intent(paid=True)
    refunded = restored.intent(paid=True)
    restored.keep(*_kept(open_before, "open"))
    restored.keep(*_kept(refunded, "succeeded"), PRICE)
    restored.settle()
    restored.stripe.refund(refunded[1])
    later = datetime.now(UTC) + timedelta(hours=1)
    restored.pipeline.connection.execute("UPDATE database_restore SET taken_at = %s", (later,))
    assert {intent: one.kind for intent, one in restored.compare().items()} == {open_before[1]: FindingKind.CHARGED}


def test_stripe_may_be_away_and_is_asked_later(restored: Restore) -> None:
    _, lost = restored.intent(paid=True)
    restored.settle()
    restored.stripe.fault("down", operation="intents", times=1)
    with pytest.raises(ProviderAwayError, match="does not answer"):
        restored.compare()
    last = last_restore(restored.pipeline.connection)
    assert last is not None
    assert last.compared_at is None
    assert restored.compare()[lost].kind is FindingKind.CHARGED_UNKNOWN


def test_payments_that_wait_in_a_backup_are_looked_for_before_they_are_made(restored: Restore) -> None:
    creating, returning = restored.intent(paid=False), restored.intent(paid=True)
    restored.keep(creating[0], "creating", None)
    restored.keep(returning[0], "returning", returning[1], PRICE, returning=500, refunds=1)
    restored.settle()
    jobs = lease_due(restored.pipeline.connection, 10, 100.0).jobs
    assert {job.id: job.was_asked for job in jobs} == {creating[0]: True, returning[0]: True}
    order = IntentOrder("another-key", creating[0], 4711, PRICE, "usd", jobs[0].created_at)
    assert restored.provider.create_intent(order).id == creating[1], "the one that was made after the backup"
