"""A delivery worker with the tests' sender, as a process of its own: `python -m tests.support.deliveries.worker`."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Sequence

import msgspec

from core.deliveries.sender import Connections
from core.settings import from_environment
from core.store.deliveries.leases import RunLimits
from core.store.deliveries.values import Answer, Delivery, sent, try_again
from core.wakeup.broker import celery_app
from tests.support.deliveries.by_hand import PlainSender
from workers.delivery_server import DeliveryServer

URL = "NOTES_URL"
RECEIVERS = "NOTES_RECEIVERS"
LEASE = "NOTES_LEASE_S"
TIMEOUT_S = 30.0
OK = 300


class HttpSender(PlainSender):
    """Posts each delivery to `URL/RECEIVER`."""

    def __init__(self, url: str, receivers: Sequence[str]) -> None:
        self._url = url
        self.receivers = receivers

    def send(self, connections: Connections, delivery: Delivery) -> Answer:  # noqa: ARG002 - needs no database
        request = urllib.request.Request(  # noqa: S310 - the test's own server
            f"{self._url}/{delivery.receiver}",
            data=msgspec.json.encode(delivery.data),
            headers={"Delivery-Id": str(delivery.id)},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
                return sent(str(answer.status))
        except urllib.error.HTTPError as problem:
            return try_again(str(problem.code))
        except OSError as problem:
            return try_again(type(problem).__name__)


def main() -> None:
    settings = from_environment()
    sender = HttpSender(os.environ[URL], os.environ[RECEIVERS].split(","))
    HttpSender.limits = RunLimits(lease_s=float(os.environ[LEASE]))
    DeliveryServer(celery_app(settings.redis_url), settings, [sender]).run()


if __name__ == "__main__":
    main()
