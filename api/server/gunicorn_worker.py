"""gunicorn's ASGI worker, with a stop that is heard at any moment and is over within seconds.

As it comes, it loses a stop that arrives while it still imports (uvloop hears signals only while its
loop runs), and waits `graceful_timeout` for every idle keep-alive connection and for every request
that waits for an outcome.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from types import FrameType
from typing import Any

import msgspec
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

from api.server import http_parser, response_headers
from core.wire.errors import error_body

AT_STOP = "holdfast.at_stop"
"""In the lifespan's state: what the application wants to be called when this process is asked to stop."""

IDLE_GRACE_S = 0.5
"""A connection in use is told with its next answer to close; who sends nothing for so long is closed unasked."""

_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def exit_on_signal(arbiter: Any) -> None:
    """In a new process, which serves nobody yet: end at once, also when it was asked before it could hear."""
    for which in _STOPS:
        signal.signal(which, _end)
    if any(which in _STOPS for which in _signals_left_to_the_parent(arbiter)):
        sys.exit(0)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _signals_left_to_the_parent(arbiter: Any) -> Iterator[int]:
    """From the fork on, until our own handlers are set, the parent's put signals into our copy of its queue."""
    while not arbiter.SIG_QUEUE.empty():
        yield arbiter.SIG_QUEUE.get_nowait()


_REFUSED = {500: ("internal_error", "Something went wrong on our side")}
"""By status: code and sentence, where it is not the request that is at fault."""


class Connection(ASGIProtocol):  # type: ignore[misc]  # gunicorn ships no types
    """One that its worker knows, so that it can be closed while it is idle, and that refuses in our words."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.worker.connections.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self.worker.connections.discard(self)

    def _send_error_response(self, status: int, _message: str, extra_headers: Sequence[tuple[str, str]] = ()) -> None:
        """What is no HTTP is answered in the one error shape too, and without quoting it."""
        phrase = HTTPStatus(status).phrase
        code, sentence = _REFUSED.get(status, ("bad_request", f"The request is not valid HTTP: {phrase}"))
        body = msgspec.json.encode(error_body(status, code, sentence))
        headers = (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *extra_headers)
        lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers), "Connection: close"]
        self._safe_write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def _is_websocket_upgrade(self, _request: Any) -> bool:
        """Whoever asks to upgrade gets what they would get without asking (RFC 9110, 7.8): feeds are elsewhere."""
        return False

    async def _serve_http_request(self, request: Any, sockname: Any, peername: Any) -> bool:
        """Without a task of its own for the application: nothing of ours goes on after its answer."""
        return bool(await self._handle_http_request(request, sockname, peername))

    def close_if_idle(self) -> None:
        if self._awaiting_request:
            self._keepalive_timeout()


gasgi.ASGIProtocol = Connection  # the worker below names it nowhere else
http_parser.install()
response_headers.install()


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]  # as above
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.connections: set[Connection] = set()

    def init_signals(self) -> None:
        """Not yet: until the loop runs, `exit_on_signal` holds."""

    async def _serve(self) -> None:
        super().init_signals()
        await super()._serve()

    def handle_exit_signal(self) -> None:
        """Graceful: whoever waits is answered with what is known, and then `_shutdown` begins."""
        super().handle_exit_signal()
        at_stop: list[Callable[[], None]] = self.state.get(AT_STOP, [])
        for call in at_stop:
            call()

    async def _shutdown(self) -> None:
        for server in self.servers:
            server.close()  # no new connections
        if not self._quick_shutdown:
            await asyncio.sleep(IDLE_GRACE_S)
        for connection in list(self.connections):
            connection.close_if_idle()
        await super()._shutdown()
