"""People at Stripe: payers with their cards and banks, and somebody at the dashboard."""

from __future__ import annotations

from contextlib import suppress

from core.domain.payments.values import Payment
from tests.support.payments.stripe_standin.account import Account
from tests.support.payments.stripe_standin.errors import StripeProblem


class StripePeople:
    """What they can do with an account at any moment, and what it comes to."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.revealed: list[str] = []
        """Intents that payers can pay: their secrets were handed out."""
        self.refunded_by_hand: set[str] = set()
        """Ids of refunds that were made in the dashboard."""

    def confirm(self, intent_id: str, card: str) -> None:
        with suppress(StripeProblem):
            self.account.confirm(intent_id, card)

    def settle_bank(self, intent_id: str, *, succeeds: bool) -> None:
        if self.account.intents[intent_id]["status"] == "processing":
            self.account.settle(intent_id, succeeds=succeeds)

    def payable(self) -> list[str]:
        """Intents whose secrets were handed out, and that Stripe would still charge."""
        over = {"canceled", "succeeded", "processing"}
        return [id_ for id_ in self.revealed if self.account.intents[id_]["status"] not in over]

    def in_a_banks_hands(self) -> list[str]:
        return [id_ for id_, intent in self.account.intents.items() if intent["status"] == "processing"]

    def cancel(self, intent_id: str) -> None:
        """In the dashboard."""
        with suppress(StripeProblem):
            self.account.cancel(intent_id)

    def refund(self, intent_id: str, *, in_part: bool) -> None:
        """In the dashboard, too: a tenth, or all that is left."""
        amount = {"amount": self.account.intents[intent_id]["amount"] // 10} if in_part else {}
        with suppress(StripeProblem):
            refund = self.account.refund({"payment_intent": intent_id, **amount})
            self.refunded_by_hand.add(refund["id"])

    def return_what_failed(self, payment: Payment) -> None:
        """In the dashboard, refund what Stripe refused to refund for us, unless somebody already has."""
        if payment.failed_minor and self._refunded(payment) == payment.refunded_minor:
            refund = self.account.refund({"payment_intent": payment.intent_id, "amount": payment.failed_minor})
            self.refunded_by_hand.add(refund["id"])

    def _refunded(self, payment: Payment) -> int:
        refunds = self.account.refunds.values()
        return sum(int(one["amount"]) for one in refunds if one["payment_intent"] == payment.intent_id)

    def by_hand(self, payment: Payment) -> int:
        """What went back of it by hand."""
        refunds = [self.account.refunds[id_] for id_ in self.refunded_by_hand]
        return sum(int(one["amount"]) for one in refunds if one["payment_intent"] == payment.intent_id)

    def moved(self, booking_id: int) -> tuple[int, int]:
        """(charged, refunded) for a booking, in minor units."""
        ids = {
            id_
            for id_, intent in self.account.intents.items()
            if intent["metadata"]["holdfast_booking"] == str(booking_id)
        }
        charges = [charge for charge in self.account.charges.values() if charge["payment_intent"] in ids]
        return sum(c["amount"] for c in charges), sum(c["amount_refunded"] for c in charges)
