"""Clients that book one after another without a pause to think, and keep how each booking went and how long it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from itertools import count
from typing import Any, Self

import httpx
from msgspec import Struct

from tests.support.clients.http_client import agent_booking

PACE_S = 0.02
"""Between two bookings of one client: a busy day, not a benchmark."""
DECIDED_WITHIN_S = 60.0
POLL_S = 0.02


class Booked(Struct, frozen=True):
    """One booking, from its request to its outcome."""

    sent_at: float
    """On the monotonic clock."""
    took_s: float
    command: str | None
    is_refused: bool
    """Answered 503, and not accepted."""
    is_lost: bool
    """The connection broke, and nobody told the client whether the booking was accepted."""


class Figures(Struct, frozen=True):
    """Of the bookings that were sent within a span."""

    bookings: int
    refused: int
    lost: int
    p50_ms: float
    p99_ms: float
    longest_ms: float

    def __str__(self) -> str:
        times = f"p50 {self.p50_ms:4.0f} ms, p99 {self.p99_ms:5.0f} ms, longest {self.longest_ms:5.0f} ms"
        return f"{self.bookings:>5} bookings, {self.refused} refused, {self.lost} lost, {times}"


class SteadyBookings:
    """Books until the block ends, at whichever of `urls()` takes the connection, as behind a load balancer."""

    def __init__(self, urls: Callable[[], Sequence[str]], clients: int, note: Callable[[str], object]) -> None:
        """`note` is told the id of each command that a client knows to be accepted."""
        self.booked: list[Booked] = []
        self._urls, self._clients, self._note = urls, clients, note
        self._turns = count()
        self._over = threading.Event()
        self._running: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(self._clients)
        self._running = [self._pool.submit(self._book_on) for _ in range(self._clients)]
        return self

    def __exit__(self, *_: object) -> None:
        """Finishes what was begun. Raises what a client did not expect."""
        self._over.set()
        self._pool.shutdown()
        for client in self._running:
            client.result()

    def figures(self, began: float, ended: float) -> Figures:
        """Of what was sent between two moments of the monotonic clock, and has an end by now."""
        chosen = [one for one in self.booked.copy() if began <= one.sent_at < ended]
        times = sorted(1000 * one.took_s for one in chosen if one.command is not None)
        return Figures(
            len(chosen),
            sum(one.is_refused for one in chosen),
            sum(one.is_lost for one in chosen),
            _quantile(times, 0.5),
            _quantile(times, 0.99),
            max(times, default=0.0),
        )

    def _book_on(self) -> None:
        with httpx.Client(timeout=35.0) as client:
            while not self._over.is_set():
                self.booked.append(self._book(client))
                self._over.wait(PACE_S)

    def _book(self, client: httpx.Client) -> Booked:
        sent_at = time.monotonic()
        command, is_refused, is_lost = None, False, False
        try:
            answer = self._post(client, agent_booking())
        except httpx.TransportError:
            is_lost = True
        else:
            command = answer.headers.get("Holdfast-Command")
            is_refused = answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and not self._is_known(client, answer)
            assert is_refused or answer.status_code in {201, 202, 503}, f"{answer.status_code}: {answer.text[:300]}"
            if command is not None and not is_refused:
                self._note(command)
                if answer.status_code != HTTPStatus.CREATED:
                    self._follow(client, command)
        known = None if is_refused else command
        return Booked(sent_at, time.monotonic() - sent_at, known, is_refused, is_lost)

    def _post(self, client: httpx.Client, body: dict[str, Any]) -> httpx.Response:
        deadline = time.monotonic() + DECIDED_WITHIN_S
        while True:
            try:
                return client.post(f"{self._url()}/api/agent/booking/create/", json=body, headers={"Prefer": "wait=10"})
            except (httpx.ConnectError, httpx.ConnectTimeout):  # nothing was sent: a balancer asks the next
                assert time.monotonic() < deadline, "nobody takes connections"

    def _is_known(self, client: httpx.Client, answer: httpx.Response) -> bool:
        """Whether a write with an unknown outcome was accepted after all."""
        where = answer.headers.get("Location")
        return where is not None and self._get(client, where).status_code == HTTPStatus.OK

    def _follow(self, client: httpx.Client, command: str) -> None:
        deadline = time.monotonic() + DECIDED_WITHIN_S
        while self._get(client, f"/api/commands/{command}/").json().get("response") is None:
            assert time.monotonic() < deadline, f"{command} is not decided after {DECIDED_WITHIN_S:g} s"
            time.sleep(POLL_S)

    def _get(self, client: httpx.Client, path: str) -> httpx.Response:
        deadline = time.monotonic() + DECIDED_WITHIN_S
        while True:
            try:
                return client.get(self._url() + path)
            except httpx.TransportError:  # it may be asked again
                assert time.monotonic() < deadline, f"nobody answers {path}"

    def _url(self) -> str:
        urls = self._urls()
        return urls[next(self._turns) % len(urls)]


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
