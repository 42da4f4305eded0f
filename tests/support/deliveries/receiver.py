"""A small HTTP server that takes deliveries: it keeps what came, and fails or hangs as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec import Struct


class Taken(Struct, frozen=True):
    """One request, in the order in which they came."""

    receiver: str
    id: str
    data: dict[str, Any]
    status: int


class Receiver(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[Taken] = []
        self.statuses: dict[str, list[int]] = {}
        """By receiver: what to answer next, then 204 again."""
        self.held: dict[str, threading.Event] = {}
        """By receiver: not answered until it is set."""
        self.under_way = 0
        self.most_under_way: dict[str, int] = {}
        self._now: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def hold(self, receiver: str) -> threading.Event:
        return self.held.setdefault(receiver, threading.Event())

    def ids(self, receiver: str | None = None) -> list[str]:
        return [one.id for one in self.taken if receiver in {None, one.receiver}]

    def numbers(self, receiver: str) -> list[int]:
        return [one.data["n"] for one in self.taken if one.receiver == receiver and one.status < 300]

    def begin(self, receiver: str) -> None:
        with self._lock:
            self._now[receiver] = self._now.get(receiver, 0) + 1
            self.most_under_way[receiver] = max(self.most_under_way.get(receiver, 0), self._now[receiver])

    def end(self, receiver: str, id_: str, data: dict[str, Any]) -> int:
        with self._lock:
            self._now[receiver] -= 1
            told = self.statuses.get(receiver)
            status = told.pop(0) if told else 204
            self.taken.append(Taken(receiver, id_, data, status))
            return status

    def waits(self, receiver: str) -> int:
        """Requests that it has not answered."""
        return self._now.get(receiver, 0)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        receiver = self.path.strip("/")
        data = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.begin(receiver)
        if held := self.server.held.get(receiver):
            held.wait()
        status = self.server.end(receiver, self.headers["Delivery-Id"], data)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: what came is kept."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        thread = threading.Thread(target=one.serve_forever, daemon=True)
        thread.start()
        try:
            yield one
        finally:
            for held in one.held.values():
                held.set()
            one.shutdown()
            thread.join()
