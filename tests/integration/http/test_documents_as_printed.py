"""Every request that the documents print, sent as printed against fresh demo data, answers as printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.documents import Printed, differences, printed, reset_demo_database, send
from tests.support.processes.stack import Stack
from tests.support.wait import READY_WITHIN_S

ENTRIES = [*printed("appointments"), *printed("agent")]
MESSAGES_MOST = 20
"""News of entries before, and heartbeats, may come first."""
ADMIN = {"username": "9876543210", "password": "admin"}


class Afresh:
    """A stack that has nothing but the demo data whenever an entry is to be sent."""

    def __init__(self, stack: Stack, client: httpx.Client) -> None:
        self._settings = stack.settings
        self._ws_url = stack.ws_url
        self._client = client
        self._access = ""
        self._untouched = False

    def send(self, entry: Printed) -> tuple[httpx.Response, Any]:
        """(answer, what staff were told of it if anything is printed)."""
        if not self._untouched:
            reset_demo_database(self._settings)
            self._access = ""
        self._access = self._access or self._log_in()
        self._untouched = entry.changes_nothing
        for first in entry.before:
            assert send(self._client, first, self._access).status_code == first.status
        return self._send_listening(entry) if entry.pushed else (send(self._client, entry, self._access), None)

    def _send_listening(self, entry: Printed) -> tuple[httpx.Response, Any]:
        who = {"Authorization": f"Bearer {self._access}"}
        with connect(self._ws_url + "/ws/admin/bookings/", additional_headers=who, close_timeout=1) as socket:
            answer = send(self._client, entry, self._access)
            told = (json.loads(socket.recv(timeout=READY_WITHIN_S)) for _ in range(MESSAGES_MOST))
            return answer, next(message for message in told if message["type"] == entry.pushed["type"])

    def _log_in(self) -> str:
        return str(self._client.post("/api/login/", json=ADMIN).raise_for_status().json()["access"])


@pytest.fixture(scope="module")
def afresh(spare_stack: Stack) -> Iterator[Afresh]:
    spare_stack.mend()
    with httpx.Client(base_url=spare_stack.api_url, timeout=15.0) as client:
        yield Afresh(spare_stack, client)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.method} {entry.section}")
def test_a_printed_request_answers_as_printed(afresh: Afresh, entry: Printed) -> None:
    answer, pushed = afresh.send(entry)
    assert (answer.status_code, differences(entry, answer.json(), pushed)) == (entry.status, []), answer.text


@pytest.mark.parametrize(
    ("wanted", "found", "problem"),
    [
        ({"id": 1}, {"id": 2, "more": 3}, None),
        ({"id": 1}, {"id": "2"}, ".id is '2', not like 1"),
        ({"created_at": "2025-10-14T12:00:00Z"}, {"created_at": "2030-01-01T00:00:00Z"}, None),
        ({"created_at": "2025-10-14T12:00:00Z"}, {"created_at": "2030-01-01T00:00:00+00:00"}, ".created_at is"),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, ".a.b is 'y' instead of 'x'"),
        ({"a": True}, {"a": 1}, ".a is 1 instead of True"),
        ({"a": []}, {"a": [1]}, ".a has 1 items instead of 0"),
        ({"part": [1]}, {"part": [1, 2]}, None),
        ({"figures": {"n": 5}}, {"figures": {"n": 7}}, None),
        ({"figures": {"n": 5}}, {"figures": {}}, ".figures.n is missing"),
    ],
)
def test_the_comparison_finds_what_differs(wanted: object, found: object, problem: str | None) -> None:
    entry = Printed("", "GET", "/", {}, None, 200, wanted, begins=frozenset({"part"}), varies=frozenset({"figures"}))
    said = differences(entry, found)
    assert (said == []) if problem is None else said[0].startswith(problem)
