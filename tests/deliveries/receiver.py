"""`python -m tests.deliveries.receiver PORT SLOW_S`: somebody's server that takes webhooks under many names.

`slow` answers after SLOW_S, `turns` answers the tries of each delivery with 500 and 204 in turns, half of the deliveries
first with 500; all others answer with 204. `GET /heard/NAME` lists what came, in
order: `[id, status]`. It keeps no bodies, as there are many.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from uuid import UUID

HEARD: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
TURNS: Counter[str] = Counter()
"""Tries by delivery. By request a delivery would meet 500 each time now and then, and be given up on rightly."""
LOCK = Lock()
SLOW_S = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        name = self.path.rpartition("/")[2]
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if name == "slow":
            time.sleep(SLOW_S)
        with LOCK:
            id_ = self.headers["webhook-id"]
            status = _in_turn(id_) if name == "turns" else 204
            HEARD[name].append((id_, status))
        self._say(status, b"")

    def do_GET(self) -> None:
        with LOCK:
            body = json.dumps(HEARD[self.path.rpartition("/")[2]]).encode()
        self._say(200, body)

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _in_turn(id_: str) -> int:
    TURNS[id_] += 1
    return 500 if (UUID(id_).int + TURNS[id_]) % 2 else 204


class Receiver(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A sender that was killed, or does not wait any longer."""


if __name__ == "__main__":
    Receiver(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
