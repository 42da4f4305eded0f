"""The stand-in over HTTP: Stripe's paths, and `/_control/` for the tests that script it."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from tests.support.payments.stripe_standin import parameters
from tests.support.payments.stripe_standin.account import Account
from tests.support.payments.stripe_standin.deliveries import Deliveries
from tests.support.payments.stripe_standin.errors import StripeProblem, invalid
from tests.support.payments.stripe_standin.faults import Fault, Faults
from tests.support.payments.stripe_standin.idempotency import Answer, Kept, Keys

SECRET_KEY = "sk_test_standin"
PUBLISHABLE_KEY = "pk_test_standin"

_INTENT = re.compile(r"/v1/payment_intents/(\w+)(?:/(confirm|cancel))?")


class StandIn(ThreadingHTTPServer):
    """One account behind one port."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.account = Account(now=lambda: int(time.time()))
        self.keys = Keys()
        self.faults = Faults()
        self.deliveries = Deliveries()
        self.calls: Counter[str] = Counter()
        self.keys_seen: list[tuple[str, str]] = []
        """(operation, idempotency key), in order."""
        self.versions: set[str] = set()
        self.chosen: dict[str, str] = {}
        """Payment methods by the intents that they were set on, before these were confirmed."""
        self.held: list[str] = []
        """Requests that were held, as their waiting began."""
        self.lock = threading.RLock()
        """The account does one thing at a time, as Stripe does with one object."""
        self.deliveries.start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def do_GET(self) -> None:
        self._respond("")

    def do_POST(self) -> None:
        self._respond(self.rfile.read(int(self.headers["Content-Length"] or 0)).decode())

    def _respond(self, form: str) -> None:
        address = urlsplit(self.path)
        if address.path.startswith("/_control/"):
            self._answer((200, _json(self._control(address.path, json.loads(form or "{}")))))
            return
        try:
            self._serve(address.path, form if self.command == "POST" else address.query)
        except StripeProblem as problem:
            self._answer((problem.status, _json(problem.body)))

    def _serve(self, path: str, form: str) -> None:
        operation = self._operation(path)
        self.server.calls[operation] += 1
        self._check_caller(operation, form)
        key = self.headers["Idempotency-Key"]
        if key and self.command == "POST":
            self.server.keys_seen.append((operation, key))
        request = unquote_plus(f"{path}?{form}&")
        planned = self.server.faults.next(operation, request)
        fault = planned.kind if planned else None
        if fault == "down":
            self._drop()
            return
        self._hold("held", planned, request)
        self._refuse(fault)
        if fault == "gibberish":
            self._answer((200, _json({"object": "surprise"})))
            return

        def work() -> Answer:
            return self._work(operation, path, form, fault)

        try:
            if key and self.command == "POST":
                answer, replayed = self.server.keys.once(key, f"{path}?{form}", work)
            else:
                answer, replayed = work(), False
        except Kept as kept:
            answer, replayed = kept.answer, False
        self._hold("work_then_held", planned, request)
        if fault == "work_then_forgotten":
            self.server.keys = Keys()
        if fault in {"work_then_silence", "work_then_forgotten"}:
            self._drop()
            return
        self._answer(answer, replayed=replayed)

    def _hold(self, kind: str, fault: Fault | None, request: str) -> None:
        if fault is not None and fault.kind == kind:
            self.server.held.append(request)
            fault.ended.wait()

    def _operation(self, path: str) -> str:
        """create, retrieve, intents, confirm, cancel, refund or refunds."""
        if found := _INTENT.fullmatch(path):
            return found[2] or "retrieve"
        names = {("POST", "/v1/payment_intents"): "create", ("POST", "/v1/refunds"): "refund"}
        names |= {("GET", "/v1/refunds"): "refunds", ("GET", "/v1/payment_intents"): "intents"}
        if (operation := names.get((self.command, path))) is None:
            raise StripeProblem(404, "", f"Unrecognized request URL ({self.command}: {path}).")
        return operation

    def _check_caller(self, operation: str, form: str) -> None:
        """The secret key; a payer's browser has the publishable one and the intent's client_secret."""
        sent = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        if sent == PUBLISHABLE_KEY and operation == "confirm" and "client_secret=" in form:
            return
        if sent != SECRET_KEY:
            raise StripeProblem(401, "", "Invalid API Key provided")
        self.server.versions.add(self.headers["Stripe-Version"] or "")

    @staticmethod
    def _refuse(fault: str | None) -> None:
        if fault == "rate_limited":
            raise StripeProblem(429, "rate_limit", "Too many requests hit the API too quickly.")
        if fault == "unauthorized":
            raise StripeProblem(401, "", "Invalid API Key provided")
        if fault == "disputed":
            raise StripeProblem(400, "charge_disputed", "The charge has been charged back and cannot be refunded.")

    def _work(self, operation: str, path: str, form: str, fault: str | None) -> Answer:
        broken = (500, _json({"error": {"type": "api_error", "message": "An unknown error occurred"}}))
        if fault == "error_500":
            raise Kept(broken)
        with self.server.lock:
            before = len(self.server.account.events)
            try:
                answer = (200, _json(self._act(operation, path, form)))
            except StripeProblem as problem:
                if not problem.executed:
                    raise
                answer = (problem.status, _json(problem.body))
            finally:
                for event in self.server.account.events[before:]:
                    self.server.deliveries.add(event)
        if fault == "work_then_500":
            raise Kept(broken)
        return answer

    def _act(self, operation: str, path: str, form: str) -> dict[str, Any]:
        account, found = self.server.account, _INTENT.fullmatch(path)
        id_ = found[1] if found else ""
        match operation:
            case "create":
                return account.create_intent(parameters.parsed(form, parameters.CREATE_INTENT, ("amount", "currency")))
            case "retrieve" if self.command == "POST":
                self.server.chosen[id_] = _method(
                    parameters.parsed(form, parameters.UPDATE_INTENT, ("payment_method",))
                )
                return account.intent(id_)
            case "retrieve":
                return account.intent(id_)
            case "confirm":
                chosen = {"payment_method": self.server.chosen[id_]} if id_ in self.server.chosen else {}
                return account.confirm(id_, _method(chosen | self._confirmation(id_, form)))
            case "cancel":
                parameters.parsed(form, parameters.CANCEL_INTENT)
                return account.cancel(id_)
            case "intents":
                sent = parameters.parsed(form, parameters.LIST_INTENTS)
                return account.listed_intents(sent.get("limit", 10), sent.get("starting_after"))
            case "refund":
                return account.refund(parameters.parsed(form, parameters.CREATE_REFUND, ("payment_intent",)))
            case _:
                sent = parameters.parsed(form, parameters.LIST_REFUNDS)
                if (intent := sent.get("payment_intent")) is not None:
                    return account.refunds_of(intent)
                return account.listed_refunds(sent.get("limit", 10), sent.get("starting_after"))

    def _confirmation(self, id_: str, form: str) -> dict[str, Any]:
        sent = parameters.parsed(form, parameters.CONFIRM_INTENT)
        secret = sent.get("client_secret")
        if secret is not None and secret != self.server.account.intent(id_)["client_secret"]:
            raise invalid(
                "payment_intent_invalid_parameter", "The client_secret provided does not match", "client_secret"
            )
        return sent

    def _control(self, path: str, told: dict[str, Any]) -> Any:
        server = self.server
        match path.removeprefix("/_control/"):
            case "webhooks":
                for name, value in told.items():
                    setattr(server.deliveries, name, value)
            case "release":
                server.deliveries.release(backwards=told.get("backwards", False), times=told.get("times", 1))
            case "fault":
                server.faults.plan(**told)
            case "forget_keys":
                server.keys = Keys()
            case "mend":
                server.faults.end(**told)
            case "books":
                with server.lock:
                    return self._books()
            case deed:
                self._happen(deed, told)
        return {}

    def _happen(self, deed: str, told: dict[str, Any]) -> None:
        """What comes about at Stripe without a request of ours."""
        match deed:
            case "settle":
                self._do(lambda account: account.settle(told["intent"], succeeds=told["succeeds"]))
            case "fail_refund":
                self._do(lambda account: account.fail_refund(told["refund"]))
            case "dispute":
                self._do(lambda account: account.dispute(told["intent"]))
            case "adopt":
                self._do(lambda account: account.adopt_intents(told["intents"]))

    def _do(self, deed: Callable[[Account], object]) -> None:
        server = self.server
        with server.lock:
            before = len(server.account.events)
            deed(server.account)
            for event in server.account.events[before:]:
                server.deliveries.add(event)

    def _books(self) -> dict[str, Any]:
        server = self.server
        return {
            "intents": list(server.account.intents.values()),
            "charges": list(server.account.charges.values()),
            "refunds": list(server.account.refunds.values()),
            "asked_again": server.account.asked_again,
            "events": server.account.events,
            "tried": server.deliveries.tried,
            "calls": dict(server.calls),
            "keys": server.keys_seen,
            "versions": sorted(server.versions),
            "held": server.held,
        }

    def _answer(self, answer: Answer, *, replayed: bool = False) -> None:
        status, raw = answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Request-Id", f"req_{time.monotonic_ns()}")
        if replayed:
            self.send_header("Idempotent-Replayed", "true")
        self.end_headers()
        self.wfile.write(raw)

    def _drop(self) -> None:
        """No answer at all."""
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
        """The tests read the books instead."""


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


def _method(sent: dict[str, Any]) -> str:
    """A payment method's id, or the number of a card that comes along."""
    if "payment_method" in sent:
        return str(sent["payment_method"])
    card = (sent.get("payment_method_data") or {}).get("card") or {}
    if "number" not in card:
        raise invalid("payment_intent_unexpected_state", "You cannot confirm without a payment method")
    return str(card["number"]).replace(" ", "")
