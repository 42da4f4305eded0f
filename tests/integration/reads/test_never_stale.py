"""A read that begins after a booking was acknowledged shows it, whichever of several API processes is asked."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from ops.processes import API
from tests.support.clients.callers import answers
from tests.support.clients.http_client import ADMIN, agent_booking, free_day
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

SECONDS = 3.0
TIMES = [f"{hour:02}:00" for hour in range(9, 17)]


@pytest.fixture(scope="module")
def apis(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Two API processes on one database."""
    folder = tmp_path_factory.mktemp("second-api")
    second = Stack(folder, stack.database_url, stack.valkey, processes=(API,), environment=stack.environment)
    second.start(wait=False)
    try:
        wait_until(lambda: answers(second), "the second API answers")
        yield [stack.api_url, second.api_url]
    finally:
        second.end_processes()


class Shop:
    """One day that several people book and free again, each seeing what the others did."""

    def __init__(self, apis: list[str], token: str) -> None:
        self._apis = itertools.cycle(apis)
        self._staff = {"Authorization": f"Bearer {token}"}
        self._until = time.monotonic() + SECONDS
        self.reads = 0

    def visit(self, day: str, at: str) -> None:
        """Book, look, cancel, look, and again, of one time that is nobody else's."""
        with httpx.Client(timeout=35.0) as client:
            while time.monotonic() < self._until:
                body = agent_booking(booking_date=day, booking_time=at)
                booked = client.post(f"{next(self._apis)}/api/agent/booking/create/", json=body, headers=self._staff)
                assert booked.status_code == 201, booked.text
                self._look(client, day, at, is_free=False)
                one = f"/api/admin/bookings/{booked.json()['booking_id']}/delete/"
                assert client.delete(next(self._apis) + one, headers=self._staff).status_code == 200
                self._look(client, day, at, is_free=True)

    def _look(self, client: httpx.Client, day: str, at: str, *, is_free: bool) -> None:
        for api in (next(self._apis), next(self._apis)):
            slots = client.get(f"{api}/api/booking/smart-available-slots/", params={"date": day}).json()
            offered = {slot["time"] for slot in slots["available_slots"]}
            assert (at in offered) == is_free, (api, at, offered)
            year, month, number = map(int, day.split("-"))
            shown = client.get(f"{api}/api/booking/calendar/", params={"year": year, "month": month}).json()
            of_day = shown["calendar"][number - 1]
            assert of_day["available_count"] + of_day["reserved_count"] == len(TIMES), "one moment, not two"
            assert of_day["reserved_count"] >= (not is_free)
            reserved = client.get(f"{api}/api/reservations/reserved_slots/", params={"date": day}).json()
            assert (at in {one["booking_time"] for one in reserved["data"]}) == (not is_free)
            assert reserved["total_count"] == reserved["count"], "the total is of the same moment as the list"
            self.reads += 3


def test_what_was_acknowledged_is_seen_at_once_by_every_process(apis: list[str]) -> None:
    token = httpx.post(f"{apis[0]}/api/login/", json=ADMIN).json()["access"]
    shop, day = Shop(apis, token), free_day()
    with ThreadPoolExecutor(len(TIMES)) as people:
        for done in [people.submit(shop.visit, day, at) for at in TIMES]:
            done.result()
    assert shop.reads >= 6 * len(TIMES)
