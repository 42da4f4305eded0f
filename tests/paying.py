"""The stand-in for Stripe as tests drive it, and the payer in front of it.

stripe = StripeServer(tmp_path)
stripe.start()
stripe.fault("down", operation="create", times=3)
stripe.pay(intent["client_secret"], GOOD_CARD)
stripe.books()["charges"]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import httpx

from ops.child import Program
from ops.environment import ROOT
from ops.ports import accepts, free_ports
from tests.stack import Server
from tests.stripe_standin.server import PUBLISHABLE_KEY, SECRET_KEY

GOOD_CARD = "4242 4242 4242 4242"
EMPTY_CARD = "4000 0000 0000 9995"
"""Insufficient funds (rooms.md)."""
BANK, EMPTY_BANK = "pm_usBankAccount_success", "pm_usBankAccount_insufficientFunds"
WEBHOOK_SECRET = "whsec_of_the_tests"


class StripeServer(Server):
    """A process of its own, with an empty account."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_ports(1)[0]
        argv = (sys.executable, "-m", "tests.stripe_standin", str(self.port))
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        program = Program("stripe", argv, environment, ROOT, folder / "stripe.log")
        super().__init__(program, lambda: accepts(self.port))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """The settings of a stack that pays here."""
        return {
            "STRIPE_SECRET_KEY": SECRET_KEY,
            "STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "STRIPE_API_BASE": self.url,
        }

    def send_webhooks_to(self, api_url: str, secret: str = WEBHOOK_SECRET) -> None:
        self._control("webhooks", url=f"{api_url}/api/stripe-webhook/", secret=secret)

    def webhooks(self, mode: str) -> None:
        """deliver, double, hold or lose."""
        self._control("webhooks", mode=mode)

    def release(self, *, backwards: bool = False, times: int = 1) -> None:
        """Deliver what was held, and wait until it is."""
        self._control("release", backwards=backwards, times=times)

    def fault(self, kind: str, operation: str = "*", times: int = 1) -> None:
        """See `tests.stripe_standin.faults`."""
        self._control("fault", kind=kind, operation=operation, times=times)

    def mend(self) -> None:
        self._control("mend")

    def settle(self, intent_id: str, *, succeeds: bool) -> None:
        """What the payer's bank says in the end."""
        self._control("settle", intent=intent_id, succeeds=succeeds)

    def books(self) -> dict[str, Any]:
        """Everything the account holds: intents, charges, refunds, events, calls, keys, tried deliveries."""
        found: dict[str, Any] = self._control("books")
        return found

    def intent(self, intent_id: str) -> dict[str, Any]:
        return next(one for one in self.books()["intents"] if one["id"] == intent_id)

    def pay(self, client_secret: str, card: str = GOOD_CARD) -> httpx.Response:
        """As the payer's browser does: with the publishable key, and what only the payer was given."""
        id_ = client_secret.split("_secret_", maxsplit=1)[0]
        form = {"client_secret": client_secret}
        if card.startswith("pm_"):
            form["payment_method"] = card
        else:
            month = {"exp_month": "3", "exp_year": "29", "cvc": "333"}
            form["payment_method_data[type]"] = "card"
            form |= {f"payment_method_data[card][{name}]": value for name, value in month.items()}
            form["payment_method_data[card][number]"] = card
        headers = {"Authorization": f"Bearer {PUBLISHABLE_KEY}"}
        return httpx.post(f"{self.url}/v1/payment_intents/{id_}/confirm", data=form, headers=headers, timeout=15.0)

    def cancel(self, intent_id: str) -> httpx.Response:
        """As somebody does in Stripe's dashboard."""
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        return httpx.post(f"{self.url}/v1/payment_intents/{intent_id}/cancel", headers=headers, timeout=15.0)

    def _control(self, what: str, **told: Any) -> Any:
        return httpx.post(f"{self.url}/_control/{what}", json=told, timeout=60.0).raise_for_status().json()
