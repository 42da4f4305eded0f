"""localstripe, in Stripe's place where no key is set: a process of its own, never imported (it is GPL).

    python -m ops.embedded.localstripe PORT FOLDER WEBHOOK_URL

It is confined to loopback and to the folder, keeps there what was paid, and gets the address of our
webhook at each start. The webhook's secret comes by the environment: everybody on the machine can
read a command line.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from types import FrameType
from typing import Any

from core.configuration.secret_settings import without_others
from core.settings import DEMO_STRIPE_KEY
from ops.embedded.child import LAUNCH, Program
from ops.embedded.environment import ROOT, child_environment
from ops.ports import accepts
from ops.probes import PROXYLESS

SECRET_KEY, PUBLISHABLE_KEY = DEMO_STRIPE_KEY, "pk_test_localstripe"
"""It takes any key; these say what it is."""
CONFINED = Path(__file__).with_name("confined")
MEMORY = "localstripe.pickle"
RESTART_PAUSE_S = 5.0
REGISTER_WITHIN_S = 30.0
LOOK_EVERY_S = 1.0
_POLL_S = 0.1
INTENTS_MAX = 100
"""The newest that are looked at. Older ones settle by the application's own looks."""
TIMEOUT_S = 5.0
EVENT_BY_STATUS = {
    "succeeded": "payment_intent.succeeded",
    "processing": "payment_intent.processing",
    "canceled": "payment_intent.canceled",
}


def settings(port: int, webhook_secret: str) -> dict[str, str]:
    """The settings with which the application pays there."""
    return {
        "STRIPE_SECRET_KEY": SECRET_KEY,
        "STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
        "STRIPE_WEBHOOK_SECRET": webhook_secret,
        "STRIPE_API_BASE": f"http://127.0.0.1:{port}",
    }


def program(
    port: int, folder: Path, api_port: int, webhook_secret: str, log: Path, environment: dict[str, str]
) -> Program:
    webhook = f"http://127.0.0.1:{api_port}/api/stripe-webhook/"
    return Program(
        name="stripe",
        argv=(sys.executable, "-m", "ops.embedded.localstripe", str(port), str(folder), webhook),
        environment=child_environment(
            {**environment, "STRIPE_WEBHOOK_SECRET": webhook_secret}, without_others(os.environ, ())
        ),
        directory=ROOT,
        log=log,
    )


class LocalStripe:
    """Keeps one running. Without it bookings go on, but nobody can pay."""

    def __init__(self, port: int, folder: Path, webhook: str, secret: str) -> None:
        self._port = port
        self._folder = folder
        self._webhook = webhook
        self._secret = secret
        self._watcher = IntentWatcher(f"http://127.0.0.1:{port}", SECRET_KEY, webhook, secret)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        self._folder.mkdir(parents=True, exist_ok=True)
        while not self._stopping:
            self._process = self._start()
            is_up = self._register()
            while is_up and self._process.poll() is None and not self._stopping:
                self._watcher.send_events()
                time.sleep(LOOK_EVERY_S)
            code = self._process.wait()
            if not self._stopping:
                if not is_up:
                    (self._folder / MEMORY).unlink(missing_ok=True)  # it may have been cut short: start with nothing
                print(f"localstripe ended with {code}; it starts again in {RESTART_PAUSE_S:g} s", flush=True)
                time.sleep(RESTART_PAUSE_S)

    def _start(self) -> subprocess.Popen[bytes]:
        launch = (sys.executable, "-I", "-S", str(LAUNCH), str(int(signal.SIGKILL)), str(os.getpid()))
        server = (sys.executable, "-m", "localstripe", "--port", str(self._port))
        confined = {"PYTHONPATH": str(CONFINED), "HOLDFAST_CONFINED_TO": str(self._folder), "TMPDIR": str(self._folder)}
        return subprocess.Popen([*launch, *server], env={**os.environ, **confined}, cwd=self._folder)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if self._process is not None:
            self._process.terminate()

    def _register(self) -> bool:
        """Register our webhook as soon as it answers; False if it never does."""
        assert self._process is not None  # noqa: S101 - just started
        deadline = time.monotonic() + REGISTER_WITHIN_S
        while not accepts(self._port):
            if self._process.poll() is not None or self._stopping:
                return False
            if time.monotonic() > deadline:
                self._process.terminate()
                return False
            time.sleep(_POLL_S)
        form = {"url": self._webhook, "secret": self._secret}
        address = f"http://127.0.0.1:{self._port}/_config/webhooks/holdfast"
        with PROXYLESS.open(address, urllib.parse.urlencode(form).encode(), timeout=5.0):
            print(f"localstripe listens on port {self._port} and sends events to {self._webhook}", flush=True)
        return True


class IntentWatcher:
    """Sends the events about payment intents that localstripe does not send before version 1.15.6.

    Later versions come without a wheel, and nothing is built here. So this looks at its intents and
    posts what has become of them to the webhook, signed as Stripe signs, until the webhook accepts it.
    """

    def __init__(self, stripe: str, key: str, webhook: str, secret: str) -> None:
        self._intents = urllib.request.Request(  # noqa: S310 - an address of our own
            f"{stripe}/v1/payment_intents?limit={INTENTS_MAX}", headers={"Authorization": f"Bearer {key}"}
        )
        self._webhook = webhook
        self._secret = secret.encode()
        self._sent: set[str] = set()
        """Ids of events."""

    def send_events(self) -> None:
        """Send what has changed since the last time, or was not accepted then."""
        try:
            with PROXYLESS.open(self._intents, timeout=TIMEOUT_S) as answer:
                intents = json.load(answer)["data"]
        except OSError:
            return  # it is just starting, or ending
        for event in filter(None, map(event_about, intents)):
            if event["id"] not in self._sent and self._is_accepted(event):
                self._sent.add(event["id"])

    def _is_accepted(self, event: dict[str, Any]) -> bool:
        raw, now = json.dumps(event).encode(), int(time.time())
        signature = hmac.new(self._secret, f"{now}.".encode() + raw, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={now},v1={signature}"}
        request = urllib.request.Request(self._webhook, raw, headers)  # noqa: S310 - an address of our own
        try:
            with PROXYLESS.open(request, timeout=TIMEOUT_S):
                return True
        except OSError:
            return False


def event_about(intent: dict[str, Any]) -> dict[str, Any] | None:
    """The event that Stripe would have sent last of an intent, always under the same id; None if there is none."""
    failed = intent["status"] == "requires_payment_method" and intent.get("last_payment_error")
    type_ = "payment_intent.payment_failed" if failed else EVENT_BY_STATUS.get(intent["status"])
    if type_ is None:
        return None
    charge = intent.get("latest_charge")
    charge_id = charge["id"] if isinstance(charge, dict) else charge
    id_ = f"evt_{intent['id']}_{intent['status']}_{charge_id}"
    return {"id": id_, "object": "event", "type": type_, "created": int(time.time()), "data": {"object": intent}}


if __name__ == "__main__":
    LocalStripe(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], os.environ["STRIPE_WEBHOOK_SECRET"]).run()
