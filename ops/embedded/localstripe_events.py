"""What localstripe does not tell: it sends webhooks, but before version 1.15.6 none about payment intents.

Later versions come without a wheel, and nothing is built here. So whoever keeps localstripe running
looks at its intents, and tells the webhook that it is registered with what has become of them, as
Stripe would: signed, again and again until it is heard.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from typing import Any

INTENTS_MAX = 100
"""The newest that are looked at. Older ones settle by the application's own looks."""
TIMEOUT_S = 5.0
PROXYLESS = urllib.request.build_opener(urllib.request.ProxyHandler({}))

EVENT_BY_STATUS = {
    "succeeded": "payment_intent.succeeded",
    "processing": "payment_intent.processing",
    "canceled": "payment_intent.canceled",
}


class IntentWatcher:
    def __init__(self, stripe: str, key: str, webhook: str, secret: str) -> None:
        self._intents = urllib.request.Request(  # noqa: S310 - an address of our own
            f"{stripe}/v1/payment_intents?limit={INTENTS_MAX}", headers={"Authorization": f"Bearer {key}"}
        )
        self._webhook = webhook
        self._secret = secret.encode()
        self._told: set[str] = set()
        """Ids of events."""

    def tell(self) -> None:
        """What has changed since the last time, or was not heard then."""
        try:
            with PROXYLESS.open(self._intents, timeout=TIMEOUT_S) as answer:
                intents = json.load(answer)["data"]
        except OSError:
            return  # it is just starting, or ending
        for event in filter(None, map(event_about, intents)):
            if event["id"] not in self._told and self._is_heard(event):
                self._told.add(event["id"])

    def _is_heard(self, event: dict[str, Any]) -> bool:
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
