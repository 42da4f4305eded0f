"""Answers about payments (rooms.md, "Create Payment Intent"). Without the secret: see `revealed`."""

from __future__ import annotations

from typing import Any

import msgspec

from core.domain.commands import Envelope
from core.domain.events import Event, PaymentReady
from core.domain.payments import Payment, PaymentState
from core.domain.state import State
from core.wire import engine
from core.wire.rooms import money

INTENT_STATUS = {
    PaymentState.OPEN: "requires_payment_method",
    PaymentState.PROCESSING: "processing",
    PaymentState.SUCCEEDED: "succeeded",
}
"""What the payer's client has to know of an intent; it asks Stripe itself for the rest."""


def answer(envelope: Envelope, events: tuple[Event, ...], state: State) -> tuple[int, dict[str, Any]]:
    """(HTTP status, body) of a command about payments that was not refused."""
    match events[-1]:
        case PaymentReady(payment=payment):
            return 201, intent(payment)
        case _:
            return engine.answer(envelope, events, state)


def intent(payment: Payment) -> dict[str, Any]:
    return {
        "payment_intent_id": payment.intent_id,
        "amount": money(payment.amount_minor, payment.currency),
        "currency": payment.currency,
        "status": INTENT_STATUS[payment.state],
        "booking_id": payment.booking_id,
    }


def intent_of(body: bytes) -> str:
    """The intent that an answer is about."""
    return str(msgspec.json.decode(body)["payment_intent_id"])


def revealed(body: bytes, client_secret: str) -> bytes:
    """The answer as its owner gets it: the secret is added on the way out and kept nowhere."""
    told = msgspec.json.decode(body)
    id_ = told.pop("payment_intent_id")
    return msgspec.json.encode({"payment_intent_id": id_, "client_secret": client_secret, **told})
