"""Two readers of the admin feed, by HTTP and by socket, that are cut off at random and go on from where they were."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any, Protocol

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.clients.callers import HasDatabase, execute
from tests.support.wait import wait_until

Message = dict[str, Any]

CUT_WITHIN_S = 0.03
"""A request that is cut off is given no longer; one that is answered sooner counts as answered."""
WAIT_S = 1
WITHIN_S = 240.0
LIMIT_MAX = 200
NEWS = ("booking_created", "booking_updated", "booking_deleted")


class Reader(Protocol):
    messages: list[Message]
    position: str
    cuts: int


def number(position: str) -> int:
    return int(position.rpartition("-")[2])


def wait_until_numbered(stack: HasDatabase) -> None:
    """Until what was decided has its positions: the relay gives them after the answer."""
    unnumbered = "SELECT EXISTS (SELECT FROM event_batch WHERE first_position IS NULL)"
    wait_until(lambda: execute(stack, unnumbered) == [(False,)], "all events have positions")


class HttpReader:
    """Long polls of `GET /api/events/`. A cut closes the connection before the answer, or in the midst of it."""

    def __init__(self, api_url: str, headers: Mapping[str, str], position: str, seed: int, **filters: Any) -> None:
        self.messages: list[Message] = []
        self.position = position
        self.cuts = 0
        self.answers = 0
        self._client = httpx.Client(base_url=api_url, headers=headers, timeout=60)
        self._random = random.Random(seed)  # noqa: S311 - the same each time
        self._filters = filters

    def read(self, is_done: Callable[[Reader], bool], cuts: int) -> None:
        """Until `is_done`, and as often cut off."""
        deadline = time.monotonic() + WITHIN_S
        with self._client:
            while self.cuts < cuts or not is_done(self):
                _check_in_time(self, deadline)
                if self.cuts < cuts and (is_done(self) or self._random.random() < 0.5):
                    self._be_cut_off()
                else:
                    self._take(self._client.get("/api/events/", **self._asking(WAIT_S)))

    def _be_cut_off(self) -> None:
        after = self._random.uniform(0.001, CUT_WITHIN_S)
        try:
            if self._random.random() < 0.5:
                with self._client.stream("GET", "/api/events/", **self._asking(0), timeout=10):
                    self.cuts += 1  # the head has come, the body is lost
            else:
                self._take(self._client.get("/api/events/", **self._asking(WAIT_S), timeout=after))
        except httpx.TimeoutException:
            self.cuts += 1

    def _asking(self, wait_s: int) -> dict[str, Any]:
        limit = self._random.randint(1, LIMIT_MAX)
        params = {"after": self.position, "limit": limit, **self._filters}
        return {"params": params, "headers": {"Prefer": f"wait={wait_s}"}}

    def _take(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        self.messages += body["events"]
        self.position = body["next"]
        self.answers += 1


class SocketReader:
    """`/ws/admin/bookings/`, resumed from the last position. A cut closes the connection without a word."""

    def __init__(self, ws_url: str, headers: Mapping[str, str], position: str, seed: int, **filters: Any) -> None:
        self.messages: list[Message] = []
        self.position = position
        self.cuts = 0
        self._url = ws_url + "/ws/admin/bookings/"
        self._headers = headers
        self._random = random.Random(seed)  # noqa: S311 - the same each time
        self._filters = filters

    def read(self, is_done: Callable[[Reader], bool], cuts: int) -> None:
        deadline = time.monotonic() + WITHIN_S
        while self.cuts < cuts or not is_done(self):
            _check_in_time(self, deadline)
            most = self._random.randint(1, LIMIT_MAX) if self.cuts < cuts else None
            with connect(
                self._url, additional_headers=self._headers, compression=None, open_timeout=60, close_timeout=1
            ) as client:
                client.send(json.dumps({"type": "subscribe", "last_position": self.position, **self._filters}))
                self._listen(client, is_done, most, deadline)
                if most is not None:
                    self._cut(client)

    def _cut(self, client: Any) -> None:
        """What has come meanwhile is lost; the library does not close while its buffer is full."""
        client.socket.shutdown(socket.SHUT_RDWR)
        with suppress(ConnectionClosed):
            while True:
                client.recv(timeout=WITHIN_S)
        self.cuts += 1

    def _listen(self, client: Any, is_done: Callable[[Reader], bool], most: int | None, deadline: float) -> None:
        """Up to `most` messages, or to a moment of silence in which all may have come."""
        while most is None or most > 0:
            try:
                message = json.loads(client.recv(timeout=0.5 if most is None else 0.05))
            except TimeoutError:
                if most is not None or is_done(self):
                    return
                _check_in_time(self, deadline)
                continue
            except ConnectionClosed:
                return
            assert message["type"] in {*NEWS, "heartbeat", "subscribed"}, message
            if "position" in message:
                self.position = message["position"]
            if message["type"] in NEWS:
                self.messages.append(message)
                most = None if most is None else most - 1
            if most is None and is_done(self):
                return


def _check_in_time(reader: Reader, deadline: float) -> None:
    told_, at, cuts = len(reader.messages), reader.position, reader.cuts
    assert time.monotonic() < deadline, f"{type(reader).__name__}: {told_} messages, at {at}, {cuts} cuts"


def told(messages: list[Message]) -> list[tuple[str, int, int]]:
    """What stays of a message however late it is read: its position, its type, its booking."""
    return [(one["type"], number(one["position"]), one["data"]["id"]) for one in messages]


def in_order(messages: list[Message]) -> bool:
    """Whether no event comes twice or before an earlier one."""
    positions = [number(one["position"]) for one in messages]
    return all(one < other for one, other in pairwise(positions))
