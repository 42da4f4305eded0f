"""Readers at once, while resources come in zones that none was in before: each sees its own days in all zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.clients.callers import USER, signed_in
from tests.support.clients.http_client import Client
from tests.support.clients.time_slots import DAYS, new_category, new_slot
from tests.support.processes.stack import Stack

NEW_ZONES = ("Pacific/Chatham", "America/St_Johns", "Asia/Kathmandu", "Pacific/Marquesas")
READERS = 12


@pytest.fixture
def reader(stack: Stack) -> Iterator[Client]:
    with signed_in(stack, USER) as one:
        yield one


@pytest.mark.parametrize("zone", NEW_ZONES)
def test_slots_of_a_zone_that_is_new_are_in_every_answer(reader: Client, desk: Client, zone: str) -> None:
    day = next(DAYS)
    slot = new_slot(desk, new_category(desk, time_zone=zone), day, hour=12)

    def listed(number: int) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = reader.get(
            "/api/timeslots/", params={"start_date": day.isoformat(), "end_date": f"{day.year + number}-12-31"}
        ).json()
        return found

    with ThreadPoolExecutor(READERS) as readers:
        answers = list(readers.map(listed, range(READERS)))
    for number, found in enumerate(answers):
        assert slot["id"] in {one["id"] for one in found}, number
    again = [listed(number) for number in range(READERS)]
    assert again == answers
