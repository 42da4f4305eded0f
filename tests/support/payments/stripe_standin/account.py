"""One Stripe account: intents and their states, charges, refunds, events. No I/O, no clock."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.payments.stripe_standin.errors import StripeProblem, invalid, missing

MINIMUM = {"usd": 50, "eur": 50, "gbp": 30, "jpy": 50, "isk": 100, "ugx": 100, "kwd": 10}
"""Least charges ("Minimum and maximum charge amounts"), and the currencies of this account."""
STEP = {"isk": 100, "ugx": 100, "kwd": 10}
"""What amounts are multiples of, where that is not 1 ("Special cases", "Three-decimal currencies")."""
MAXIMUM = 99_999_999

CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")
CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")

DECLINES = {
    "4000000000009995": ("card_declined", "insufficient_funds"),
    "4000000000000002": ("card_declined", "generic_decline"),
    "4000000000000069": ("expired_card", None),
}
"""Test cards ("Testing") by number: code and decline code."""
GOOD_CARD = "4242424242424242"
AUTHENTICATING_CARD = "4000002500003155"
METHODS = {
    "pm_card_visa": GOOD_CARD,
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_authenticationRequired": AUTHENTICATING_CARD,
    "pm_usBankAccount_success": "bank",
    "pm_usBankAccount_insufficientFunds": "empty bank",
}
"""Test payment methods by id, and the card (or bank) behind each."""


@dataclass
class Account:
    """What Stripe keeps. Ids and times come from outside, so that a model can replay it."""

    now: Callable[[], int]
    new_id: Callable[[str], str] = lambda prefix: prefix + secrets.token_hex(12)
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    charges: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    asked_again: list[str] = field(default_factory=list)
    """Charges whose refund was asked for when all of it had been given back."""

    def create_intent(self, sent: dict[str, Any]) -> dict[str, Any]:
        amount, currency = sent["amount"], sent["currency"].lower()
        if currency not in MINIMUM:
            raise invalid("parameter_invalid_string_currency", f"Invalid currency: {currency}", "currency")
        if amount < MINIMUM[currency]:
            raise invalid("amount_too_small", "Amount must be at least the minimum of its currency", "amount")
        _must_fit(amount, currency)
        if amount > MAXIMUM:
            raise invalid("amount_too_large", "Amount must be no more than 999,999.99", "amount")
        id_ = self.new_id("pi_")
        self.intents[id_] = intent = {
            "id": id_,
            "object": "payment_intent",
            "amount": amount,
            "amount_received": 0,
            "capture_method": "automatic_async",
            "client_secret": f"{id_}_secret_{secrets.token_hex(12)}",
            "created": self.now(),
            "currency": currency,
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": dict(sent.get("metadata") or {}),
            "next_action": None,
            "payment_method": None,
            "payment_method_types": list(sent.get("payment_method_types") or ["card"]),
            "status": "requires_payment_method",
        }
        self._tell("payment_intent.created", intent)
        return intent

    def adopt_intents(self, ids: list[str]) -> None:
        """Those that exist, under ids of one's choice."""
        for id_ in ids:
            made = self.create_intent({"amount": 5000, "currency": "usd"})
            self.intents[id_] = {**self.intents.pop(made["id"]), "id": id_}
            self.events.pop()

    def intent(self, id_: str) -> dict[str, Any]:
        if id_ not in self.intents:
            raise missing("payment_intent", id_)
        return self.intents[id_]

    def listed_intents(self, limit: int, after: str | None) -> dict[str, Any]:
        return _page("/v1/payment_intents", self.intents, limit, after)

    def listed_refunds(self, limit: int, after: str | None) -> dict[str, Any]:
        return _page("/v1/refunds", self.refunds, limit, after)

    def confirm(self, id_: str, method: str) -> dict[str, Any]:
        """Pay with a test card's number or a test payment method. Raises 402 for a decline."""
        intent = self.intent(id_)
        self._must_be(intent, CONFIRMABLE, "confirm")
        card = METHODS.get(method, method)
        if card == AUTHENTICATING_CARD and intent["status"] != "requires_action":
            intent.update(status="requires_action", next_action={"type": "use_stripe_sdk"}, payment_method=method)
            self._tell("payment_intent.requires_action", intent)
            return intent
        intent.update(next_action=None, last_payment_error=None)
        if card in {"bank", "empty bank"}:
            return self._begin_debit(intent, method)
        if card in DECLINES:
            raise self._decline(intent, *DECLINES[card])
        return self._charge(intent, method)

    def _begin_debit(self, intent: dict[str, Any], method: str) -> dict[str, Any]:
        """A bank takes its time: `settle` says what it found."""
        if "us_bank_account" not in intent["payment_method_types"]:
            raise invalid("payment_intent_incompatible_payment_method", "Not among the intent's payment_method_types")
        intent.update(status="processing", payment_method=method)
        self._tell("payment_intent.processing", intent)
        return intent

    def settle(self, id_: str, *, succeeds: bool) -> dict[str, Any]:
        """End a `processing`, as the payer's bank would."""
        intent = self.intent(id_)
        self._must_be(intent, ("processing",), "settle")
        if succeeds:
            return self._charge(intent, intent["payment_method"])
        self._decline(intent, "payment_intent_payment_attempt_failed", "insufficient_funds")
        return intent

    def _charge(self, intent: dict[str, Any], method: str) -> dict[str, Any]:
        id_ = self.new_id("ch_")
        self.charges[id_] = {
            "id": id_,
            "object": "charge",
            "amount": intent["amount"],
            "amount_refunded": 0,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "status": "succeeded",
        }
        received = intent["amount"]
        intent.update(status="succeeded", amount_received=received, latest_charge=id_, payment_method=method)
        self._tell("charge.succeeded", self.charges[id_])
        self._tell("payment_intent.succeeded", intent)
        return intent

    def _decline(self, intent: dict[str, Any], code: str, decline_code: str | None) -> StripeProblem:
        error = {"type": "card_error", "code": code, "decline_code": decline_code, "message": "Your card was declined."}
        intent.update(status="requires_payment_method", payment_method=None, last_payment_error=error)
        self._tell("payment_intent.payment_failed", intent)
        message = "Your card was declined."
        return StripeProblem(
            402, code, message, kind="card_error", executed=True, decline_code=decline_code, payment_intent=dict(intent)
        )

    def cancel(self, id_: str) -> dict[str, Any]:
        intent = self.intent(id_)
        self._must_be(intent, CANCELABLE, "cancel")
        intent.update(status="canceled", next_action=None, canceled_at=self.now())
        self._tell("payment_intent.canceled", intent)
        return intent

    def refund(self, sent: dict[str, Any]) -> dict[str, Any]:
        intent = self.intent(sent["payment_intent"])
        charge = self.charges.get(intent["latest_charge"] or "")
        if charge is None or intent["status"] != "succeeded":
            raise invalid("payment_intent_unexpected_state", "This PaymentIntent has no successful charge to refund")
        left = charge["amount"] - charge["amount_refunded"]
        amount = sent.get("amount", left)
        if left == 0:
            self.asked_again.append(charge["id"])
            raise StripeProblem(400, "charge_already_refunded", f"Charge {charge['id']} has already been refunded.")
        if not 1 <= amount <= left:
            raise invalid("parameter_invalid_integer", f"Refund amount is greater than unrefunded amount ({left})")
        _must_fit(amount, charge["currency"])
        id_ = self.new_id("re_")
        charge["amount_refunded"] += amount
        self.refunds[id_] = refund = {
            "id": id_,
            "object": "refund",
            "amount": amount,
            "charge": charge["id"],
            "created": self.now(),
            "currency": charge["currency"],
            "metadata": dict(sent.get("metadata") or {}),
            "payment_intent": intent["id"],
            "status": "succeeded",
        }
        self._tell("refund.created", refund)
        self._tell("charge.refunded", charge)
        return refund

    def fail_refund(self, id_: str) -> None:
        """The payer's bank sends the money back ("Failed refunds")."""
        refund = self.refunds[id_]
        refund.update(status="failed", failure_reason="lost_or_stolen_card")
        self.charges[refund["charge"]]["amount_refunded"] -= refund["amount"]
        self._tell("refund.failed", refund)

    def dispute(self, intent_id: str) -> None:
        """The payer asks their bank for the money."""
        charge = self.charges[self.intent(intent_id)["latest_charge"]]
        self._tell(
            "charge.dispute.created",
            {
                "id": self.new_id("dp_"),
                "object": "dispute",
                "amount": charge["amount"],
                "charge": charge["id"],
                "currency": charge["currency"],
                "payment_intent": intent_id,
                "reason": "fraudulent",
                "status": "needs_response",
            },
        )

    def refunds_of(self, intent_id: str) -> dict[str, Any]:
        self.intent(intent_id)
        found = [refund for refund in self.refunds.values() if refund["payment_intent"] == intent_id]
        return {"object": "list", "url": "/v1/refunds", "has_more": False, "data": found[::-1]}

    def _must_be(self, intent: dict[str, Any], states: tuple[str, ...], verb: str) -> None:
        if intent["status"] not in states:
            message = f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}."
            raise StripeProblem(
                400, "payment_intent_unexpected_state", message, executed=True, payment_intent=dict(intent)
            )

    def _tell(self, type_: str, object_: dict[str, Any]) -> None:
        self.events.append(
            {
                "id": self.new_id("evt_"),
                "object": "event",
                "created": self.now(),
                "data": {"object": dict(object_)},
                "livemode": False,
                "pending_webhooks": 1,
                "type": type_,
            }
        )


def _must_fit(amount: int, currency: str) -> None:
    if amount % STEP.get(currency, 1):
        raise invalid("parameter_invalid_integer", f"Invalid amount of {currency}: {amount}", "amount")


def _page(url: str, of: dict[str, dict[str, Any]], limit: int, after: str | None) -> dict[str, Any]:
    """The newest first."""
    ids = list(of)[::-1]
    rest = ids[ids.index(after) + 1 :] if after else ids
    return {"object": "list", "url": url, "has_more": len(rest) > limit, "data": [of[id_] for id_ in rest[:limit]]}
