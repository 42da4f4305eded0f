"""Our patches of gunicorn's ASGI worker: ops/patches.py lists them, with what each leans on.

- A stop is heard at any moment and is over within seconds. As it comes, the worker loses a stop that
  arrives while it still imports (uvloop hears signals only while its loop runs), and waits
  `graceful_timeout` for every idle keep-alive connection and for every request that waits for an outcome.
- A stop breaks no connection that has sent something. As it comes, those that the kernel has accepted and the
  worker has not are reset when it stops to listen, with the requests that they have carried by then.
- What is no HTTP is refused in the one error shape.
- The parser in C is used where it is installed (docs/dependencies.md): gunicorn looks for it by itself,
  but would not find it for a connection of a class of its own.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from types import FrameType
from typing import Any

import msgspec
from gunicorn.asgi import protocol
from gunicorn.asgi.parser import InvalidHeader, PythonProtocol
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

from core.wire.errors import error_body

AT_STOP = "holdfast.at_stop"
"""In the lifespan's state: the application's functions to call when this process is asked to stop."""

IDLE_GRACE_S = 0.5
"""For connections in use, to be told with their next answer to close; then the idle ones are closed."""

LENGTH_DIGITS = 18
"""Of a `Content-Length`: far more than any body has, and few enough for every language's numbers."""

_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def exit_on_signal(arbiter: Any) -> None:
    """For a new process, which serves no request yet: end at once, even if the signal came before this call."""
    for which in _STOPS:
        signal.signal(which, _end)
    if any(which in _STOPS for which in _signals_left_to_the_parent(arbiter)):
        os._exit(0)


def _end(_number: int, _frame: FrameType | None) -> None:
    """No exception: raised in a callback of the import system or a finalizer, it would be ignored, and the stop lost."""
    os._exit(0)


def _signals_left_to_the_parent(arbiter: Any) -> Iterator[int]:
    """Between the fork and our own handlers, the parent's handlers put signals into our copy of its queue."""
    while not arbiter.SIG_QUEUE.empty():
        yield arbiter.SIG_QUEUE.get_nowait()


_REFUSED = {500: ("internal_error", "Something went wrong on our side")}
"""By status: code and sentence, where the request is not at fault."""


class Connection(ASGIProtocol):  # type: ignore[misc]  # gunicorn ships no types
    """A connection that its worker can close while it is idle, and that refuses in our words."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.worker.connections.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self.worker.connections.discard(self)

    def _send_error_response(self, status: int, _message: str, extra_headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answer in the one error shape, without quoting what was sent."""
        phrase = HTTPStatus(status).phrase
        code, sentence = _REFUSED.get(status, ("bad_request", f"The request is not valid HTTP: {phrase}"))
        body = msgspec.json.encode(error_body(status, code, sentence))
        headers = (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *extra_headers)
        lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers), "Connection: close"]
        self._safe_write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def _is_websocket_upgrade(self, _request: Any) -> bool:
        """Ignore the wish to upgrade (RFC 9110, 7.8): feeds are the notifier's."""
        return False

    async def _serve_http_request(self, request: Any, sockname: Any, peername: Any) -> bool:
        """Without a second task for the application: nothing of ours goes on after its answer."""
        return bool(await self._handle_http_request(request, sockname, peername))

    def close_if_idle(self) -> None:
        """Not if a request has come that is not read yet: it is answered, and its answer says to close."""
        if self._awaiting_request and not _has_unread(self.transport):
            self._keepalive_timeout()


def _has_unread(transport: Any) -> bool:
    looking = select.poll()
    looking.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(looking.poll(0))


class Parser(PythonProtocol):  # type: ignore[misc]  # as above
    """gunicorn's parser in Python, for where the one in C is not installed."""

    __slots__ = ()

    def _finalize_headers(self) -> None:
        """Python refuses to read a number of thousands of digits, and gunicorn would not answer then."""
        for name, value in self._headers_list:
            if name == b"content-length" and len(value) > LENGTH_DIGITS:
                raise InvalidHeader("Content-Length has too many digits")
        super()._finalize_headers()


gasgi.ASGIProtocol = Connection  # the worker below names it nowhere else
protocol.PythonProtocol = Parser
protocol._CACHED_SERVER_HEADER = b""  # noqa: SLF001 - a line of every answer that names no server
ASGIProtocol._check_h1c_protocol_available()  # noqa: SLF001 - its finding is stored on the class that asks, and read from this one


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]  # as above
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.connections: set[Connection] = set()

    def init_signals(self) -> None:
        """Do nothing yet: until the loop runs, the handlers of `exit_on_signal` stay."""

    async def _serve(self) -> None:
        super().init_signals()
        await super()._serve()

    def handle_exit_signal(self) -> None:
        """Graceful: waiting requests are answered with what is known, and then `_shutdown` begins."""
        super().handle_exit_signal()
        at_stop: list[Callable[[], None]] = self.state.get(AT_STOP, [])
        for call in at_stop:
            call()

    async def _shutdown(self) -> None:
        await self._stop_listening()
        if not self._quick_shutdown:
            await asyncio.sleep(IDLE_GRACE_S)
        for connection in list(self.connections):
            connection.close_if_idle()
        await super()._shutdown()

    async def _stop_listening(self) -> None:
        """The last to close a listening socket resets what nobody has accepted: so that is done right before."""
        listening = [listener.sock.dup() for listener in self.sockets]
        for server in self.servers:
            server.close()
        await asyncio.sleep(0)  # now its own accepting is over
        for listener in listening:
            accepted = list(_accept_waiting(listener))
            listener.close()
            for connection in accepted:
                await self.loop.connect_accepted_socket(lambda: Connection(self), connection)


def _accept_waiting(listener: socket.socket) -> Iterator[socket.socket]:
    listener.setblocking(False)
    while True:
        try:
            connection, _ = listener.accept()
        except ConnectionAbortedError:  # it has gone again
            continue
        except OSError:  # there is none
            return
        connection.setblocking(False)
        yield connection
