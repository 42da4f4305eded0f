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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import httpx

from ops.embedded.child import Program
from ops.embedded.environment import ROOT
from ops.ports import accepts, free_ports
from ops.processes import PAYMENTS, PIPELINE, Process
from tests.support.clients.callers import STAFF, execute, new_person, signed_in
from tests.support.clients.rooms import book, new_room
from tests.support.payments.stripe_standin.server import PUBLISHABLE_KEY, SECRET_KEY
from tests.support.processes.servers import PostgresServer, Server, ValkeyServer
from tests.support.processes.stack import Stack
from tests.support.wait import READY_WITHIN_S, wait_until

GOOD_CARD = "4242 4242 4242 4242"
EMPTY_CARD = "4000 0000 0000 9995"
"""Insufficient funds (the rooms document)."""
BANK, EMPTY_BANK = "pm_usBankAccount_success", "pm_usBankAccount_insufficientFunds"
WEBHOOK_SECRET = "whsec_of_the_tests"


class StripeServer(Server):
    """A process of its own, with an empty account."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_ports(1)[0]
        argv = (sys.executable, "-m", "tests.support.payments.stripe_standin", str(self.port))
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        program = Program("stripe", argv, environment, ROOT, folder / "stripe.log")
        super().__init__(program, lambda: accepts(self.port))
        self.delivers = True
        """Whether webhooks arrive by themselves."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def _as_owner(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {SECRET_KEY}"}

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
        self.delivers = mode in {"deliver", "double"}
        self._control("webhooks", mode=mode)

    def release(self, *, backwards: bool = False, times: int = 1) -> None:
        """Deliver what was held, and wait until it is."""
        self._control("release", backwards=backwards, times=times)

    def fault(self, kind: str, operation: str = "*", times: int = 1, about: str = "") -> None:
        """See `tests.support.payments.stripe_standin.faults`."""
        self._control("fault", kind=kind, operation=operation, times=times, about=about)

    def forget_keys(self) -> None:
        """As Stripe does with idempotency keys after a day or more."""
        self._control("forget_keys")

    def mend(self, about: str = "") -> None:
        """End the faults that were planned with this `about`, or all; what they held goes on."""
        self._control("mend", about=about)

    def hold(self, operation: str, about: str) -> None:
        """Nothing of that is done until `mend(about)`, however often it is asked for."""
        self.fault("held", operation, times=-1, about=about)

    def wait_held(self, about: str) -> None:
        """Until such a request waits for the fault's end."""
        wait_until(lambda: any(about in request for request in self.books()["held"]), f"{about} is held")

    def settle(self, intent_id: str, *, succeeds: bool) -> None:
        """What the payer's bank says in the end."""
        self._control("settle", intent=intent_id, succeeds=succeeds)

    def refund(self, intent_id: str, amount_minor: int | None = None) -> dict[str, Any]:
        """As somebody does in Stripe's dashboard; all that is left unless told. The refund."""
        form = {"payment_intent": intent_id} | ({} if amount_minor is None else {"amount": str(amount_minor)})
        answer = httpx.post(f"{self.url}/v1/refunds", data=form, headers=self._as_owner, timeout=15.0)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def fail_refund(self, refund_id: str) -> None:
        """The payer's bank sends it back."""
        self._control("fail_refund", refund=refund_id)

    def adopt(self, intent_ids: list[str]) -> None:
        """Intents that were made before this account's time, unpaid."""
        self._control("adopt", intents=intent_ids)

    def dispute(self, intent_id: str) -> None:
        """The payer asks their bank for the money."""
        self._control("dispute", intent=intent_id)

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
        return httpx.post(f"{self.url}/v1/payment_intents/{intent_id}/cancel", headers=self._as_owner, timeout=15.0)

    def _control(self, what: str, **told: Any) -> Any:
        return httpx.post(f"{self.url}/_control/{what}", json=told, timeout=60.0).raise_for_status().json()


@contextmanager
def stripe_server(folder: Path) -> Iterator[StripeServer]:
    server = StripeServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.close()


@contextmanager
def stack_with_stripe(
    postgres: PostgresServer,
    stripe: StripeServer,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    *,
    demo: bool = True,
    more: Sequence[Process] = (),
) -> Iterator[Stack]:
    """A whole pipeline that pays at the stand-in, and is told by it; without the demo data there is nobody."""
    valkey = ValkeyServer(folder / "valkey")
    valkey.start()
    environment = {
        **stripe.environment(),
        "HOLDFAST_PAYMENT_METHOD_TYPES": "card,us_bank_account",
        "HOLDFAST_MAX_HOLDS_PER_USER": "0",
        **(settings or {}),
    }
    processes = (*PIPELINE, PAYMENTS, *more)
    running = Stack(folder, postgres.new_database(demo=demo), valkey, processes=processes, environment=environment)
    stripe.send_webhooks_to(running.api_url)
    try:
        yield running.start()
    finally:
        running.close()
        postgres.drop_database(running.database_url)


