"""Stripe's events: verified over the raw bytes, then decoded no further than needed."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, NoReturn

import msgspec
import stripe
from msgspec import Struct

from core.payments.provider import Intent
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
"""Of our refunds and of those that a person made at Stripe: an event does not say which, so the worker looks."""

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
"""Holdfast does nothing about these: a person must act at Stripe."""


TEXT_CHARS_MAX = 255
"""Of an id or a status of Stripe's; anything longer is none."""
NAME_CHARS_MAX = 64
"""Of an id or type in the log, if the event cannot be used."""
AMOUNT_MAX = 2**63 - 1
"""A bigint: no row holds more."""


class BadEventError(Exception):
    """The body is not from Stripe, is too old, or is no JSON object. The message may be shown."""


class Concern(Struct, frozen=True):
    """A dispute or a failed refund, as operators read of it in the log."""

    intent_id: str
    amount_minor: int
    currency: str
    status: str
    reason: str


class StripeEvent(Struct, frozen=True):
    id: str
    type: str
    intent: Intent | None = None
    """As it was when the event was made; None if the event is about something else."""
    refunded_intent_id: str | None = None
    """The intent whose refund the event is about."""
    concern: Concern | None = None
    unusable: str | None = None
    """Why the event cannot be used, e.g. a status of a newer API. It is logged."""


def verified(raw: bytes, signature: str | None, secret: str) -> StripeEvent:
    """The event in a signed body. Raises `BadEventError` for one that Stripe did not send.

    An event that we cannot use is returned too: Stripe resends for three days what is not answered with a 2xx.
    """
    try:
        stripe.WebhookSignature.verify_header(raw, signature, secret, TOLERANCE_S)
    except (stripe.SignatureVerificationError, ValueError, TypeError):  # the last two: bytes that are no text
        raise BadEventError("The Stripe-Signature header does not fit this body, or is too old") from None
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as problem:
        return _undecodable(raw, problem)
    if not isinstance(found, dict):
        raise BadEventError("The body is not a Stripe event")
    try:
        return _event(found)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as problem:
        return StripeEvent(_name(found.get("id")), _name(found.get("type")), unusable=repr(problem)[:TEXT_CHARS_MAX])


def _undecodable(raw: bytes, problem: Exception) -> StripeEvent:
    """JSON that is nested too deep, has numbers too large, or half a character. Raises if it is not JSON at all."""
    with suppress(RecursionError):
        try:
            found = json.loads(raw, parse_int=str, parse_float=str, parse_constant=_no_constant)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise BadEventError("The body is not a Stripe event") from None
    return StripeEvent("", "", unusable=repr(problem)[:TEXT_CHARS_MAX])


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _event(found: dict[str, Any]) -> StripeEvent:
    """Raises KeyError, TypeError, ValueError or AttributeError if it is not as Stripe documents it."""
    id_, type_ = _text(found["id"]), _text(found["type"])
    if type_ not in INTENT_EVENTS | REFUND_EVENTS | OPERATORS_EVENTS:
        return StripeEvent(id_, type_)
    about = found["data"]["object"]
    if type_ in INTENT_EVENTS:
        _text(about["id"])
        return StripeEvent(id_, type_, _storable(intent_of(about)))
    refunded = _optional(about.get("payment_intent")) if type_ in REFUND_EVENTS else ""
    concern = _concern(about) if type_ in OPERATORS_EVENTS else None
    return StripeEvent(id_, type_, refunded_intent_id=refunded or None, concern=concern)


def _storable(intent: Intent) -> Intent:
    _optional(intent.decline)
    _amount(intent.amount_minor)
    _amount(intent.received_minor)
    return intent


def _concern(about: dict[str, Any]) -> Concern:
    return Concern(
        intent_id=_optional(about.get("payment_intent")),
        amount_minor=_amount(about["amount"]),
        currency=_text(about["currency"]),
        status=_text(about["status"]),
        reason=_optional(about.get("failure_reason") or about.get("reason")),
    )


def _optional(value: Any) -> str:
    """Charges that no intent made have none."""
    return "" if value is None else _text(value)


def _text(value: Any) -> str:
    """An id or a status that PostgreSQL can store."""
    if not isinstance(value, str) or not value or len(value) > TEXT_CHARS_MAX or not value.isprintable():
        raise ValueError("not an id or word")
    return value


def _amount(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= AMOUNT_MAX:
        raise ValueError("not an amount")
    return value


def _name(value: Any) -> str:
    """An id or type for the log, from a value that may be anything."""
    return value[:NAME_CHARS_MAX] if isinstance(value, str) else ""
