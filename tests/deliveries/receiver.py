"""`python -m tests.deliveries.receiver PORT SLOW_S`: somebody's server that takes webhooks under many names.

`slow` answers after SLOW_S, `turns` with 500 every other time, all others with 204. `GET /heard/NAME` lists what came, in
order: `[id, status]`. It keeps no bodies, as there are many.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

HEARD: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
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
            heard = HEARD[name]
            status = 500 if name == "turns" and len(heard) % 2 else 204
            heard.append((self.headers["webhook-id"], status))
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


class Receiver(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A sender that was killed, or does not wait any longer."""


if __name__ == "__main__":
    Receiver(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
