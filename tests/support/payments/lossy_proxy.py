"""A proxy in front of a payment provider that passes requests on, and loses some of the answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from ops.ports import free_ports


class LossyProxy(ThreadingHTTPServer):
    """`cut` says which requests' answers are lost: the provider has done the work when the connection ends."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        self.port = free_ports(1)[0]
        super().__init__(("127.0.0.1", self.port), _Passing)
        self.target = target
        self.cut: dict[str, int] = {}
        """How many answers are still to be lost, by method and path, e.g. `POST /v1/refunds`."""
        self.done: list[str] = []
        """What was cut off, as soon as the provider had done it."""
        self.holding: threading.Event | None = None
        """If set, a connection is cut off only when this is."""
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cuts(self, what: str) -> bool:
        with self.lock:
            left = self.cut.get(what, 0)
            self.cut[what] = max(0, left - 1)
            return left > 0


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LossyProxy

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
        answer = httpx.request(
            self.command, self.server.target + self.path, content=body, headers=headers, timeout=30.0
        )
        what = f"{self.command} {self.path.partition('?')[0]}"
        if self.server.cuts(what):
            self.server.done.append(what)
            if self.server.holding is not None:
                self.server.holding.wait(30.0)
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Quiet."""


@contextmanager
def lossy_proxy(target: str) -> Iterator[LossyProxy]:
    proxy = LossyProxy(target)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
