"""Stripe's webhook: what is believed, what is taken in once, and the status codes that Stripe wants."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from tests.support.clients.callers import execute
from tests.support.clients.http_client import raw_answer
from tests.support.payments.payer import EMPTY_CARD, WEBHOOK_SECRET, Payer
from tests.support.payments.stripe_standin.deliveries import signature


def send(
    payer: Payer, event: dict[str, Any] | bytes, *, age_s: int = 0, secret: str = WEBHOOK_SECRET
) -> httpx.Response:
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    header = signature(raw, secret, int(time.time()) - age_s)
    return httpx.post(
        f"{payer.stack.api_url}/api/stripe-webhook/",
        content=raw,
        headers={"Stripe-Signature": header, "Content-Type": "application/json"},
    )


def event_about(payer: Payer, intent_id: str, type_: str) -> dict[str, Any]:
    """The last event of that type about an intent, as Stripe has it."""
    found: dict[str, Any] = next(
        one
        for one in reversed(payer.stripe.books()["events"])
        if one["type"] == type_ and one["data"]["object"]["id"] == intent_id
    )
    return found


@pytest.fixture
def paid_silently(payer: Payer) -> tuple[int, dict[str, Any]]:
    """A booking that was paid, and the event that was not delivered."""
    payer.stripe.webhooks("lose")
    booking = payer.hold()
    intent = payer.pay(booking)
    return booking, event_about(payer, intent["payment_intent_id"], "payment_intent.succeeded")


def test_an_event_that_is_not_signed_for_or_too_old_is_a_400_and_changes_nothing(
    payer: Payer, paid_silently: tuple[int, dict[str, Any]]
) -> None:
    booking, event = paid_silently
    for answer in (
        send(payer, event, secret="whsec_of_somebody_else"),
        send(payer, event, age_s=301),
        httpx.post(f"{payer.stack.api_url}/api/stripe-webhook/", json=event),
        send(payer, b"{"),
        send(payer, b"[]"),
        send(payer, b"\x00" * 100),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_webhook")
    assert send(payer, b"x" * (1024 * 1024 + 1)).status_code == 400
    assert payer.stands(booking) == ("pending", "pending")


def test_an_event_that_we_cannot_use_is_received_and_a_line_in_the_log(
    payer: Payer, paid_silently: tuple[int, dict[str, Any]]
) -> None:
    """A status of a newer API, or JSON nested too deep: otherwise Stripe would resend it for three days."""
    booking, event = paid_silently
    strange = {**event, "id": "evt_strange"}
    strange["data"] = {"object": {**event["data"]["object"], "status": "requires_a_miracle"}}
    deep = b'{"id": "evt_deep", "data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    unstorable = {**event, "id": "evt_\x00", "type": "payment_intent.succeeded"}
    header = {"Stripe-Signature": signature(deep, WEBHOOK_SECRET, int(time.time())), "Content-Length": str(len(deep))}
    address = payer.stack.api_url.removeprefix("http://")
    assert (
        raw_answer(address, "POST /api/stripe-webhook/ HTTP/1.1", {"Host": "here", **header}, deep).status_code == 200
    )
    for body in (strange, unstorable, {"id": "evt_bare"}, {**event, "data": None}, {**event, "id": 10**400}):
        answer = send(payer, body)
        assert (answer.status_code, answer.json()) == (200, {"received": True})
        assert f'"request_id":"{answer.headers["X-Request-ID"]}"' in unused(payer)
    assert payer.stands(booking) == ("pending", "pending")
    assert send(payer, event).status_code == 200
    payer.wait_stands(booking, "confirmed", "succeeded")


def unused(payer: Payer) -> str:
    """The log's lines about events that could not be used."""
    return "\n".join(line for line in payer.stack.logs(200).splitlines() if "stripe event cannot be used" in line)


def test_an_event_is_taken_in_once_and_answered_200_each_time(
    payer: Payer, paid_silently: tuple[int, dict[str, Any]]
) -> None:
    booking, event = paid_silently
    assert [send(payer, event).status_code for _ in range(3)] == [200, 200, 200]
    payer.wait_stands(booking, "confirmed", "succeeded")
    ((count,),) = execute(
        payer.stack,
        "SELECT count(*) FROM stripe_event e JOIN outcome o ON o.id = e.command_id WHERE e.id = %s",
        event["id"],
    )
    assert count == 1
    assert payer.reasons(booking) == ["payment_succeeded"]


def test_events_about_others_things_are_received_and_ignored(payer: Payer) -> None:
    unknown = {"id": "pi_other", "amount": 1, "currency": "usd", "status": "succeeded", "metadata": {}}
    lost = {**unknown, "metadata": {"holdfast_payment": "00000000-0000-4000-8000-000000000000"}}
    for event in (
        {"id": "evt_a", "type": "customer.created", "data": {"object": {"id": "cus_1"}}},
        {"id": "evt_b", "type": "payment_intent.succeeded", "data": {"object": unknown}},
        {"id": "evt_c", "type": "payment_intent.succeeded", "data": {"object": lost}},
    ):
        assert send(payer, event).status_code == 200
    assert execute(payer.stack, "SELECT count(*) FROM stripe_event WHERE id IN ('evt_a', 'evt_b', 'evt_c')") == [(0,)]


def test_events_in_the_wrong_order_and_twice_come_to_the_same(payer: Payer) -> None:
    payer.stripe.webhooks("hold")
    booking = payer.hold()
    intent = payer.pay(booking, EMPTY_CARD)
    payer.stripe.pay(intent["client_secret"])
    payer.stripe.release(backwards=True, times=2)
    payer.wait_stands(booking, "confirmed", "succeeded")
    assert payer.payments(booking) == [("succeeded", intent["payment_intent_id"])]
    assert payer.reasons(booking) == ["payment_succeeded"], "the old decline was never believed"


def test_a_decline_that_is_out_of_date_makes_nothing_fail(payer: Payer) -> None:
    payer.stripe.webhooks("hold")
    booking = payer.hold()
    intent = payer.pay(booking, EMPTY_CARD)
    failed = event_about(payer, intent["payment_intent_id"], "payment_intent.payment_failed")
    payer.stripe.pay(intent["client_secret"])
    assert send(payer, failed).status_code == 200
    payer.wait_stands(booking, "confirmed", "succeeded")  # by looking, as the event of the payment is still held


def test_an_intent_that_somebody_else_cancels_expires_its_hold(payer: Payer) -> None:
    booking = payer.hold()
    intent = payer.intent(booking)
    payer.stripe.cancel(intent["payment_intent_id"])
    payer.wait_stands(booking, "expired", "pending")
    payer.wait_payments(booking, "canceled")
    assert payer.reasons(booking) == ["payment_canceled"]
