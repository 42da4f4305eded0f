"""Stripe's events: verified over the raw bytes, then read no further than needed."""

from __future__ import annotations

from typing import Any

import msgspec
import stripe
from msgspec import Struct

from core.payments.port import Intent
from core.payments.stripe import intent_of

TOLERANCE_S = 300
"""An older signature may be somebody's replay (Stripe's own default)."""

INTENT_EVENTS = frozenset(
    {
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "payment_intent.processing",
    }
)


REFUND_EVENTS = frozenset({"charge.refunded", "refund.updated", "refund.failed"})
"""Ours and those that a person made at Stripe: only the account knows which, so they make the worker look."""

OPERATORS_EVENTS = frozenset(
    {
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "refund.failed",
    }
)
"""Nothing follows from these by itself: a person has to see to them at Stripe."""


class BadEventError(Exception):
    """Not from Stripe, too old, or not an event; the message may be shown."""


class Concern(Struct, frozen=True):
    """What operators are told of a dispute, or of a refund that failed."""

    intent_id: str
    amount_minor: int
    currency: str
    status: str
    reason: str


class StripeEvent(Struct, frozen=True):
    id: str
    type: str
    intent: Intent | None = None
    """As it was when the event was made; None for events that are about something else."""
    refunded_intent_id: str | None = None
    """Of which money went back, or did not after all."""
    concern: Concern | None = None


def verified(raw: bytes, signature: str | None, secret: str) -> StripeEvent:
    """Raises `BadEventError`."""
    try:
        stripe.WebhookSignature.verify_header(raw, signature, secret, TOLERANCE_S)
        found = msgspec.json.decode(raw)
        return _event(found)
    except stripe.SignatureVerificationError:
        raise BadEventError("The Stripe-Signature header does not fit this body, or is too old") from None
    except (KeyError, TypeError, ValueError, AttributeError, msgspec.DecodeError):
        raise BadEventError("The body is not a Stripe event") from None


def _event(found: dict[str, Any]) -> StripeEvent:
    id_, type_ = str(found["id"]), str(found["type"])
    if type_ not in INTENT_EVENTS | REFUND_EVENTS | OPERATORS_EVENTS:
        return StripeEvent(id_, type_)
    about = found["data"]["object"]
    if type_ in INTENT_EVENTS:
        return StripeEvent(id_, type_, intent_of(about))
    refunded = _text(about.get("payment_intent")) if type_ in REFUND_EVENTS else ""
    concern = _concern(about) if type_ in OPERATORS_EVENTS else None
    return StripeEvent(id_, type_, refunded_intent_id=refunded or None, concern=concern)


def _concern(about: dict[str, Any]) -> Concern:
    return Concern(
        intent_id=_text(about.get("payment_intent")),
        amount_minor=int(about["amount"]),
        currency=str(about["currency"]),
        status=str(about["status"]),
        reason=_text(about.get("failure_reason") or about.get("reason")),
    )


def _text(value: Any) -> str:
    """Charges that no intent made have none."""
    return "" if value is None else str(value)
