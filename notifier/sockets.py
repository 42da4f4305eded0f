"""Sockets, and how many of them there may be."""

from __future__ import annotations

import http
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Response

from core.client_addresses import subscriber_of
from core.identity.principals import Principal
from core.store.feed import Position
from core.token_buckets import Buckets
from core.wire.errors import error_body
from notifier.feeds import Feed
from notifier.limits import Limits


def respond(status: int, body: bytes, extra: Mapping[str, str]) -> Response:
    """An answer to a handshake that opens nothing."""
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
    headers["Cache-Control"] = "no-store"
    headers["X-Content-Type-Options"] = "nosniff"
    for name, value in extra.items():
        headers[name] = value
    return Response(status, http.HTTPStatus(status).phrase, headers, body)


class Admission(Struct, frozen=True):
    """The result of a handshake."""

    feed: Feed
    principal: Principal
    address: str
    last_position: str | None
    """From the query; None if it has none."""
    start: Position
    """The feed's head at the handshake: later news is for this client."""


REFUSED_BY_THE_LIBRARY = (414, 431)
"""Statuses for a target or a header line of more than 8,192 bytes, or more than 128 headers."""


def refused_by_the_library(status: int, text: str) -> Response:
    """In the one error shape, what the library refuses in plain text before `process_request` is asked."""
    phrase = http.HTTPStatus(status).phrase
    code, words, more = ("bad_request", f"The request cannot be read: {phrase}", {})
    if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        code, words, more = "unavailable", text.strip(), {"Retry-After": "2"}
    return respond(status, msgspec.json.encode(error_body(status, code, words)), more)


class Socket(ServerConnection):
    """A connection that keeps its handshake's result, and calls `on_lost` however it ends."""

    visit: Admission | None = None
    on_lost: Callable[[], None] | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.protocol.reject = refused_by_the_library  # type: ignore[method-assign]

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()


class ConnectionLimits:
    """Counts connections and handshakes, overall and by address (IPv6: by network)."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._handshakes = Buckets(limits.handshakes_per_address)
        self._by_address: Counter[str] = Counter()
        self._all = 0

    def is_full(self) -> bool:
        return self._all >= self._limits.connections

    def is_full_for(self, address: str) -> bool:
        return self._by_address[subscriber_of(address)] >= self._limits.connections_per_address

    def wait_s(self, address: str) -> float:
        """Count a handshake. Returns how long it must wait, 0.0 if not at all."""
        return self._handshakes.take(subscriber_of(address))

    def take(self, socket: Socket, address: str) -> None:
        """Count a socket until it is lost."""
        who = subscriber_of(address)
        self._all += 1
        self._by_address[who] += 1
        socket.on_lost = lambda: self._give_back(who)

    def _give_back(self, who: str) -> None:
        self._all -= 1
        self._by_address[who] -= 1
        if self._by_address[who] == 0:
            del self._by_address[who]
