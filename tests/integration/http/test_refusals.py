"""Refusals that no flow runs into: every status that is described is served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from core.identity.credentials.agent_keys import KEYS_MAX
from core.identity.credentials.api_tokens import TOKENS_PER_USER_MAX
from core.store.catalogue.categories import CATEGORIES_MAX
from core.store.catalogue.services import SERVICES_MAX
from tests.support.clients.callers import PASSWORD, STAFF, browser, execute, new_person, signed_in
from tests.support.clients.http_client import free_slot
from tests.support.processes.stack import Stack

NOWHERE = 10**15
FILL = """
INSERT INTO {table} (name, name_key, resource_id)
SELECT 'Too many ' || n, 'too many ' || n, r.id FROM resource r, generate_series(1, %s) AS n WHERE r.kind = 'desk'
"""


@pytest.fixture(scope="module")
def staff(stack: Stack) -> Iterator[httpx.Client]:
    with signed_in(stack, STAFF) as client:
        yield client


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_what_is_not_there_cannot_be_changed(staff: httpx.Client) -> None:
    weekly = {
        "category": NOWHERE, "start_date": "2104-01-07", "end_date": "2104-01-07", "weekdays": [0],
        "start_time": "09:00", "end_time": "10:00", "duration_minutes": 60,
    }  # fmt: skip
    assert told(staff.post("/api/admin/timeslots/weekly/", json=weekly)) == (404, "category_not_found")
    assert told(staff.put(f"/api/admin/categories/{NOWHERE}/", json={"name": "X"})) == (404, "category_not_found")
    assert told(staff.patch(f"/api/admin/rooms/{NOWHERE}/", json={"name": "X"})) == (404, "room_not_found")
    assert told(staff.put(f"/api/admin/services/{NOWHERE}/", json={"name": "X"})) == (404, "service_not_found")


def test_an_appointment_is_cancelled_by_whose_it_is_and_told_as_it_then_is(stack: Stack) -> None:
    wish = {"service_name": "What is called off", **free_slot()}
    with signed_in(stack) as person:
        booking = person.post("/api/booking/create/", json=wish).json()["data"]["id"]
        answer = person.delete(f"/api/bookings/{booking}/")
    assert answer.status_code == 200
    assert (answer.json()["data"]["id"], answer.json()["data"]["status"]) == (booking, "cancelled")


def test_what_took_place_is_not_cancelled(stack: Stack, staff: httpx.Client) -> None:
    wish = {"service_name": "What took place", **free_slot()}
    with signed_in(stack) as person:
        booking = person.post("/api/booking/create/", json=wish).json()["data"]["id"]
        done = staff.put(f"/api/admin/bookings/{booking}/update/", json={"status": "completed"})
        assert done.status_code == 200
        assert told(person.delete(f"/api/bookings/{booking}/")) == (409, "invalid_transition")
    assert told(staff.delete(f"/api/admin/bookings/{booking}/")) == (409, "invalid_transition")


def test_an_api_token_is_no_login_and_there_are_so_many(stack: Stack) -> None:
    with browser(stack) as client:
        wish = {"username": new_person(stack), "password": PASSWORD}
        token = client.post("/api/auth/token/", json=wish).json()["token"]
        own = {"Authorization": f"Token {token}"}
        for path in ("/api/logout/", "/api/auth/logout/"):
            assert told(client.post(path, headers=own)) == (400, "not_a_login")
        user_id = client.get("/api/auth/user/", headers=own).json()["id"]
        more = """INSERT INTO api_token (token_hash, user_id, auth_epoch)
                  SELECT sha256(('t' || %s || n)::bytea), %s, 0 FROM generate_series(2, %s) AS n"""
        execute(stack, more, str(user_id), user_id, TOKENS_PER_USER_MAX)
        assert told(client.post("/api/auth/token/", json=wish)) == (409, "too_many_tokens")


def test_there_are_so_many_agent_keys(stack: Stack, staff: httpx.Client) -> None:
    more = """INSERT INTO agent_key (name, hint, token_hash, writes_per_minute)
              SELECT 'too many', 'hfa_x', sha256(('k' || n)::bytea), 1 FROM generate_series(1, %s) AS n"""
    execute(stack, more, KEYS_MAX)
    try:
        answer = staff.post("/api/admin/agent-keys/create/", json={"name": "One more"})
        assert told(answer) == (409, "too_many_keys")
    finally:
        execute(stack, "DELETE FROM agent_key WHERE name = 'too many'")


def test_a_shop_that_is_closed_down_shows_no_month(stack: Stack, staff: httpx.Client) -> None:
    execute(stack, "UPDATE booking_settings SET is_active = false")
    try:
        assert told(staff.get("/api/booking/calendar/?year=2100&month=1")) == (404, "no_settings")
    finally:
        execute(stack, "UPDATE booking_settings SET is_active = true")


def test_there_are_so_many_services_and_categories(stack: Stack, staff: httpx.Client) -> None:
    many = {
        "service": (SERVICES_MAX, "/api/admin/services/", "too_many_services"),
        "category": (CATEGORIES_MAX, "/api/admin/categories/", "too_many_categories"),
    }
    for table, (most, path, code) in many.items():
        execute(stack, FILL.format(table=table), most)
        try:
            assert told(staff.post(path, json={"name": "One more"})) == (409, code)
        finally:
            execute(stack, f"DELETE FROM {table} WHERE name_key LIKE 'too many %%'")


def test_a_command_that_fails_three_times_is_answered_and_stays_to_be_seen(stack: Stack, staff: httpx.Client) -> None:
    wish = {"service_name": "What cannot be written", **free_slot()}
    with refusing(stack, "booking", "notes <> 'poison'"):
        answer = staff.post("/api/booking/create/", json={**wish, "notes": "poison"})
    assert told(answer) == (503, "command_failed")
    (id_,) = re.findall(r"The command (\S+) could not", answer.json()["message"])
    assert staff.get(f"/api/commands/{id_}/").json()["status"] == "failed"
    assert staff.post("/api/booking/create/", json=wish).status_code == 201, "the lane goes on"


def test_what_postgresql_does_not_store_is_refused_and_nothing_is_kept(stack: Stack, staff: httpx.Client) -> None:
    wish, mark = {"service_name": "What cannot be stored", **free_slot()}, {"X-Request-ID": "not-to-be-stored"}
    with refusing(stack, "inbox", "request_id <> 'not-to-be-stored'"):
        assert told(staff.post("/api/booking/create/", json=wish, headers=mark)) == (400, "unstorable")
    assert staff.post("/api/booking/create/", json=wish).status_code == 201


@contextmanager
def refusing(stack: Stack, table: str, unless: str) -> Iterator[None]:
    """PostgreSQL takes no row into the table meanwhile that is not as the expression says."""
    execute(stack, f"ALTER TABLE {table} ADD CONSTRAINT refused_by_the_test CHECK ({unless}) NOT VALID")
    try:
        yield
    finally:
        execute(stack, f"ALTER TABLE {table} DROP CONSTRAINT refused_by_the_test")


def test_a_method_that_http_does_not_know_is_a_bad_request(stack: Stack) -> None:
    assert told(httpx.request("BREW", f"{stack.api_url}/api/rooms/")) == (400, "bad_request")
