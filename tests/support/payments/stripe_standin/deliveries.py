"""Webhooks: signed as Stripe signs, delivered at once, held, doubled, turned round or lost."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

RETRY_PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0)
"""Stripe goes on for three days; a test has less time."""
TIMEOUT_S = 10.0


def signature(raw: bytes, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` header ("Verify webhook signatures manually")."""
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + raw, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={signed}"


@dataclass
class Deliveries:
    url: str = ""
    secret: str = ""
    mode: str = "deliver"
    held: list[dict[str, Any]] = field(default_factory=list)
    tried: list[tuple[str, int]] = field(default_factory=list)
    """(event id, HTTP status; 0 for no answer), in order."""
    _queue: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)

    def start(self, threads: int = 4) -> None:
        for _ in range(threads):
            threading.Thread(target=self._work, daemon=True).start()

    def add(self, event: dict[str, Any]) -> None:
        match self.mode:
            case "deliver":
                self._queue.put(event)
            case "double":
                self._queue.put(event)
                self._queue.put(event)
            case "hold":
                self.held.append(event)
            case _:
                pass

    def release(self, *, backwards: bool, times: int) -> None:
        """Deliver what was held, one after the other."""
        events, self.held = self.held, []
        for event in (events[::-1] if backwards else events) * times:
            self._deliver(event)

    def _work(self) -> None:
        while True:
            self._deliver(self._queue.get())

    def _deliver(self, event: dict[str, Any]) -> None:
        for pause_s in (*RETRY_PAUSES_S, None):
            status = self._try(event)
            self.tried.append((event["id"], status))
            if 200 <= status < 300 or pause_s is None:
                return
            time.sleep(pause_s)  # as Stripe does, which sends again later

    def _try(self, event: dict[str, Any]) -> int:
        raw = json.dumps(event, indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(raw, self.secret, int(time.time())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        request = urllib.request.Request(self.url, raw, headers)  # noqa: S310 - the test's own address
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as problem:
            return problem.code
        except OSError:
            return 0
