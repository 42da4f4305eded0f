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


class BadEventError(Exception):
    """Not from Stripe, too old, or not an event; the message may be shown."""


class StripeEvent(Struct, frozen=True):
    id: str
    type: str
    intent: Intent | None
    """As it was when the event was made; None for events that are about something else."""


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
    type_ = str(found["type"])
    intent = intent_of(found["data"]["object"]) if type_ in INTENT_EVENTS else None
    return StripeEvent(str(found["id"]), type_, intent)
