"""People who leave: deleted without bookings, anonymised with them, forgotten in what commands said of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from core.identity.personal_data.anonymisation import SQL_BLANK_AGAIN, WORDS
from tests.support.clients.callers import ADMIN, STAFF, bearer, execute, new_address, only_superuser, signed_in
from tests.support.clients.http_client import Client, agent_booking, anonymous
from tests.support.clients.people import USERS, free_phone, make_user
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

PASSWORD = "password123"
ANONYMISED = "User has bookings: deactivated and anonymised instead of deleted"


@pytest.fixture(scope="module")
def staff(stack: Stack) -> Iterator[Client]:
    with signed_in(stack, STAFF) as client:
        yield client


@pytest.fixture(scope="module")
def agent(stack: Stack) -> Iterator[Client]:
    with anonymous(stack.api_url) as client:
        yield client


def delete(client: httpx.Client, user_id: int) -> httpx.Response:
    return client.delete(f"{USERS}{user_id}/delete/")


def log_in(stack: Stack, username: str) -> httpx.Response:
    headers = {"X-Forwarded-For": new_address()}
    return httpx.post(f"{stack.api_url}/api/login/", json={"username": username, "password": PASSWORD}, headers=headers)


def test_a_user_without_bookings_is_gone(stack: Stack, staff: Client) -> None:
    made = make_user(staff, password=PASSWORD)
    access = log_in(stack, made["username"]).json()["access"]
    answer = delete(staff, made["id"])
    assert (answer.status_code, answer.json()["message"]) == (200, "User deleted successfully")
    assert answer.json()["data"]["deleted"] is True
    assert staff.get(f"{USERS}{made['id']}/").status_code == 404
    assert delete(staff, made["id"]).status_code == 404
    assert log_in(stack, made["username"]).status_code == 401
    with httpx.Client(base_url=stack.api_url, headers=bearer(access)) as person:
        wait_until(lambda: person.get("/api/auth/user/").status_code == 401, "the login has ended")
    assert make_user(staff, username=made["username"])["id"] != made["id"]


def test_a_user_with_bookings_is_anonymised_and_history_stays(stack: Stack, staff: Client, agent: Client) -> None:
    phone, email = free_phone(), f"{secrets.token_hex(6)}@example.com"
    person = {"phone": phone, "first_name": "Zelda", "last_name": "Gone", "email": email, "gender": "female"}
    keyed, key = agent_booking(**person, status="completed", notes="Zelda's secret"), secrets.token_hex(16)
    over = agent.book(keyed, Idempotency_Key=key).json()
    assert agent.book(keyed, Idempotency_Key=key).json() == over
    command_id = agent.accept(agent_booking(**person, notes="allergic"))
    to_come = agent.outcome(command_id)["response"]["body"]["booking_id"]
    refused = agent.accept(agent_booking(**person, booking_date="2100-01-03"))  # a Sunday
    assert agent.outcome(refused)["status"] == "rejected"
    assert staff.put(f"/api/admin/bookings/{over['booking_id']}/update/", json={"status": "completed"}).is_success
    user_id = over["user_id"]

    answer = delete(staff, user_id)
    assert (answer.status_code, answer.json()["message"]) == (200, ANONYMISED)
    nothing = {"paid_bookings_to_come": 0, "refunds_expected": 0, "credits_lost": 0, "payments_kept": 0}
    assert answer.json()["data"] == {
        "id": user_id,
        "deleted": False,
        "anonymised": True,
        "bookings_being_cancelled": 1,
        "bookings_kept": 1,
        "bookings_with_others": 0,
        **nothing,
    }
    shown = staff.get(f"{USERS}{user_id}/").json()["data"]
    assert (shown["username"], shown["is_active"], shown["is_anonymised"]) == (f"deleted-{user_id}", False, True)
    assert {shown[name] for name in ("first_name", "last_name", "email", "phone", "gender", "country")} == {""}

    wait_until(
        lambda: staff.get(f"/api/admin/bookings/{to_come}/").json()["data"]["status"] == "cancelled",
        "what was to come is cancelled",
    )
    wait_until(
        lambda: execute(stack, "SELECT user_id FROM erasure WHERE user_id = %s", user_id) == [],
        "the rest is emptied",
        30.0,
    )
    kept = staff.get(f"/api/admin/bookings/{over['booking_id']}/").json()["data"]
    assert (kept["status"], kept["notes"], kept["user_details"]["first_name"]) == ("completed", "", "")

    for id_, status in ((command_id, "succeeded"), (refused, "rejected")):
        polled = agent.outcome(id_)
        assert (polled["status"], polled["response"]["body"]["message"]) == (status, WORDS)
    again = agent.book(keyed, Idempotency_Key=key)
    assert (again.status_code, again.json()["code"]) == (409, "answer_removed")
    assert agent.get(again.headers["Location"]).json()["status"] == "succeeded"
    left = execute(
        stack,
        "SELECT body, response FROM outcome WHERE concat(body, response) LIKE ANY(%s)",
        [f"%{phone}%", f"%{email}%", "%Zelda%"],
    )
    assert left == []
    again = agent.book(agent_booking(phone=phone)).json()
    assert (again["user_created"], again["user_id"] != user_id) == (True, True)
    assert staff.put(f"{USERS}{user_id}/update/", json={"first_name": "Back"}).json()["code"] == "anonymised"
    assert delete(staff, user_id).json()["message"] == ANONYMISED


def test_a_command_under_way_is_blanked_later(stack: Stack, staff: Client, agent: Client) -> None:
    booked = agent.book(agent_booking(phone=free_phone())).json()
    user_id = booked["user_id"]
    assert delete(staff, user_id).is_success
    values = "'place', 'agent', 'r', now(), now(), 'rejected', 409, %s::json, '{}', %s::json, ARRAY[%s]"
    execute(
        stack,
        "INSERT INTO outcome (id, seq, type, contract, request_id, accepted_at, decided_at, status, http_status,"
        f" response, actor, body, about) VALUES (gen_random_uuid(), 0, {values})",
        *('{"first_name": "Late"}', '{"notes": "Late"}', f"user:{user_id}"),
    )
    execute(stack, SQL_BLANK_AGAIN)
    assert execute(stack, "SELECT count(*) FROM outcome WHERE concat(body, response) LIKE %s", "%Late%") == [(0,)]


SQL_BOOK = """
INSERT INTO booking (public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date,
                     local_time, duration_minutes, status, payment_status, command_id, created_at, updated_at)
