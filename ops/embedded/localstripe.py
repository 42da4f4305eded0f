"""localstripe, in Stripe's place where no key is set: a process of its own, never imported (it is GPL).

    python -m ops.embedded.localstripe PORT WEBHOOK_URL

It keeps nothing over a restart, so each start of it is told our webhook anew. Its secret comes by
the environment: a command line can be read by everybody on the machine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from types import FrameType

from ops.child import LAUNCH, Program
from ops.environment import ROOT, child_environment
from ops.ports import accepts

SECRET_KEY, PUBLISHABLE_KEY = "sk_test_localstripe", "pk_test_localstripe"
"""Any key will do there; these tell what it is."""
RESTART_PAUSE_S = 5.0
REGISTER_WITHIN_S = 30.0
_POLL_S = 0.1
_PROXYLESS = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def settings(port: int, webhook_secret: str) -> dict[str, str]:
    """What makes the application pay there."""
    return {
        "STRIPE_SECRET_KEY": SECRET_KEY,
        "STRIPE_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
        "STRIPE_WEBHOOK_SECRET": webhook_secret,
        "STRIPE_API_BASE": f"http://127.0.0.1:{port}",
        # Versions before 1.15.5 tell nothing of payment intents: whoever wants to know has to look.
        "HOLDFAST_PAYMENT_LOOK_SECONDS": "2",
    }


def program(port: int, api_port: int, webhook_secret: str, log: Path, environment: dict[str, str]) -> Program:
    webhook = f"http://127.0.0.1:{api_port}/api/stripe-webhook/"
    return Program(
        name="stripe",
        argv=(sys.executable, "-m", "ops.embedded.localstripe", str(port), webhook),
        environment=child_environment({**environment, "STRIPE_WEBHOOK_SECRET": webhook_secret}),
        directory=ROOT,
        log=log,
    )


class LocalStripe:
    """Keeps one running. Without it bookings go on; only nothing can be paid."""

    def __init__(self, port: int, webhook: str, secret: str) -> None:
        self._port = port
        self._webhook = webhook
        self._secret = secret
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        while not self._stopping:
            launch = (sys.executable, "-I", "-S", str(LAUNCH), str(int(signal.SIGKILL)), str(os.getpid()))
            server = (sys.executable, "-m", "localstripe", "--port", str(self._port), "--from-scratch")
            self._process = subprocess.Popen([*launch, *server])
            self._register()
            code = self._process.wait()
            if not self._stopping:
                print(f"localstripe ended with {code}; it starts again in {RESTART_PAUSE_S:g} s", flush=True)
                time.sleep(RESTART_PAUSE_S)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if self._process is not None:
            self._process.terminate()

    def _register(self) -> None:
        """Tell it where its events go, as soon as it answers."""
        assert self._process is not None  # noqa: S101 - just started
        deadline = time.monotonic() + REGISTER_WITHIN_S
        while not accepts(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline or self._stopping:
                return
            time.sleep(_POLL_S)
        form = {"url": self._webhook, "secret": self._secret}
        address = f"http://127.0.0.1:{self._port}/_config/webhooks/holdfast"
        with _PROXYLESS.open(address, urllib.parse.urlencode(form).encode(), timeout=5.0):
            print(f"localstripe listens on port {self._port} and tells {self._webhook}", flush=True)


if __name__ == "__main__":
    LocalStripe(int(sys.argv[1]), sys.argv[2], os.environ["STRIPE_WEBHOOK_SECRET"]).run()
