"""What tests of the calendar over HTTP share: people, categories, slots, and days of their own."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count
from typing import Any

import httpx

from tests.support.clients.callers import PASSWORD, csrf, execute
from tests.support.processes.stack import Stack

DAYS = (date(2101, 1, 3) + timedelta(days=n) for n in count())
"""Each test has days of its own; the first is a Monday."""
_numbers = count()


def sign_in(client: httpx.Client, email: str) -> None:
    """As the document's client does: by form, then every write with the token."""
    answer = client.post("/api/auth/login/", json={"username": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    client.headers.update(csrf(client))


def new_user(stack: Stack) -> int:
    name = f"calendar-{next(_numbers)}"
    sql = "INSERT INTO user_account (username, username_key) VALUES (%s, %s) RETURNING id"
    return int(execute(stack, sql, name, name)[0][0])


def new_category(staff: httpx.Client, **fields: Any) -> int:
    numbered = f"Cat of test {next(_numbers)}"
    answer = staff.post("/api/admin/categories/", json={"name": numbered, **fields})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def new_slot(staff: httpx.Client, category: int, day: date, hour: int = 9) -> dict[str, Any]:
    body = {"start_time": f"{day}T{hour:02}:00:00Z", "end_time": f"{day}T{hour + 1:02}:00:00Z", "category": category}
    answer = staff.post("/api/admin/timeslots/", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def book(client: httpx.Client, slot: int) -> httpx.Response:
    return client.post("/api/bookings/", json={"time_slot": slot})


def slots(client: httpx.Client, **wanted: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/timeslots/", params=wanted)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found
