"""The list of time slots that everybody reads says the same as staff's, which is read in another way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Any

import pytest

from tests.conftest import FIGURE
from tests.support.clients.callers import USER, signed_in
from tests.support.clients.http_client import Client
from tests.support.clients.time_slots import DAYS, book, new_category, new_slot
from tests.support.processes.stack import Stack

ZONES = ("Pacific/Auckland", "America/Los_Angeles", "UTC")
HOURS = (0, 7, 11, 12, 20, 22)
QUESTIONS = 80


@pytest.fixture
def reader(stack: Stack) -> Iterator[Client]:
    with signed_in(stack, USER) as one:
        yield one


@pytest.fixture
def days(reader: Client, desk: Client) -> tuple[list[date], list[str]]:
    """Some days with slots of three zones, some of them booked; and the names of their categories."""
    found, names = list(islice(DAYS, 2)), []
    for number, zone in enumerate(ZONES):
        category = new_category(desk, time_zone=zone)
        names.append(next(one["name"] for one in desk.get("/api/admin/categories/").json() if one["id"] == category))
        slots = [new_slot(desk, category, day, hour) for day in found for hour in HOURS]
        for slot in slots[number :: len(ZONES) + 1]:
            assert book(reader, slot["id"]).status_code == 201
    return found, names


def questions(days: list[date], names: list[str]) -> Iterator[dict[str, Any]]:
    drawn = random.Random(1)  # noqa: S311 - the same questions each time
    around = [days[0] + timedelta(days=n) for n in range(-2, 4)]
    for _ in range(QUESTIONS):
        asked: dict[str, Any] = {
            "date": drawn.choice([None, None, *around]),
            "start_date": drawn.choice([days[0], *around]),
            "end_date": drawn.choice([days[-1], days[-1] + timedelta(days=3)]),
            "categories": drawn.choice([None, *names, ",".join(names), names[0].upper(), "nobody's"]),
            "available_only": drawn.choice([None, "true"]),
            "limit": drawn.choice([None, 1, 5, 30]),
            "offset": drawn.choice([None, 1, 10]),
        }
        if asked["start_date"] <= asked["end_date"]:
            yield {name: str(value) for name, value in asked.items() if value is not None}


def test_whoever_asks_sees_the_same_slots(
    reader: Client, desk: Client, days: tuple[list[date], list[str]], record_property: Any
) -> None:
    compared = 0
    for asked in questions(*days):
        answer = reader.get("/api/timeslots/", params=asked)
        staffs = desk.get("/api/timeslots/", params=asked)
        assert answer.status_code == staffs.status_code == 200, answer.text
        seen = [{**slot, "booked_by_me": False} for slot in answer.json()]
        assert seen == [{name: value for name, value in slot.items() if name != "booking"} for slot in staffs.json()]
        held = [slot["booking"] is not None for slot in staffs.json()]
        assert [slot["booked_by_me"] for slot in answer.json()] == held, "all bookings of these days are the reader's"
        assert answer.headers.get("Link") == staffs.headers.get("Link")
        compared += len(seen)
    assert compared
    record_property(FIGURE, f"time slots compared with staff's: {compared:,}")
