"""What a notifier counts: its sockets, how they end, and how far it has delivered the feed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.metrics.definitions import FEED_DELIVERED, SLOW_CLIENTS, SOCKETS, SOCKETS_CLOSED, SOCKETS_REFUSED
from core.metrics.meter import Meter, PoolGauges
from core.wire.close_codes import CLOSE_CODES, TOO_SLOW
from notifier.feeds import FEEDS

OTHER_CODE = "other"
"""Clients may choose a thousand codes."""
_OF_THE_PROTOCOL = (1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1010, 1011)
KNOWN_CODES = frozenset({*_OF_THE_PROTOCOL, *(one.code for one in CLOSE_CODES)})


class SocketMetrics:
    def __init__(self, meter: Meter) -> None:
        sockets = meter.gauge(SOCKETS)
        self._sockets = {path: sockets.labels(path) for path in FEEDS}
        self._closed = meter.counter(SOCKETS_CLOSED)
        self._refused = meter.counter(SOCKETS_REFUSED)
        self._slow = meter.counter(SLOW_CLIENTS)
        self._delivered = meter.gauge(FEED_DELIVERED)
        self._pools = PoolGauges(meter)

    def follow(self, delivered: Callable[[], int], pool: Callable[[], Mapping[str, int]]) -> None:
        """Asked at each scrape: the hub's position, and the pool's statistics."""
        self._delivered.set_function(delivered)
        self._pools.follow("notifier", pool)

    def opened(self, feed: str) -> None:
        self._sockets[feed].inc()

    def closed(self, feed: str, code: int | None) -> None:
        self._sockets[feed].dec()
        self._closed.labels(str(code) if code in KNOWN_CODES else OTHER_CODE).inc()
        if code == TOO_SLOW.code:
            self._slow.inc()

    def refused(self, code: str) -> None:
        """`code` is an error code of ours."""
        self._refused.labels(code).inc()
