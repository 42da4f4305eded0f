"""Thousands of participants are cancelled on the real stack while sixteen people book and a worker is killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import httpx

from tests.conftest import FIGURE
from tests.support.clients.callers import STAFF, signed_in
from tests.support.clients.http_client import free_slot
from tests.support.clients.marketplace import BASE
from tests.support.engine.large_session import SessionCounts, large_session, session_counts
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

PARTICIPANTS, CLIENTS = 3_000, 16
DECIDED_WITHIN_S = 90.0


def test_a_large_session_is_cancelled_beside_others_though_its_worker_is_killed(
    breakable_stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    stack = breakable_stack
    session = large_session(stack.database_url, PARTICIPANTS)
    over, took = Event(), list[tuple[float, float]]()
    with signed_in(stack, STAFF) as desk, ThreadPoolExecutor(CLIENTS) as pool:
        bookers = [pool.submit(book_until, stack, over, took) for _ in range(CLIENTS)]
        try:
            sent = desk.delete(f"{BASE}/sessions/{session.id}/", headers={"Prefer": "respond-async"})
            assert sent.status_code == 202, sent.text
            wait_until(lambda: is_begun(progress(desk, sent.json()["status_url"])), "a step is done")
            killed_at = time.monotonic()
            for name in ("lanes-1", "lanes-2"):
                stack.process(name).kill()
            late = desk.post(f"{BASE}/sessions/{session.id}/waiting-list/", headers={"Prefer": "respond-async"})
            assert late.status_code == 202, "nobody decides, everything is accepted"
            for name in ("lanes-1", "lanes-2"):
                stack.process(name).mend()
            wait_until(lambda: decided_since(took, time.monotonic() - 0.5), "people are served again", DECIDED_WITHIN_S)
            served_at = time.monotonic()
            wait_until(lambda: is_over(desk, sent.json()["status_url"]), "it is decided", DECIDED_WITHIN_S)
        finally:
            over.set()
        for booker in bookers:
            booker.result()
        told = desk.get(sent.json()["status_url"]).json()
        refused = desk.get(late.json()["status_url"]).json()
    assert (told["status"], told["response"]["body"]["is_canceled"], "progress" in told) == ("succeeded", True, False)
    assert refused["response"]["body"]["code"] == "session_cancelled"
    assert session_counts(stack.database_url, session) == SessionCounts(PARTICIPANTS, 0, PARTICIPANTS, 0, 0)
    served = sorted(ended - began for began, ended in took if ended < killed_at or began > served_at)
    p50, p99 = (served[int(len(served) * part)] * 1e3 for part in (0.5, 0.99))
    figure = f"{len(served)} bookings, p50 {p50:.0f} ms, p99 {p99:.0f} ms"
    record_property(
        FIGURE, f"{CLIENTS} clients beside {PARTICIPANTS:,} cancellations, apart from a dead worker's: {figure}"
    )


def progress(desk: httpx.Client, url: str) -> dict[str, Any]:
    body: dict[str, Any] = desk.get(url).json()
    return body


def is_begun(status: dict[str, Any]) -> bool:
    return bool(0 < status.get("progress", {}).get("done", 0) < PARTICIPANTS)


def is_over(desk: httpx.Client, url: str) -> bool:
    return bool(progress(desk, url)["status"] != "accepted")


def decided_since(took: list[tuple[float, float]], moment: float) -> bool:
    return any(began > moment for began, _ in took[-CLIENTS:])


def book_until(stack: Stack, over: Event, took: list[tuple[float, float]]) -> None:
    with signed_in(stack, STAFF) as client:
        while not over.is_set():
            began = time.monotonic()
            answer = client.post(
                "/api/booking/create/", json={"service_name": "Any", **free_slot()}, headers={"Prefer": "wait=30"}
            )
            took.append((began, time.monotonic()))
            assert answer.status_code == 201, answer.text
