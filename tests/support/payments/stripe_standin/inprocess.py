"""The stand-in's account behind the port, in this process: what models of payments pay at."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from core.domain.payments.values import RefundStatus
from core.payments.provider import (
    Intent,
    IntentMissingError,
    IntentOrder,
    PaymentsAwayError,
    PaymentsRefusedError,
    ProviderTotals,
    Refund,
    RefundOrder,
)
from core.payments.stripe import intent_of
from tests.support.payments.stripe_standin.account import Account
from tests.support.payments.stripe_standin.errors import StripeProblem


class Fate(Enum):
    """What becomes of one call."""

    ANSWERED = auto()
    LOST_BEFORE = auto()
    LOST_AFTER = auto()
    """The work is done, and the answer never comes."""
    KEPT_500 = auto()
    """The work is done, and its answer is a 500, again and again under the same key."""


class InProcessStripe:
    """`fate` is that of the next call; later ones are answered."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.fate = Fate.ANSWERED
        self.refuses_a_refund = False
        """The next one, for good: its charge is disputed."""
        self._kept: dict[str, dict[str, Any] | None] = {}
        self.unheard_of: set[str] = set()
        """Ids of what was made while the answer will be a 500 for ever: nobody can know of it, or pay it."""

    def forget_keys(self) -> None:
        """As Stripe does after a day or more."""
        self._kept.clear()

    def ping(self) -> None:
        pass

    def create_intent(self, order: IntentOrder) -> Intent:
        metadata = {"holdfast_payment": str(order.payment_id), "holdfast_booking": str(order.booking_id)}
        if order.was_asked is not None and (found := self._made(metadata)) is not None:
            self.unheard_of.discard(found.id)
            return found
        sent = {"amount": order.amount_minor, "currency": order.currency, "metadata": metadata}
        sent["payment_method_types"] = ["card", "us_bank_account"]
        return intent_of(self._once(order.key, lambda: self.account.create_intent(sent)))

    def _made(self, metadata: dict[str, str]) -> Intent | None:
        """Looked for, which fails as everything may."""
        intents = self._once(None, lambda: dict(self.account.intents)).values()
        found = (one for one in intents if one["metadata"] == metadata and one["status"] != "canceled")
        return next(map(intent_of, found), None)

    def intent(self, intent_id: str) -> Intent:
        return intent_of(self._once(None, lambda: self.account.intent(intent_id)))

    def cancel_intent(self, intent_id: str) -> Intent:
        try:
            return intent_of(self._once(None, lambda: self.account.cancel(intent_id)))
        except PaymentsRefusedError:
            return self.intent(intent_id)

    def refund(self, order: RefundOrder) -> Refund:
        if order.was_asked and (found := self._refunded(order)) is not None:
            return found
        try:
            done = self._once(order.key, lambda: self._refund(order))
        except (PaymentsRefusedError, PaymentsAwayError) as problem:
            known = isinstance(problem, PaymentsRefusedError) or problem.replayed
            if not known or (found := self._refunded(order)) is None:
                raise
            return found
        return Refund(done["id"], RefundStatus(done["status"]), done["amount"])

    def _refunded(self, order: RefundOrder) -> Refund | None:
        refunds = self._once(None, lambda: self.account.refunds_of(order.intent_id))["data"]
        ours = (one for one in refunds if one["metadata"] == _metadata(order))
        return next((Refund(one["id"], RefundStatus(one["status"]), one["amount"]) for one in ours), None)

    def books(self, intent_id: str) -> ProviderTotals:
        return ProviderTotals(self.intent(intent_id).received_minor, self.refunded_minor(intent_id))

    def refunded_minor(self, intent_id: str) -> int:
        refunds = self._once(None, lambda: self.account.refunds_of(intent_id))["data"]
        return sum(one["amount"] for one in refunds if one["status"] == "succeeded")

    def client_secret(self, intent_id: str) -> str:
        return str(self.account.intent(intent_id)["client_secret"])

    def _refund(self, order: RefundOrder) -> dict[str, Any]:
        if self.refuses_a_refund:
            self.refuses_a_refund = False
            raise StripeProblem(400, "charge_disputed", "The charge has been charged back and cannot be refunded.")
        sent = {"payment_intent": order.intent_id, "amount": order.amount_minor, "metadata": _metadata(order)}
        return self.account.refund(sent)

    def _once(self, key: str | None, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if key is not None and key in self._kept:
            return self._replay(key)
        fate, self.fate = self.fate, Fate.ANSWERED
        if fate is Fate.LOST_BEFORE:
            raise PaymentsAwayError("lost before")
        try:
            done = dict(work())
        except StripeProblem as problem:
            kind = IntentMissingError if problem.code == "resource_missing" else PaymentsRefusedError
            raise kind(problem.code, str(problem)) from None
        if key is not None:
            self._kept[key] = None if fate is Fate.KEPT_500 else done
            if fate is Fate.KEPT_500:
                self.unheard_of.add(done["id"])
        if fate is not Fate.ANSWERED:
            raise PaymentsAwayError(fate.name)
        return done

    def _replay(self, key: str) -> dict[str, Any]:
        if (kept := self._kept[key]) is None:
            raise PaymentsAwayError("500", replayed=True)
        return kept


def _metadata(order: RefundOrder) -> dict[str, str]:
    return {"holdfast_payment": str(order.payment_id), "holdfast_refund": str(order.number)}
