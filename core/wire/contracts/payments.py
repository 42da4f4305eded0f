"""Answers about payments (docs/contracts/rooms.md). They are kept without the client secret: see `revealed`."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from core.domain.commands import Envelope
from core.domain.events import Event, PaymentReady
from core.domain.payments.values import Payment, PaymentState
from core.domain.state import State
from core.wire import engine
from core.wire.contracts.rooms import money

IntentWord = Literal["requires_payment_method", "processing", "succeeded"]


class PaymentIntentKept(Struct, frozen=True, kw_only=True):
    """The answer as it is kept with its command."""

    payment_intent_id: str
    amount: float
    currency: str
    status: IntentWord
    booking_id: int


class PaymentIntent(Struct, frozen=True, kw_only=True):
    """The answer as its owner gets it: the secret is added on the way out and kept nowhere."""

    payment_intent_id: str
    client_secret: str
    amount: float
    currency: str
    status: IntentWord
    booking_id: int


INTENT_STATUS: dict[PaymentState, IntentWord] = {
    PaymentState.OPEN: "requires_payment_method",
    PaymentState.PROCESSING: "processing",
    PaymentState.SUCCEEDED: "succeeded",
}
"""What the payer's client has to know of an intent; it asks Stripe itself for the rest."""


def answer(envelope: Envelope, events: tuple[Event, ...], state: State) -> tuple[int, object]:
    """(HTTP status, body) of a command about payments that was not refused."""
    match events[-1]:
        case PaymentReady(payment=payment):
            return 201, intent(payment)
        case _:
            return engine.answer(envelope, events, state)


def intent(payment: Payment) -> PaymentIntentKept:
    assert payment.intent_id is not None, "it is ready"  # noqa: S101 - the constraint payment_open_has_intent
    return PaymentIntentKept(
        payment_intent_id=payment.intent_id,
        amount=money(payment.amount_minor, payment.currency),
        currency=payment.currency,
        status=INTENT_STATUS[payment.state],
        booking_id=payment.booking_id,
    )


def intent_of(body: bytes) -> str:
    """The intent that an answer is about."""
    return msgspec.json.decode(body, type=PaymentIntentKept).payment_intent_id


def revealed(body: bytes, client_secret: str) -> bytes:
    """A kept answer, with the secret added."""
    kept = msgspec.json.decode(body, type=PaymentIntentKept)
    return msgspec.json.encode(PaymentIntent(client_secret=client_secret, **msgspec.structs.asdict(kept)))
