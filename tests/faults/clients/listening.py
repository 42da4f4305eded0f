"""Listeners of the live feeds: cut off, they come back with their last position, and note every message that they hear."""

from __future__ import annotations

import json
import threading
import time
from typing import Any
from urllib.parse import quote

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.faults.clients.orders import Orders

PAUSE_S = 0.1
LISTEN_S = 0.5
SILENT = frozenset({"heartbeat", "subscribed", "batch_progress"})
"""Of a bulk's progress only the last message counts."""


class Listener:
    """One client of one feed; `note` is given each message as a line."""

    def __init__(self, orders: Orders, number: int, note: threading.Lock) -> None:
        self.name = f"{orders.name}.{number}"
        self.feed = "admin" if number % 2 == 0 else f"commands:{orders.owners[0]}"
        self._path = "/ws/admin/bookings/" if number % 2 == 0 else "/ws/commands/"
        self._urls, self._by = orders.ws_urls, orders.desk[0]
        self._turn = number // 2
        self._position = ""
        self._lock = note
        self._file = open(orders.history, "ab", buffering=0)  # noqa: SIM115, PTH123 - closed with the process

    def listen(self, over: threading.Event) -> None:
        while not over.is_set():
            try:
                self._hear(over)
            except (OSError, WebSocketException):
                self._turn += 1
                time.sleep(PAUSE_S)

    def _hear(self, over: threading.Event) -> None:
        query = f"?last_position={quote(self._position)}" if self._position else ""
        url = self._urls[self._turn % len(self._urls)] + self._path + query
        by = {"Authorization": self._by}
        with connect(url, additional_headers=by, compression=None, open_timeout=10, close_timeout=1) as socket:
            while not over.is_set():
                try:
                    self._take(json.loads(socket.recv(timeout=LISTEN_S)))
                except TimeoutError:
                    continue

    def _take(self, message: dict[str, Any]) -> None:
        position = message.get("position")
        if position:
            self._position = position
        if message["type"] in SILENT or not position:
            return
        epoch, _, number = position.rpartition("-")
        data = message.get("data")
        line = {
            "listener": self.name,
            "feed": self.feed,
            "type": message["type"],
            "epoch": epoch,
            "number": int(number),
            "booking_id": data.get("id") if isinstance(data, dict) and isinstance(data.get("id"), int) else None,
            "at": time.monotonic(),
        }
        with self._lock:
            self._file.write(json.dumps(line).encode() + b"\n")
