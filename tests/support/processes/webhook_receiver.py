"""`python -m tests.support.processes.webhook_receiver PORT`: somebody's server that takes webhooks, as a test tells it to.

`PUT /answers/NAME` says how `POST /hooks/NAME` is answered from then on; without it, 204. `GET /heard/NAME` lists what
was sent there, in order.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

HEARD: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
ANSWERS: dict[str, dict[str, Any]] = {}
LOCK = Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        name, body = self._name(), self._body()
        with LOCK:
            HEARD[name].append({"headers": dict(self.headers.items()), "body": body.decode()})
            answer = ANSWERS.get(name, {})
        said = body if answer.get("echo") else answer.get("body", "").encode()
        self._say(answer.get("status", 204), said, answer.get("headers", {}))

    def do_PUT(self) -> None:
        with LOCK:
            ANSWERS[self._name()] = json.loads(self._body())
        self._say(204, b"", {})

    def do_GET(self) -> None:
        with LOCK:
            heard = json.dumps(HEARD[self._name()])
        self._say(200, heard.encode(), {"Content-Type": "application/json"})

    def _name(self) -> str:
        return self.path.partition("?")[0].rpartition("/")[2]

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
