"""Bodies that stop in the middle, never come, or are refused before they came.

Falcon ends a body's stream alike whether the body was whole or its sender hung up. Where half a body
must never be taken for a whole one, this tells them apart. Who sends nothing for as long as gunicorn
waits (its `timeout`) is taken for gone, though an answer still reaches them.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import falcon.asgi

from api.errors import Problem, body_of, error_type

LARGE_DIGITS = 6
"""Of a `Content-Length`: 100,000 bytes and more. Most routes refuse so much before any of it came."""
LINGER_S = 5.0
LINGER_SILENCE_S = 1.0
"""How long more of a refused body is read: who still sends when the connection closes may miss the answer."""

_HUNG_UP = "holdfast.hung_up"
_TO_COME = {"type": "http.request", "body": b"", "more_body": True}


class App(falcon.asgi.App[Any, Any]):
    """Falcon's, which notes in the ASGI scope that the client went away.

    Falcon waits for a first piece of the body before it looks at a request. So a large one begins with an
    empty piece, for its route to refuse it by its length; and who sends no piece at all is told so.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # type: ignore[override]  # its WSGI parent differs
        arriving = _Arriving(scope, receive)
        await super().__call__(scope, arriving.receive, send)
        if not arriving.has_begun and scope.get(_HUNG_UP):
            await _refuse(scope, send)
        elif arriving.is_large:
            await arriving.linger()


class _Arriving:
    """A request's events."""

    __slots__ = ("_receive", "_scope", "has_begun", "has_ended", "is_large")

    def __init__(self, scope: Any, receive: Any) -> None:
        self._scope = scope
        self._receive = receive
        self.is_large = _is_large(scope)
        self.has_begun = self.has_ended = False

    async def receive(self) -> Any:
        if self.is_large and not self.has_begun:
            self.has_begun = True
            return _TO_COME
        event = await self._receive()
        if event["type"] == "http.disconnect":
            self._scope[_HUNG_UP] = self.has_ended = True
        else:
            self.has_begun, self.has_ended = True, not event.get("more_body")
        return event

    async def linger(self) -> None:
        """Read on after the answer, for a while, until the body has ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while not self.has_ended:
                    await asyncio.wait_for(self.receive(), LINGER_SILENCE_S)


def hung_up(req: falcon.asgi.Request) -> bool:
    """Whether its client is taken for gone."""
    return bool(req.scope.get(_HUNG_UP))


def too_slow() -> Problem:
    return Problem(408, "body_too_slow", "The body stopped arriving before its end; nothing was accepted")


async def _refuse(scope: Any, send: Any) -> None:
    """Falcon saw no request, so nothing else will be said."""
    body, kind = body_of(too_slow()), error_type(_header(scope, b"accept"))
    headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 408, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_large(scope: Any) -> bool:
    return len(_header(scope, b"content-length") or "") >= LARGE_DIGITS


def _header(scope: Any, wanted: bytes) -> str | None:
    for name, value in scope.get("headers", ()):
        if name == wanted:
            return str(value, "latin-1")
    return None