class Payer:
    """Somebody new, and a room that nobody else asks for. Bookings cost 100.00 usd."""

    PRICE_MINOR = 10_000

    def __init__(self, stack: Stack, stripe: StripeServer) -> None:
        self.stack = stack
        self.stripe = stripe
        self._open = ExitStack()
        self.desk = self._open.enter_context(signed_in(stack, STAFF))
        self.client = self._open.enter_context(self.another())
        self.room = new_room(self.desk)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def another(self) -> httpx.Client:
        ((user_id,),) = execute(self.stack, "SELECT id FROM user_account WHERE email_key = %s", new_person(self.stack))
        return signed_in(self.stack, user_id)

    def hold(self, client: httpx.Client | None = None, **changes: Any) -> int:
        """Book the room's first hour, unless told otherwise; the booking's id."""
        answer = book(client or self.client, self.room, **changes)
        assert answer.status_code == 201, answer.text
        assert answer.json()["status"] == "pending"
        return int(answer.json()["id"])

    def ask(self, booking: int, client: httpx.Client | None = None, **changes: Any) -> httpx.Response:
        """`POST /api/payment-intent/`; `headers=` go along."""
        headers = changes.pop("headers", {})
        body = {"booking_id": booking, "amount": 100.00, "currency": "usd", **changes}
        return (client or self.client).post("/api/payment-intent/", json=body, headers=headers)

    def ask_until_served(self, booking: int, client: httpx.Client | None = None, **changes: Any) -> httpx.Response:
        """While the circuit is open, for others' failures too, the door says 503 and means it."""
        answers: list[httpx.Response] = []

        def is_served() -> bool:
            answers.append(self.ask(booking, client, **changes))
            return answers[-1].status_code != 503

        wait_until(is_served, "Stripe is asked")
        return answers[-1]

    def intent(self, booking: int, client: httpx.Client | None = None) -> dict[str, Any]:
        """As soon as it is there: on a busy machine the answer may be a 202 first."""
        answer = self.ask_until_served(booking, client)
        assert answer.status_code in {201, 202}, answer.text
        found: dict[str, Any] = answer.json()
        return found if answer.status_code == 201 else self.answered(found["status_url"], client)

    def answered(self, url: str, client: httpx.Client | None = None) -> dict[str, Any]:
        """The body that an accepted command is answered with in the end."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            response = (client or self.client).get(url).json()["response"]
            found.extend([] if response is None else [response["body"]])
            return bool(found)

        wait_until(is_there, "the command is answered")
        return found[0]

    def pay(self, booking: int, card: str = GOOD_CARD) -> dict[str, Any]:
        """Ask for an intent and pay it; the intent."""
        intent = self.intent(booking)
        self.stripe.pay(intent["client_secret"], card)
        return intent

    def cancel(self, booking: int) -> httpx.Response:
        return self.client.delete(f"/api/bookings/{booking}/")

    def booking(self, booking: int) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/api/bookings/{booking}/").raise_for_status().json()
        return found

    def stands(self, booking: int) -> tuple[str, str]:
        """(status, payment_status)."""
        found = self.booking(booking)
        return found["status"], found["payment_status"]

    def wait_stands(self, booking: int, status: str, payment_status: str, within_s: float = READY_WITHIN_S) -> None:
        wanted = (status, payment_status)
        wait_until(lambda: self.stands(booking) == wanted, f"booking {booking} is {wanted}", within_s)

    def payments(self, booking: int) -> list[tuple[str, str | None]]:
        """(state, intent) of each attempt, in order."""
        return execute(
            self.stack, "SELECT state, intent_id FROM payment WHERE booking_id = %s ORDER BY attempt", booking
        )

    def wait_payments(self, booking: int, *states: str, within_s: float = READY_WITHIN_S) -> None:
        def found() -> bool:
            return tuple(state for state, _ in self.payments(booking)) == states

        wait_until(found, f"the payments of {booking} are {states}, not {self.payments(booking)}", within_s)

    def lapse(self, booking: int) -> None:
        """Let a hold's half hour pass."""
        execute(
            self.stack,
            "UPDATE booking SET hold_expires_at = clock_timestamp() + %s WHERE id = %s",
            timedelta(0),
            booking,
        )

    def reasons(self, booking: int) -> list[str]:
        """Why the booking changed, in order, as its events tell."""
        rows = execute(
            self.stack,
            """SELECT data->>'reason' FROM event WHERE booking_id = %s AND type = 'booking_updated'
               ORDER BY batch_id, n""",
            booking,
        )
        return [row[0] for row in rows]
