"""Rooms for tests: one of a test's own, so that no two tests meet in it, and the requests about it."""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx

from tests.accounts import STAFF, USER, access_for, bearer
from tests.stack import Stack

_numbers = count(1)

FREE_DAY = "2100-01-04"
"""A Monday far ahead."""


def people(stack: Stack, user_id: int = USER) -> httpx.Client:
    """Signed in by access token."""
    return httpx.Client(base_url=stack.api_url, timeout=35.0, headers=bearer(access_for(stack, user_id)))


def new_room(staff: httpx.Client, **changes: Any) -> int:
    """A room of 09:00 to 18:00 in slots of 30 minutes at 50.00; its id."""
    body = {"name": f"Room {next(_numbers)}", "price_per_slot": 50.00, "capacity": 10, **changes}
    answer = staff.post("/api/admin/rooms/", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def wish(room_id: int, **changes: Any) -> dict[str, Any]:
    """The body that books a room's first hour."""
    given = {"room_id": room_id, "booking_date": FREE_DAY, "start_time": "09:00:00", "end_time": "10:00:00"}
    return {**given, "guest_count": 5, **changes}


def book(client: httpx.Client, room_id: int, **changes: Any) -> httpx.Response:
    return client.post("/api/bookings/", json=wish(room_id, **changes))


def staff(stack: Stack) -> httpx.Client:
    return people(stack, STAFF)
