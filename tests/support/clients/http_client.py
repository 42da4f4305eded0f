"""An HTTP client of a running stack, with the few requests that many tests make."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from typing import Any

import httpx

from tests.support.wait import READY_WITHIN_S, wait_until

ADMIN = {"username": "9876543210", "password": "admin"}
AGENT_EXAMPLE: dict[str, Any] = {
    "phone": "1234567890",
    "first_name": "John",
    "last_name": "Doe",
    "email": "john.doe@example.com",
    "service_name": "Legal Consultation",
    "booking_date": "2025-10-20",
    "booking_time": "14:00",
    "notes": "Agent created booking",
}
"""The curl of the agent document, word for word."""

_numbers, _days = count(), count()


def free_slot() -> dict[str, str]:
    """A slot of the desk that no other test asks for: a weekday hour far in the future."""
    number = next(_numbers)
    day, hour = date(2100, 1, 4) + timedelta(days=number // 8 + number // 48), 9 + number % 8
    return {"booking_date": day.isoformat(), "booking_time": f"{hour:02}:00"}


def free_day() -> str:
    """A day of the desk that no other test asks for: a Monday before all that `free_slot` gives."""
    return (date(2090, 1, 2) + timedelta(weeks=next(_days))).isoformat()


def agent_booking(**changes: Any) -> dict[str, Any]:
    return {**AGENT_EXAMPLE, **free_slot(), **changes}


def raw_answer(address: str, line: str, headers: Mapping[str, str], body: bytes = b"") -> httpx.Response:
    """What a server at `host:port` says to exactly this, be it HTTP or not. Nothing more is sent."""
    host, port = address.split(":")
    head = "\r\n".join([line, *(f"{name}: {value}" for name, value in headers.items()), "Connection: close", "", ""])
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        connection.sendall(head.encode("latin-1") + body)
        said = http.client.HTTPResponse(connection)
        said.begin()
        return httpx.Response(said.status, headers=said.getheaders(), content=said.read())


class Client(httpx.Client):
    """Knows where commands are followed."""

    def book(self, body: Mapping[str, Any] | None = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.post("/api/agent/booking/create/", json=body or agent_booking(), headers=named)

    def accept(self, body: Mapping[str, Any] | None = None) -> str:
        """Book without waiting; the command's id. Raises AssertionError unless it is a 202."""
        answer = self.book(body, Prefer="respond-async")
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def outcome(self, command_id: str, within_s: float = READY_WITHIN_S) -> dict[str, Any]:
        """Poll until the command is finished; what the poll then answers."""
        found: dict[str, Any] = {}

        def finished() -> bool:
            try:
                answer = self.get(f"/api/commands/{command_id}/")
            except httpx.HTTPError:
                return False
            if answer.status_code == 200:
                found.update(answer.json())
            return bool(found.get("status", "accepted") != "accepted")

        wait_until(finished, f"command {command_id} is finished", within_s)
        return found


@contextmanager
def anonymous(api_url: str) -> Iterator[Client]:
    with Client(base_url=api_url, timeout=35.0) as client:
        yield client


@contextmanager
def admin(api_url: str) -> Iterator[Client]:
    """Signed in as the demo's superuser, by access token alone."""
    access = httpx.post(f"{api_url}/api/login/", json=ADMIN).raise_for_status().json()["access"]
    with Client(base_url=api_url, timeout=35.0, headers={"Authorization": f"Bearer {access}"}) as client:
        yield client
