"""A delete whose answer was lost is sent again under its key, and hears what the first one did."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from tests.support.clients.http_client import Client, admin, free_day
from tests.support.clients.time_slots import DAYS, new_category, new_slot
from tests.support.processes.stack import Stack

BOOKINGS, CLOSURES = "/api/admin/bookings/", "/api/admin/closures/"


@pytest.fixture
def staff(stack: Stack) -> Iterator[Client]:
    with admin(stack.api_url) as client:
        yield client


def booking(staff: Client) -> str:
    return f"{BOOKINGS}{staff.book().json()['booking_id']}/delete/"


def closure(staff: Client) -> str:
    made = staff.post(CLOSURES, json={"start_date": free_day()})
    return f"{CLOSURES}{made.json()['data']['id']}/"


def time_slot(staff: Client) -> str:
    return f"/api/admin/timeslots/{new_slot(staff, new_category(staff), next(DAYS))['id']}/"


def delete(staff: Client, path: str, key: str) -> httpx.Response:
    return staff.delete(path, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("make", [booking, closure, time_slot])
def test_a_repeated_delete_is_answered_as_the_first(staff: Client, make: object) -> None:
    assert callable(make)
    path, key = make(staff), str(uuid4())
    first, again = delete(staff, path, key), delete(staff, path, key)
    assert first.status_code == 200
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Holdfast-Command"] == first.headers["Holdfast-Command"]


def test_another_delete_of_what_is_gone_finds_nothing(staff: Client) -> None:
    path = booking(staff)
    key = str(uuid4())
    assert delete(staff, path, key).status_code == 200
    assert delete(staff, path, str(uuid4())).status_code == 404
    assert staff.delete(path).status_code == 404
    assert delete(staff, path + "?x=1", key).status_code in {400, 404}


def test_a_key_is_of_its_caller(stack: Stack, staff: Client) -> None:
    path, key = booking(staff), str(uuid4())
    assert delete(staff, path, key).status_code == 200
    with Client(base_url=stack.api_url, timeout=35.0) as anonymous:
        assert anonymous.delete(path, headers={"Idempotency-Key": key}).status_code == 401
