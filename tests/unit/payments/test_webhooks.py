"""Events from Stripe: only what is signed, fresh and whole is believed."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.payments.values import IntentStatus
from core.payments.stripe_events import (
    INTENT_EVENTS,
    OPERATORS_EVENTS,
    REFUND_EVENTS,
    TOLERANCE_S,
    BadEventError,
    verified,
)
from tests.support.payments.stripe_standin.deliveries import signature

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


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"{", b"\xff", b"12", b'{"id": NaN}', b'{"id": "evt_1"} x'])
def test_what_is_signed_but_no_json_object_is_refused(raw: bytes) -> None:
    header = signed(raw) if raw != b"\xff" else "t=1,v1=00"
    with pytest.raises(BadEventError):
        verified(raw, header, SECRET)


DEEP = 100_000


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b'{"id": "evt_1"}',
        b'{"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {}}}',
        b'{"id": "evt_1", "type": "payment_intent.succeeded", "data": [], "n": 1e999999999}',
        b'{"id": "evt_1", "type": "payment_intent.succeeded", "n": ' + b"9" * 5000 + b"}",
        b'{"id": "evt_1", "type": "payment_intent.succeeded", "n": "\\ud800"}',
        b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        event(status="never heard of"),
        event(status=None),
        event(status=["succeeded"]),
        event(amount="a lot"),
        event(amount=2**63),
        event(amount=-1),
        event(amount_received=10**400),
        event(id="pi_\x00"),
        event(id="p" * 5000),
        event(id={"id": "pi_1"}),
        event(metadata=["holdfast_payment"]),
        event("payment_intent.payment_failed", last_payment_error="declined"),
        event("payment_intent.payment_failed", last_payment_error={"code": "\x00"}),
        event("refund.updated", payment_intent={"id": "pi_1"}),
        event("charge.dispute.created", currency=None),
    ],
)
def test_what_stripe_signed_and_we_cannot_use_is_an_event_all_the_same(raw: bytes) -> None:
    """It would be sent again for three days otherwise."""
    found = verified(raw, signed(raw), SECRET)
    assert found.unusable
    assert (found.intent, found.refunded_intent_id, found.concern) == (None, None, None)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from(sorted(INTENT_EVENTS | REFUND_EVENTS | OPERATORS_EVENTS))


@given(TYPES, st.dictionaries(st.sampled_from([*INTENT, "last_payment_error", "payment_intent", "reason"]), ANYTHING))
def test_whatever_a_field_holds_an_event_is_used_or_is_not(type_: str, changes: dict[str, Any]) -> None:
    """What is used can be stored: texts are words, amounts are bigints."""
    raw = event(type_, **changes)
    try:
        found = verified(raw, signed(raw), SECRET)
    except BadEventError:
        assert "NaN" in raw.decode() or "Infinity" in raw.decode(), "JSON has no such numbers"
        return
    intent = found.intent
    amounts = [intent.amount_minor, intent.received_minor] if intent else []
    amounts += [found.concern.amount_minor] if found.concern else []
    texts = [
        found.id,
        found.type,
        found.refunded_intent_id or "",
        *([intent.id, intent.decline or ""] if intent else []),
    ]
    assert all(0 <= amount < 2**63 for amount in amounts)
    assert all(text.isprintable() and len(text) <= 255 for text in texts)
