"""Bodies that stop in the middle, never come, or are refused before they came.

Falcon ends a body's stream alike whether the body was whole or its sender hung up. Half a body must never be
taken for a whole one, so this tells them apart. A client that sends nothing for as long as gunicorn waits (its
`timeout`) is taken for gone, though an answer still reaches it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import falcon.asgi
import structlog

from api.http.errors import Problem, body_of, error_type
from api.http.request_traces import OPEN
from core.logs import without_tokens
from core.tracing import spans

log = structlog.get_logger()

LARGE_DIGITS = 6
"""Of a `Content-Length`: 100,000 bytes and more. Most routes refuse so much before any of it came."""
BODY_WITHIN_S = 60.0
"""By default: from a body's first piece to its last."""
LINGER_S = 5.0
LINGER_SILENCE_S = 1.0
"""How long more of a refused body is read: a client still sending when the connection closes may miss the answer."""

_CLIENT_DISCONNECTED = "holdfast.client_disconnected"
_TO_COME = {"type": "http.request", "body": b"", "more_body": True}


class _BodyTimeoutError(BaseException):
    """A body's time is over. Not an `Exception`, so that neither Falcon nor a responder answers it."""


class App(falcon.asgi.App[Any, Any]):
    """Falcon's application, which also notes in the ASGI scope that the client went away.

    Falcon waits for a first piece of the body before it looks at a request. So a large body begins with an
    empty piece, for its route to refuse it by its length. A client that sends no piece at all, or takes longer
    than `body_within_s`, is answered 408.
    """

    body_within_s = BODY_WITHIN_S

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # type: ignore[override]  # its WSGI parent differs
        arriving = _BodyEvents(scope, receive, self.body_within_s)
        try:
            await super().__call__(scope, arriving.receive, send)
        except asyncio.CancelledError:
            spans.end(scope.pop(OPEN, None), "the client went away")
            raise
        except _BodyTimeoutError:
            log.warning("a body came too slowly", path=without_tokens(scope["path"]), seconds=self.body_within_s)
            await _refuse(scope, send)
            return
        if not arriving.has_begun and scope.get(_CLIENT_DISCONNECTED):
            await _refuse(scope, send)
        elif arriving.is_large:
            await arriving.linger()


class _BodyEvents:
    """A request's events."""

    __slots__ = ("_receive", "_scope", "_until", "_within_s", "has_begun", "has_ended", "is_large")

    def __init__(self, scope: Any, receive: Any, within_s: float) -> None:
        self._within_s = within_s
        self._until: float | None = None
        """When the body must have ended, once it has begun."""
        self._scope = scope
        self._receive = receive
        self.is_large = _is_large(scope)
        self.has_begun = self.has_ended = False

    async def receive(self) -> Any:
        if self.is_large and not self.has_begun:
            self.has_begun = True
            return _TO_COME
        event = await (self._receive() if self._until is None or self.has_ended else self._receive_in_time())
        if event["type"] == "http.disconnect":
            self._scope[_CLIENT_DISCONNECTED] = self.has_ended = True
        else:
            self.has_begun, self.has_ended = True, not event.get("more_body")
            if self._until is None and not self.has_ended:  # most bodies come in one piece and need no clock
                self._until = asyncio.get_running_loop().time() + self._within_s
        return event

    async def _receive_in_time(self) -> Any:
        try:
            async with asyncio.timeout_at(self._until):
                return await self._receive()
        except TimeoutError:
            raise _BodyTimeoutError from None

    async def linger(self) -> None:
        """Read on after the answer, for a while, until the body has ended."""
        with suppress(TimeoutError, _BodyTimeoutError):
            async with asyncio.timeout(LINGER_S):
                while not self.has_ended:
                    await asyncio.wait_for(self.receive(), LINGER_SILENCE_S)


def client_disconnected(req: falcon.asgi.Request) -> bool:
    """Whether the client is taken for gone."""
    return bool(req.scope.get(_CLIENT_DISCONNECTED))


def body_timeout() -> Problem:
    return Problem(408, "body_too_slow", "The body did not arrive in time; nothing was accepted")


async def _refuse(scope: Any, send: Any) -> None:
    """Falcon saw no request and will send nothing."""
    body, kind = body_of(body_timeout()), error_type(_header(scope, b"accept"))
    headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 408, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_large(scope: Any) -> bool:
    return len(_header(scope, b"content-length") or "") >= LARGE_DIGITS


def _header(scope: Any, wanted: bytes) -> str | None:
    for name, value in scope.get("headers", ()):
        if name == wanted:
            return str(value, "latin-1")
    return None
