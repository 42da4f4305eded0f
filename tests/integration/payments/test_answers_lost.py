"""Stripe did the work and its answer was lost: it is looked up before it is requested again.

This also holds when Stripe has forgotten the idempotency key, as it does after a day or more. And our books are
compared with Stripe's: staff see where they differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from core.store.payments.reconciliation import QUIET_S
from tests.support.clients.callers import execute
from tests.support.clients.market_bookings import BOOKINGS, course, made
from tests.support.clients.marketplace import Market
from tests.support.payments.by_hand import ledger, paid, refunds
from tests.support.payments.payer import Payer, StripeServer
from tests.support.processes.stack import Stack
from tests.support.wait import READY_WITHIN_S, wait_until

LOST = ["work_then_silence", "work_then_forgotten"]
LEASE_ENDS = "UPDATE payment SET leased_until = clock_timestamp(), due_at = clock_timestamp() WHERE booking_id = %s"


class Course(Payer):
    """Somebody who paid 90.00 for a course of three sessions: parts of it can be refunded more than once."""

    def __init__(self, stack: Stack, stripe: StripeServer) -> None:
        super().__init__(stack, stripe)
        self._market = Market(stack)
        self._open.callback(self._market.close)
        _, service, _ = course(self._market)
        price = {"price_cents": 9_000}
        self._market.desk.patch(f"/api/v1/drf/services/{service}/", json=price).raise_for_status()
        booking = made(self.client.post(f"{BOOKINGS}create-course/", json={"service_id": service}))
        self.id = int(booking["id"])
        self.parts = [int(child["id"]) for child in booking["child_bookings"]]
        intent = self.ask(self.id, amount=90.00).raise_for_status().json()
        self.intent_id = str(intent["payment_intent_id"])
        self.stripe.pay(intent["client_secret"])
        self.wait_payments(self.id, "succeeded")

    def give_up(self, part: int) -> None:
        assert self.client.post(f"{BOOKINGS}{self.parts[part]}/cancel/").status_code == 200

    def wait_refunded(self, *amounts: int, within_s: float = READY_WITHIN_S) -> None:
        """Wait until our books say so; then Stripe must have made exactly these refunds."""
        sql = "SELECT refunded_minor, returning_minor, owed_minor FROM payment WHERE booking_id = %s"
        settled = [(sum(amounts), 0, 0)]
        wait_until(lambda: execute(self.stack, sql, self.id) == settled, f"{amounts} are back", within_s)
        assert refunds(self, self.intent_id) == list(amounts)


@pytest.fixture
def buyer(stack: Stack, stripe: StripeServer) -> Iterator[Course]:
    stripe.mend()
    stripe.webhooks("deliver")
    with Course(stack, stripe) as one:
        yield one


@pytest.mark.parametrize("lost", LOST)
def test_a_refund_whose_answer_was_lost_is_made_once(buyer: Course, lost: str) -> None:
    buyer.stripe.fault(lost, "refund", about=buyer.intent_id)
    buyer.give_up(0)
    buyer.wait_refunded(3_000)
    buyer.give_up(1)
    buyer.wait_refunded(3_000, 3_000)


def test_a_refund_whose_worker_was_killed_before_the_answer_is_made_once(buyer: Course) -> None:
    buyer.stripe.hold("refund", buyer.intent_id)
    buyer.give_up(0)
    worker = buyer.stack.process("payments")
    buyer.stripe.wait_held(buyer.intent_id)
    worker.kill()
    buyer.stripe.mend(buyer.intent_id)
    try:
        wait_until(lambda: refunds(buyer, buyer.intent_id) == [3_000], "stripe made it")
        buyer.stripe.forget_keys()
        execute(buyer.stack, LEASE_ENDS, buyer.id)
    finally:
        worker.start()
    buyer.wait_refunded(3_000)


def test_a_refund_that_was_reported_but_not_decided_in_time_is_made_once(buyer: Course) -> None:
    """The lanes were down for longer than a report is waited for: the payment is due again, and nothing failed."""
    lanes = [buyer.stack.process(name) for name in ("lanes-1", "lanes-2")]
    buyer.stripe.hold("refund", buyer.intent_id)
    buyer.give_up(0)
    buyer.stripe.wait_held(buyer.intent_id)
    for lane in lanes:
        lane.kill()
    buyer.stripe.mend(buyer.intent_id)
    try:
        reported = "SELECT lease FROM payment WHERE booking_id = %s"
        wait_until(lambda: execute(buyer.stack, reported, buyer.id) == [(None,)], "it is reported")
        buyer.stripe.forget_keys()
        looked = buyer.stripe.books()["calls"].get("refunds", 0)
        execute(buyer.stack, "UPDATE payment SET due_at = clock_timestamp() WHERE booking_id = %s", buyer.id)
        wait_until(lambda: buyer.stripe.books()["calls"].get("refunds", 0) > looked, "it is looked for")
    finally:
        for lane in lanes:
            lane.start()
    buyer.wait_refunded(3_000)


@pytest.mark.parametrize("lost", LOST)
def test_an_intent_whose_answer_was_lost_is_made_once(payer: Payer, lost: str) -> None:
    booking = payer.hold()
    payer.stripe.fault(lost, "create", about=f"metadata[holdfast_booking]={booking}")
    intent = payer.intent(booking)
    made = [one["id"] for one in payer.stripe.books()["intents"] if one["metadata"]["holdfast_booking"] == str(booking)]
    assert made == [intent["payment_intent_id"]]
    payer.stripe.pay(intent["client_secret"])
    payer.wait_stands(booking, "confirmed", "succeeded")


def rest(payer: Payer, booking: int) -> None:
    """As if the payment had been left alone for a while."""
    back = f"updated_at - interval '{2 * QUIET_S} seconds'"
    execute(payer.stack, "UPDATE payments_gate SET compared_since = 'epoch'")
    execute(
        payer.stack, f"UPDATE payment SET updated_at = {back}, compare_again_at = NULL WHERE booking_id = %s", booking
    )


def compared(payer: Payer, booking: int) -> dict[str, Any]:
    """The payment's entry in the ledger, as soon as it is compared with Stripe's books."""
    execute(payer.stack, "UPDATE payment SET compared_at = NULL WHERE booking_id = %s", booking)
    rest(payer, booking)
    wait_until(lambda: ledger(payer, booking_id=booking)[0]["compared_at"] is not None, "it is compared")
    entry: dict[str, Any] = ledger(payer, booking_id=booking)[0]
    return entry


def test_books_that_are_stripes_are_compared_and_nothing_is_said(payer: Payer) -> None:
    booking, _ = paid(payer)
    wait_until(lambda: execute(payer.stack, SETTLED, booking) == [(True,)], "nothing is under way")
    entry = compared(payer, booking)
    assert (entry["provider_received"], entry["provider_refunded"]) == (100.00, 0.00)
    assert entry["differs_since"] is None
    assert ledger(payer, booking_id=booking, needs_a_person="true") == []
    again = "SELECT compare_again_at - updated_at = interval '1 day' FROM payment WHERE booking_id = %s"
    assert execute(payer.stack, again, booking) == [(True,)], "Stripe's messages of what comes later may be lost"


def test_an_unpaid_payment_that_ended_is_compared_once(payer: Payer) -> None:
    booking = payer.hold()
    payer.intent(booking)
    payer.cancel(booking)
    payer.wait_payments(booking, "canceled")
    entry = compared(payer, booking)
    assert (entry["provider_received"], entry["provider_refunded"], entry["differs_since"]) == (0.00, 0.00, None)
    again = "SELECT compare_again_at FROM payment WHERE booking_id = %s"
    assert execute(payer.stack, again, booking) == [(None,)]


def test_a_difference_is_shown_to_staff_and_in_the_log_until_it_is_gone(payer: Payer) -> None:
    booking, intent = paid(payer)
    wait_until(lambda: execute(payer.stack, SETTLED, booking) == [(True,)], "nothing is under way")
    payer.stripe.webhooks("lose")
    refund = payer.stripe.refund(intent, 3_000)
    entry = compared(payer, booking)
    assert (entry["amount_received"], entry["amount_refunded"]) == (100.00, 0.00)
    assert (entry["provider_received"], entry["provider_refunded"]) == (100.00, 30.00)
    assert entry["differs_since"] is not None
    assert [one["booking_id"] for one in ledger(payer, booking_id=booking, needs_a_person="true")] == [booking]
    lines = [line for line in payer.stack.process("payments").log.splitlines() if f'"booking_id":{booking},' in line]
    told = [line for line in lines if "a payment differs from the provider's books" in line]
    assert told
    assert '"refunded_minor":0' in told[0]
    assert '"provider_refunded_minor":3000' in told[0]
    soon = "SELECT compare_again_at - clock_timestamp() <= interval '1 hour' FROM payment WHERE booking_id = %s"
    assert execute(payer.stack, soon, booking) == [(True,)]
    payer.stripe.fail_refund(refund["id"])
    execute(payer.stack, "UPDATE payment SET compare_again_at = clock_timestamp() WHERE booking_id = %s", booking)
    wait_until(lambda: ledger(payer, booking_id=booking)[0]["differs_since"] is None, "they are one again")
    assert ledger(payer, booking_id=booking, needs_a_person="true") == []


SETTLED = "SELECT due_at IS NULL AND lease IS NULL FROM payment WHERE booking_id = %s"
