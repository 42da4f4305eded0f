"""Clients that book beside whatever a test does, and how long they waited."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any

from tests.support.clients.http_client import admin, agent_booking
from tests.support.processes.stack import Stack


class ConcurrentBookings:
    """What the others got."""

    def __init__(self) -> None:
        self.booked: list[dict[str, Any]] = []
        """The bodies of what succeeded, in order."""
        self.took_s: list[float] = []
        self.problems: list[str] = []

    @property
    def p99_ms(self) -> float:
        return 1000 * sorted(self.took_s)[ceil(0.99 * len(self.took_s)) - 1]

    def figure(self, what: str) -> str:
        return f"{what}: {len(self.took_s)} other bookings beside it, p99 {self.p99_ms:.0f} ms"


@contextmanager
def concurrent_bookings(
    stack: Stack, clients: int = 4, *, body: Callable[[], dict[str, Any]] = agent_booking
) -> Iterator[ConcurrentBookings]:
    """So many clients book one free time after another until the block ends."""
    found, over = ConcurrentBookings(), threading.Event()

    def book() -> None:
        with admin(stack.api_url) as client:
            while not over.is_set():
                began = time.monotonic()
                sent = body()
                answer = client.book(sent)
                found.took_s.append(time.monotonic() - began)
                if answer.status_code == 201:
                    found.booked.append(sent)
                else:
                    found.problems.append(f"{answer.status_code} {answer.text}")

    threads = [threading.Thread(target=book, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