VALUES (gen_random_uuid(), 'appointments', %s, 'x', 1, now(), now() + interval '1 hour', current_date, '09:00', 60,
        'completed', 'none', gen_random_uuid(), now(), now())
"""


def test_a_booking_made_at_the_same_moment_is_kept(stack: Stack, staff: Client) -> None:
    """The lane's transaction is first: deleting waits for it, and then anonymises."""
    user_id = make_user(staff)["id"]
    with psycopg.connect(stack.database_url) as lane, ThreadPoolExecutor(1) as pool:
        lane.execute(SQL_BOOK, (user_id,))
        deleting = pool.submit(delete, staff, user_id)
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
        wait_until(lambda: execute(stack, waits, "%FOR UPDATE%") != [(0,)], "the delete waits")
        lane.commit()
        assert deleting.result().json()["data"]["anonymised"] is True


def test_nobody_deletes_above_themselves_or_the_last_superuser(stack: Stack, staff: Client) -> None:
    only_superuser(stack)
    answer = delete(staff, ADMIN)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    with signed_in(stack, ADMIN) as superuser:
        answer = delete(superuser, ADMIN)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_superuser")
        second = make_user(superuser, is_superuser=True)
        assert delete(staff, second["id"]).status_code == 403
        assert delete(superuser, second["id"]).status_code == 200
