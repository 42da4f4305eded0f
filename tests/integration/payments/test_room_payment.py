"""Paying for a room, as the rooms document has it, from the intent to the confirmed booking."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from core.domain.payments.checkout import MAX_ATTEMPTS
from tests.integration.payments.conftest import EXTENSION_S
from tests.support.clients.callers import execute
from tests.support.payments.payer import BANK, EMPTY_BANK, EMPTY_CARD, Payer, StripeServer
from tests.support.processes.stack import Stack


def test_a_paid_hold_is_confirmed(payer: Payer) -> None:
    booking = payer.hold()
    intent = payer.intent(booking)
    assert intent == {
        "payment_intent_id": intent["payment_intent_id"],
        "client_secret": intent["client_secret"],
        "amount": 100.00,
        "currency": "usd",
        "status": "requires_payment_method",
        "booking_id": booking,
    }
    assert list(intent)[:2] == ["payment_intent_id", "client_secret"]
    assert intent["client_secret"].startswith(f"{intent['payment_intent_id']}_secret_")
    assert payer.stripe.pay(intent["client_secret"]).json()["status"] == "succeeded"
    payer.wait_stands(booking, "confirmed", "succeeded")
    assert payer.reasons(booking) == ["payment_succeeded"]
    assert payer.ask(booking).json()["code"] == "already_paid"


def test_a_declined_card_leaves_the_hold_and_another_card_pays_the_same_intent(payer: Payer) -> None:
    booking = payer.hold()
    intent = payer.pay(booking, EMPTY_CARD)
    payer.wait_stands(booking, "pending", "failed")
    payer.stripe.pay(intent["client_secret"])
    payer.wait_stands(booking, "confirmed", "succeeded")
    assert payer.payments(booking) == [("succeeded", intent["payment_intent_id"])]


def test_after_a_decline_a_new_intent_is_made_under_a_new_key_once_the_old_one_is_canceled(payer: Payer) -> None:
    booking = payer.hold()
    before = len(payer.stripe.books()["keys"])
    first = payer.pay(booking, EMPTY_CARD)
    payer.wait_stands(booking, "pending", "failed")
    second = payer.intent(booking)
    assert second["payment_intent_id"] != first["payment_intent_id"]
    assert payer.stripe.intent(first["payment_intent_id"])["status"] == "canceled"
    assert payer.stands(booking) == ("pending", "pending")
    keys = [key for operation, key in payer.stripe.books()["keys"][before:] if operation == "create"]
    assert len(keys) == len(set(keys)) == 2
    payer.stripe.pay(second["client_secret"])
    payer.wait_stands(booking, "confirmed", "succeeded")
    payer.wait_payments(booking, "canceled", "succeeded")


def test_a_booking_has_one_live_intent_however_often_and_at_once_it_is_asked_for(payer: Payer) -> None:
    booking = payer.hold()
    with ThreadPoolExecutor(6) as crowd:
        answers = list(crowd.map(lambda _: payer.ask(booking), range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["payment_intent_id"] for answer in answers}) == 1
    assert payer.intent(booking) == answers[0].json()
    assert len(payer.payments(booking)) == 1


def test_only_the_owner_of_a_held_booking_pays_exactly_its_price(payer: Payer) -> None:
    booking = payer.hold()
    with payer.another() as other_user:
        assert payer.ask(booking, other_user).status_code == 404
    assert payer.ask(booking, payer.desk).status_code == 404, "staff no more than others"
    for changes, status, field in (
        ({"amount": 99.99}, 400, "amount"),
        ({"amount": 100.001}, 400, "amount"),
        ({"amount": -1}, 400, "amount"),
        ({"amount": 1e300}, 400, "amount"),
        ({"amount": None}, 400, "amount"),
        ({"currency": "eur"}, 400, "currency"),
        ({"currency": "dollars"}, 400, "currency"),
        ({"booking_id": "1"}, 400, "booking_id"),
        ({"booking_id": 2**70}, 400, "booking_id"),
        ({"tip": 1}, 400, "tip"),
        ({"booking_id": 2**62}, 404, None),
    ):
        answer = payer.ask(booking, **changes)
        assert answer.status_code == status, (changes, answer.text)
        assert [problem["field"] for problem in answer.json()["errors"]] == ([field] if field else [])
    assert payer.payments(booking) == []
    payer.cancel(booking)
    assert payer.ask(booking).json()["code"] == "not_payable"


def test_an_intent_can_be_followed_in_all_four_ways_and_its_secret_is_kept_nowhere(payer: Payer, stack: Stack) -> None:
    booking = payer.hold()
    accepted = payer.ask(booking, headers={"Prefer": "respond-async", "Idempotency-Key": "one-intent"})
    assert accepted.status_code == 202
    url = accepted.json()["status_url"]
    polled = payer.client.get(url, headers={"Prefer": "wait=20"}).json()
    secret = polled["response"]["body"]["client_secret"]
    retried = payer.ask(booking, headers={"Idempotency-Key": "one-intent"})
    assert (retried.status_code, retried.json()) == (201, polled["response"]["body"])
    assert "client_secret" not in payer.desk.get(url).json()["response"]["body"], "it is its owner's alone"
    random_part = secret.split("_secret_")[1]
    for table in ("outcome", "inbox", "event", "payment", "stripe_event"):
        assert execute(stack, f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", f"%{random_part}%") == [(0,)]
    for server in stack.servers:
        assert random_part not in server.log


def test_a_hold_in_a_banks_hands_is_extended_once_and_settles_when_the_bank_does(payer: Payer) -> None:
    booking = payer.hold()
    before = datetime.fromisoformat(payer.booking(booking)["hold_expires_at"])
    intent = payer.pay(booking, EMPTY_BANK)
    payer.wait_stands(booking, "pending", "processing")
    extended = payer.booking(booking)["hold_expires_at"]
    assert datetime.fromisoformat(extended) == before + timedelta(seconds=EXTENSION_S)
    assert payer.intent(booking)["status"] == "processing"
    payer.stripe.settle(intent["payment_intent_id"], succeeds=False)
    payer.wait_stands(booking, "pending", "failed")
    payer.stripe.pay(intent["client_secret"], BANK)
    payer.wait_stands(booking, "pending", "processing")
    assert payer.booking(booking)["hold_expires_at"] == extended
    payer.stripe.settle(intent["payment_intent_id"], succeeds=True)
    payer.wait_stands(booking, "confirmed", "succeeded")


def test_what_stripe_does_not_take_is_refused_and_the_hold_stands(payer: Payer) -> None:
    booking = payer.hold()
    execute(payer.stack, "UPDATE booking SET price_minor = 49 WHERE id = %s", booking)  # less than Stripe charges
    answer = payer.ask(booking, amount=0.49)
    assert (answer.status_code, answer.json()["code"]) == (409, "payment_refused")
    assert payer.payments(booking) == [("failed", None)]
    assert payer.stands(booking) == ("pending", "failed")


@pytest.mark.parametrize("page", ["success", "cancel"])
def test_the_pages_that_payers_come_back_to_are_plain_and_shut(stack: Stack, page: str) -> None:
    answer = httpx.get(f"{stack.api_url}/payment/{page}/")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    style = answer.text.split("<style>")[1].split("</style>")[0]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    assert "<script" not in answer.text


def test_cancelling_in_time_gives_the_money_back(payer: Payer) -> None:
    booking = payer.hold()
    intent = payer.pay(booking)
    payer.wait_stands(booking, "confirmed", "succeeded")
    assert payer.cancel(booking).json()["status"] == "cancelled"
    payer.wait_stands(booking, "cancelled", "refunded")
    (refund,) = [one for one in payer.stripe.books()["refunds"] if one["payment_intent"] == intent["payment_intent_id"]]
    assert refund["amount"] == Payer.PRICE_MINOR


def test_the_stripe_account_is_asked_in_its_pinned_version_alone(payer: Payer, stripe: StripeServer) -> None:
    payer.intent(payer.hold())
    assert len([version for version in stripe.books()["versions"] if version]) == 1


def test_a_booking_that_was_tried_twenty_times_is_not_tried_again(payer: Payer) -> None:
    booking = payer.hold()
    given_up = """INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, created_at, updated_at)
                  SELECT gen_random_uuid(), %s, n, %s, 'usd', 'canceled', clock_timestamp(), clock_timestamp()
                  FROM generate_series(1, %s) AS n"""
    execute(payer.stack, given_up, booking, payer.PRICE_MINOR, MAX_ATTEMPTS)
    answer = payer.ask(booking)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_payments")
    assert len(payer.payments(booking)) == MAX_ATTEMPTS


def test_the_key_of_one_payment_is_no_other_s(payer: Payer) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    one, other = payer.hold(), payer.hold(start_time="12:00", end_time="13:00")
    assert payer.ask(one, headers={**key, "Prefer": "respond-async"}).status_code == 202
    answer = payer.ask(other, headers=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
