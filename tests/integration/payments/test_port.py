"""The port over real HTTP: what Stripe says, told apart by what is to be done about it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from core.domain.payments.values import IntentStatus, RefundStatus
from core.payments.provider import (
    IntentMissingError,
    IntentOrder,
    PaymentsAwayError,
    PaymentsRefusedError,
    ProviderTotals,
    RefundOrder,
)
from core.payments.stripe import PAGE_MAX, STRIPE_VERSION, StripePayments
from tests.support.payments.payer import BANK, EMPTY_CARD, GOOD_CARD, StripeServer, stripe_server
from tests.support.payments.stripe_standin.server import SECRET_KEY


@pytest.fixture(scope="module")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeServer]:
    with stripe_server(tmp_path_factory.mktemp("stripe")) as server:
        yield server


@pytest.fixture
def payments(stripe: StripeServer) -> StripePayments:
    stripe.mend()
    return StripePayments(SECRET_KEY, stripe.url, ("card", "us_bank_account"))


def order(amount_minor: int = 10_000, currency: str = "usd", key: str | None = None) -> IntentOrder:
    return IntentOrder(key or f"test-{uuid4()}", uuid4(), 7, amount_minor, currency)


def paid(stripe: StripeServer, payments: StripePayments) -> str:
    intent = payments.create_intent(order())
    assert stripe.pay(payments.client_secret(intent.id), GOOD_CARD).status_code == 200
    return intent.id


def refund(
    intent_id: str, amount_minor: int = 10_000, key: str | None = None, payment_id: UUID | None = None
) -> RefundOrder:
    return RefundOrder(key or f"test-{uuid4()}", payment_id or uuid4(), intent_id, amount_minor)


def test_an_intent_says_whose_it_is_and_no_secret(stripe: StripeServer, payments: StripePayments) -> None:
    wanted = order()
    intent = payments.create_intent(wanted)
    assert (intent.status, intent.amount_minor, intent.currency) == (
        IntentStatus.REQUIRES_PAYMENT_METHOD,
        10_000,
        "usd",
    )
    assert intent.payment_id == wanted.payment_id
    assert "secret" not in repr(intent)
    assert payments.client_secret(intent.id).startswith(f"{intent.id}_secret_")
    assert stripe.books()["versions"] == [STRIPE_VERSION]


def test_a_key_makes_one_intent_however_often_it_is_sent(payments: StripePayments) -> None:
    wanted = order()
    assert payments.create_intent(wanted) == payments.create_intent(wanted)


def test_a_key_with_another_body_asks_for_a_new_key(payments: StripePayments) -> None:
    payments.create_intent(order(key="one-key"))
    with pytest.raises(PaymentsAwayError) as problem:
        payments.create_intent(order(key="one-key", amount_minor=5_000))
    assert problem.value.replayed


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (order(amount_minor=49), "amount_too_small"),
        (order(amount_minor=100_000_000), "amount_too_large"),
        (order(amount_minor=-1), "amount_too_small"),
        (order(currency="xxx"), "parameter_invalid_string_currency"),
    ],
)
def test_what_stripe_would_never_take_is_refused_for_good(
    payments: StripePayments, wanted: IntentOrder, code: str
) -> None:
    with pytest.raises(PaymentsRefusedError) as problem:
        payments.create_intent(wanted)
    assert problem.value.code == code


def test_a_declined_card_leaves_the_intent_open_and_says_why(stripe: StripeServer, payments: StripePayments) -> None:
    intent = payments.create_intent(order())
    answer = stripe.pay(payments.client_secret(intent.id), EMPTY_CARD)
    assert (answer.status_code, answer.json()["error"]["decline_code"]) == (402, "insufficient_funds")
    after = payments.intent(intent.id)
    assert (after.status, after.decline) == (IntentStatus.REQUIRES_PAYMENT_METHOD, "insufficient_funds")


def test_a_paid_intent_says_what_was_received(stripe: StripeServer, payments: StripePayments) -> None:
    intent = payments.intent(paid(stripe, payments))
    assert (intent.status, intent.received_minor) == (IntentStatus.SUCCEEDED, 10_000)


def test_cancelling_ends_an_unpaid_intent_and_twice_is_no_different(payments: StripePayments) -> None:
    intent = payments.create_intent(order())
    assert payments.cancel_intent(intent.id).status is IntentStatus.CANCELED
    assert payments.cancel_intent(intent.id).status is IntentStatus.CANCELED


def test_cancelling_what_was_paid_finds_that_it_was_paid(stripe: StripeServer, payments: StripePayments) -> None:
    assert payments.cancel_intent(paid(stripe, payments)).status is IntentStatus.SUCCEEDED


def test_cancelling_what_a_bank_still_works_on_finds_it_processing(
    stripe: StripeServer, payments: StripePayments
) -> None:
    intent = payments.create_intent(order())
    stripe.pay(payments.client_secret(intent.id), BANK)
    assert payments.cancel_intent(intent.id).status is IntentStatus.PROCESSING


def test_a_refund_happens_once_under_its_key_and_is_found_under_another(
    stripe: StripeServer, payments: StripePayments
) -> None:
    intent_id = paid(stripe, payments)
    wanted = refund(intent_id)
    first = payments.refund(wanted)
    assert (first.status, first.amount_minor) == (RefundStatus.SUCCEEDED, 10_000)
    assert payments.refund(wanted) == first
    assert payments.refund(refund(intent_id, payment_id=wanted.payment_id)) == first
    assert sum(one["payment_intent"] == intent_id for one in stripe.books()["refunds"]) == 1


def test_what_was_asked_for_before_is_looked_for_first(stripe: StripeServer, payments: StripePayments) -> None:
    """Whatever has become of the key: a refund by its payment and number, an intent by its payment."""
    intent_id = paid(stripe, payments)
    first = payments.refund(refund(intent_id, 3_000))
    assert payments.refund(refund(intent_id, 3_000)) != first, "another payment's"
    mine = refund(intent_id, 2_000)
    made = payments.refund(mine)
    stripe.forget_keys()
    assert payments.refund(replace(mine, was_asked=True)) == made
    assert payments.refund(replace(mine, was_asked=True, number=2)) != made
    assert payments.refunded_minor(intent_id) == 10_000
    wanted = order()
    intent = payments.create_intent(wanted)
    stripe.forget_keys()
    asked = replace(wanted, was_asked=datetime.now(UTC))
    assert payments.create_intent(asked) == intent
    payments.cancel_intent(intent.id)
    assert payments.create_intent(asked).id != intent.id, "what was cancelled cannot be paid"


def test_a_refund_that_was_made_and_failed_is_not_made_again_unseen(
    stripe: StripeServer, payments: StripePayments
) -> None:
    intent_id = paid(stripe, payments)
    mine = refund(intent_id, 2_000)
    made = payments.refund(mine)
    stripe.fail_refund(made.id)
    stripe.forget_keys()
    assert payments.refund(replace(mine, was_asked=True)).status is RefundStatus.FAILED


def test_an_intent_is_found_among_many(stripe: StripeServer, payments: StripePayments) -> None:
    wanted = order()
    intent = payments.create_intent(wanted)
    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(payments.create_intent, [order() for _ in range(PAGE_MAX + 10)]))
    stripe.forget_keys()
    assert payments.create_intent(replace(wanted, was_asked=datetime.now(UTC))) == intent


def test_the_books_of_an_intent_say_what_moved(stripe: StripeServer, payments: StripePayments) -> None:
    intent_id = paid(stripe, payments)
    stripe.refund(intent_id, 3_000)
    assert payments.books(intent_id) == ProviderTotals(10_000, 3_000)
    assert payments.books(payments.create_intent(order()).id) == ProviderTotals(0, 0)
    assert payments.books("pi_nobody") == ProviderTotals(0, 0)


def test_what_somebody_else_refunded_is_counted_and_is_not_ours(stripe: StripeServer, payments: StripePayments) -> None:
    intent_id = paid(stripe, payments)
    assert payments.refunded_minor(intent_id) == 0
    stripe.refund(intent_id, 3_000)
    with pytest.raises(PaymentsRefusedError):
        payments.refund(refund(intent_id))
    assert payments.refund(refund(intent_id, amount_minor=7_000)).amount_minor == 7_000
    assert payments.refunded_minor(intent_id) == 10_000
    stripe.fail_refund(stripe.books()["refunds"][-1]["id"])
    assert payments.refunded_minor(intent_id) == 3_000


def test_an_unpaid_intent_cannot_be_refunded(payments: StripePayments) -> None:
    with pytest.raises(PaymentsRefusedError):
        payments.refund(refund(payments.create_intent(order()).id))


def test_an_unknown_intent_is_missing(payments: StripePayments) -> None:
    with pytest.raises(IntentMissingError):
        payments.intent("pi_nobody")
    with pytest.raises(IntentMissingError):
        payments.cancel_intent("pi_nobody")


@pytest.mark.parametrize("fault", ["down", "error_500", "unauthorized", "work_then_silence", "rate_limited"])
def test_an_outage_is_told_from_a_refusal(stripe: StripeServer, payments: StripePayments, fault: str) -> None:
    stripe.fault(fault)
    with pytest.raises(PaymentsAwayError) as problem:
        payments.create_intent(order())
    assert problem.value.counts is (fault != "rate_limited"), "asking too often is no trouble of theirs"


def test_work_whose_answer_was_lost_is_found_by_its_key(stripe: StripeServer, payments: StripePayments) -> None:
    wanted = order()
    stripe.fault("work_then_silence", "create")
    with pytest.raises(PaymentsAwayError):
        payments.create_intent(wanted)
    assert payments.create_intent(wanted).payment_id == wanted.payment_id
    made = [one for one in stripe.books()["intents"] if one["metadata"]["holdfast_payment"] == str(wanted.payment_id)]
    assert len(made) == 1


def test_an_error_that_stays_under_its_key_says_so(stripe: StripeServer, payments: StripePayments) -> None:
    wanted = order()
    stripe.fault("error_500", "create")
    for replayed in (False, True, True):
        with pytest.raises(PaymentsAwayError) as problem:
            payments.create_intent(wanted)
        assert problem.value.replayed is replayed


def test_a_refund_behind_an_error_that_stays_is_found_all_the_same(
    stripe: StripeServer, payments: StripePayments
) -> None:
    intent_id = paid(stripe, payments)
    wanted = refund(intent_id)
    stripe.fault("work_then_500", "refund")
    with pytest.raises(PaymentsAwayError):
        payments.refund(wanted)
    assert payments.refund(wanted).status is RefundStatus.SUCCEEDED
    assert len([one for one in stripe.books()["refunds"] if one["payment_intent"] == intent_id]) == 1
