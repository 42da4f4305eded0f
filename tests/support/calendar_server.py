"""A server of somebody else's calendars: it says what a test tells it to, with ETags, and keeps what it was asked."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex

from msgspec import Struct

from core.domain.resources.local_time import Span


class Answer(Struct, frozen=True):
    body: bytes
    status: int
    headers: Mapping[str, str]


class CalendarServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
        """By path: the headers of each request."""
        self.held: dict[str, threading.Event] = {}
        """By path: not answered until it is set."""

    def new(self, body: bytes = b"", status: int = 200) -> str:
        """The URL of a calendar of its own, which nobody could guess."""
        path = f"/{token_hex(16)}/basic.ics"
        self.say(self.url(path), body, status)
        return self.url(path)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def say(self, url: str, body: bytes, status: int = 200, **headers: str) -> None:
        """From now on."""
        etag = {} if status != 200 else {"ETag": f'"{sha256(body).hexdigest()[:16]}"'}
        self.answers[_path(url)] = Answer(body, status, {**etag, **headers})

    def hold(self, url: str) -> threading.Event:
        return self.held.setdefault(_path(url), threading.Event())

    def asked_of(self, url: str) -> list[dict[str, str]]:
        return self.asked[_path(url)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CalendarServer

    def do_GET(self) -> None:
        self.server.asked[self.path].append(dict(self.headers.items()))
        if self.path in self.server.held:
            self.server.held[self.path].wait(60)
        said = self.server.answers.get(self.path, Answer(b"", 404, {}))
        if said.status == 200 and self.headers.get("If-None-Match") == said.headers.get("ETag"):
            said = Answer(b"", 304, said.headers)
        self.send_response(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        if said.status != 304:
            self.send_header("Content-Length", str(len(said.body)))
        self.end_headers()
        self.wfile.write(said.body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def calendar_server() -> Iterator[CalendarServer]:
    server = CalendarServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        for held in server.held.values():
            held.set()
        server.shutdown()
        server.server_close()


def calendar_of(*spans: Span, uid: str = "entry") -> bytes:
    """A calendar that takes these times, with what it is about in words that nobody else uses."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Tests//EN"]
    for number, (starts_at, ends_at) in enumerate(spans):
        lines += [
            "BEGIN:VEVENT",
            f"UID:{uid}-{number}@example.com",
            "DTSTAMP:20260101T000000Z",
            f"DTSTART:{starts_at:%Y%m%dT%H%M%SZ}",
            f"DTEND:{ends_at:%Y%m%dT%H%M%SZ}",
            "SUMMARY:Oncologist at Mercy",
            "END:VEVENT",
        ]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3]
