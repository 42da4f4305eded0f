"""Events from Stripe: only what is signed, fresh and whole is believed."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID

import pytest

from core.domain.payments import IntentStatus
from core.payments.webhooks import TOLERANCE_S, BadEventError, verified
from tests.stripe_standin.deliveries import signature

SECRET = "whsec_of_the_tests"
PAYMENT = UUID("11111111-1111-4111-8111-111111111111")
INTENT: dict[str, Any] = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 10_000,
    "amount_received": 10_000,
    "currency": "usd",
    "client_secret": "pi_1_secret_x",
    "metadata": {"holdfast_payment": str(PAYMENT)},
    "status": "succeeded",
}


def event(type_: str = "payment_intent.succeeded", **changes: Any) -> bytes:
    return json.dumps({"id": "evt_1", "type": type_, "data": {"object": {**INTENT, **changes}}}).encode()


def signed(raw: bytes, *, age_s: int = 0, secret: str = SECRET) -> str:
    return signature(raw, secret, int(time.time()) - age_s)


def test_a_signed_event_says_which_payment_it_is_about() -> None:
    raw = event()
    found = verified(raw, signed(raw), SECRET)
    assert found.id == "evt_1"
    assert found.intent is not None
    assert (found.intent.payment_id, found.intent.status) == (PAYMENT, IntentStatus.SUCCEEDED)
    assert (found.intent.received_minor, found.intent.decline) == (10_000, None)


def test_a_failed_payment_says_why() -> None:
    error = {"code": "card_declined", "decline_code": "insufficient_funds"}
    raw = event("payment_intent.payment_failed", status="requires_payment_method", last_payment_error=error)
    intent = verified(raw, signed(raw), SECRET).intent
    assert intent is not None
    assert intent.decline == "insufficient_funds"


def test_other_events_are_understood_no_further() -> None:
    raw = json.dumps({"id": "evt_2", "type": "charge.succeeded", "data": {"object": {"id": "ch_1"}}}).encode()
    assert verified(raw, signed(raw), SECRET).intent is None


def test_an_intent_that_is_not_ours_names_no_payment() -> None:
    raw = event(metadata={})
    intent = verified(raw, signed(raw), SECRET).intent
    assert intent is not None
    assert intent.payment_id is None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=1,v1=00",
        "v1=00",
        "t=x,v1=00",
        signed(event(), secret="whsec_of_somebody_else"),
        signed(event(), age_s=TOLERANCE_S + 5),
        signed(event(amount=1)),
    ],
    ids=["none", "empty", "old", "no time", "no number", "another secret", "too late", "other bytes"],
)
def test_what_is_not_signed_for_these_bytes_and_lately_is_refused(header: str | None) -> None:
    with pytest.raises(BadEventError):
        verified(event(), header, SECRET)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff",
        b'{"id": "evt_1"}',
        b'{"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {}}}',
        event(status="never heard of"),
        event(amount="a lot"),
    ],
)
def test_what_is_signed_but_no_event_is_refused(raw: bytes) -> None:
    header = signed(raw) if raw != b"\xff" else "t=1,v1=00"
    with pytest.raises(BadEventError):
        verified(raw, header, SECRET)
