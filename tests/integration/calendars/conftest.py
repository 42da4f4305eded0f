"""People, and a room that costs nothing, whose bookings stand at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from icalendar import Calendar, Event

from tests.support.clients.marketplace import Market
from tests.support.clients.rooms import book, new_room
from tests.support.processes.stack import Stack

AHEAD = datetime.now(UTC).date() + timedelta(days=3)
"""Each test has people, practitioners and rooms of its own, so they may all meet on one day."""
HOUR = {"start_time": f"{AHEAD}T10:00:00Z", "end_time": f"{AHEAD}T11:00:00Z"}
LATER = {"start_time": f"{AHEAD}T14:00:00Z", "end_time": f"{AHEAD}T15:00:00Z"}


@pytest.fixture
def market(stack: Stack) -> Iterator[Market]:
    made = Market(stack)
    yield made
    made.close()


@pytest.fixture
def staff(market: Market) -> httpx.Client:
    return market.desk


@pytest.fixture
def guest(market: Market) -> httpx.Client:
    return market.person().client


@pytest.fixture
def room(staff: httpx.Client) -> int:
    return new_room(staff, price_per_slot=0, name="The Blue, Room; 1")


def booked(client: httpx.Client, room_id: int, **changes: Any) -> dict[str, Any]:
    answer = book(client, room_id, booking_date=AHEAD.isoformat(), **changes)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def events(answer: httpx.Response) -> list[Event]:
    assert answer.status_code == 200, answer.text
    return Calendar.from_ical(answer.content).events
