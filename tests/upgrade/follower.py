"""Clients of the live feeds: disconnected, they reconnect and resume, and finally have heard everything once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from msgspec import Struct
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.upgrade.caller import Journal
from tests.upgrade.fleet import Fleet

SQL_POSITIONS = "SELECT b.first_position + e.n FROM event e JOIN event_batch b ON b.id = e.batch_id WHERE "
SQL_LAST = "SELECT coalesce(max(position), 0) FROM ({positions}) AS told (position)"


class Words(Struct, frozen=True):
    """A feed, and which events it tells the desk: what a follower must have heard in the end."""

    path: str
    events: str
    """As SQL of `event e`."""

    @property
    def positions(self) -> str:
        return SQL_POSITIONS + self.events

    @property
    def last(self) -> str:
        return SQL_LAST.format(positions=self.positions)


FEEDS = (
    Words("/ws/commands/", "e.is_final AND e.owner = 'user:4'"),
    Words("/ws/admin/bookings/", "e.type IN ('booking_created', 'booking_updated', 'booking_deleted')"),
)
NOT_KEPT = ("heartbeat", "batch_progress")
"""Of a bulk's progress only the last message counts; missing others is no gap."""
RECONNECT_PAUSE_S = 0.05
LISTEN_S = 0.2

_recv = ClientConnection.recv
"""The library's own: what the previous release says is not held to this one's description (tests/conftest.py)."""


class Follower:
    """Listens to one feed and keeps what it hears. From the moment it is ready it misses nothing."""

    def __init__(self, fleet: Fleet, words: Words, headers: Mapping[str, str], journal: Journal) -> None:
        self.words = words
        self.heard: list[dict[str, Any]] = []
        self.ready = threading.Event()
        self._fleet, self._headers, self._journal = fleet, headers, journal
        self._position: str | None = None

    @property
    def position(self) -> int:
        """How far it is in the feed."""
        return int(self._position.split("-")[1]) if self._position else -1

    def follow(self, over: threading.Event) -> None:
        while not over.is_set():
            try:
                self._listen(over)
            except (OSError, WebSocketException):
                time.sleep(RECONNECT_PAUSE_S)

    def _listen(self, over: threading.Event) -> None:
        query = f"?last_position={quote(self._position)}" if self._position else ""
        address = self._fleet.ws_url + self.words.path + query
        with connect(address, additional_headers=self._headers, compression=None, close_timeout=1) as socket:
            while not over.is_set():
                try:
                    self._hear(json.loads(_recv(socket, timeout=LISTEN_S)))
                except TimeoutError:
                    self.ready.set()  # what is decided from now on it hears

    def _hear(self, message: dict[str, Any]) -> None:
        self._position = message["position"]
        if message["type"] not in NOT_KEPT:
            self.heard.append(message)
            self._journal.mark("told")

    def positions(self) -> list[int]:
        """Of what it was told of."""
        return [number_of(one) for one in self.heard if one["type"] != "reload"]

    def reloads(self) -> list[tuple[int, int]]:
        """(the last position before, the one from which it went on) of each reload."""
        found, last = [], -1
        for one in self.heard:
            if one["type"] == "reload":
                found.append((last, number_of(one)))
            last = number_of(one)
        return found


def number_of(message: dict[str, Any]) -> int:
    """Of its position: the epoch may change."""
    return int(message["position"].split("-")[1])
