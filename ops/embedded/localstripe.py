"""localstripe, in Stripe's place where no key is set: a process of its own, never imported (it is GPL).

    python -m ops.embedded.localstripe PORT FOLDER WEBHOOK_URL

It is confined to loopback and to the folder, remembers there what was paid, and is told our webhook
at each start. Its secret comes by the environment: a command line can be read by everybody on the
machine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path
from types import FrameType

from core.settings import DEMO_STRIPE_KEY
from ops.embedded.child import LAUNCH, Program
from ops.embedded.environment import ROOT, child_environment
from ops.embedded.localstripe_events import PROXYLESS, IntentWatcher
from ops.ports import accepts

SECRET_KEY, PUBLISHABLE_KEY = DEMO_STRIPE_KEY, "pk_test_localstripe"
"""Any key will do there; these tell what it is."""
CONFINED = Path(__file__).with_name("confined")
MEMORY = "localstripe.pickle"
RESTART_PAUSE_S = 5.0
REGISTER_WITHIN_S = 30.0
NEWS_EVERY_S = 1.0
_POLL_S = 0.1


def settings(port: int, webhook_secret: str) -> dict[str, str]:
    """What makes the application pay there."""
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
        environment=child_environment({**environment, "STRIPE_WEBHOOK_SECRET": webhook_secret}),
        directory=ROOT,
        log=log,
    )


class LocalStripe:
    """Keeps one running. Without it bookings go on; only nothing can be paid."""

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
                self._watcher.tell()
                time.sleep(NEWS_EVERY_S)
            code = self._process.wait()
            if not self._stopping:
                if not is_up:
                    (self._folder / MEMORY).unlink(missing_ok=True)  # cut short as it was written: start with nothing
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
        """Tell it where its events go, as soon as it answers; False if it never does."""
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
            print(f"localstripe listens on port {self._port} and tells {self._webhook}", flush=True)
        return True


if __name__ == "__main__":
    LocalStripe(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], os.environ["STRIPE_WEBHOOK_SECRET"]).run()
