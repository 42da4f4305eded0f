"""Agents that book one at a time: who their numbers are, races for a new one, and what anonymous callers may not do."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

from tests.support.clients.callers import execute
from tests.support.clients.http_client import Client, admin, agent_booking
from tests.support.processes.stack import Stack

AT_ONCE = 16
PEOPLE = "SELECT id, first_name, contact_email, email FROM user_account WHERE phone_key = %s"


def test_agents_with_the_same_new_phone_at_once_make_one_user_and_all_their_bookings(
    stack: Stack, client: Client
) -> None:
    """On as many days as there are agents, so in several lanes at once."""
    days = [date(2096, 1, 2) + timedelta(days=n) for n in range(AT_ONCE * 7 // 6 + 1)]
    bodies = [
        agent_booking(phone="5558101", first_name=f"Agent {n}", booking_date=day.isoformat(), booking_time="10:00")
        for n, day in enumerate(day for day in days if day.weekday() != 6)
    ]
    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(pool.map(client.book, bodies))
    assert [answer.status_code for answer in answers] == [201] * len(bodies)
    said = [answer.json() for answer in answers]
    ((id_, first_name, *_),) = execute(stack, PEOPLE, "5558101")
    assert {one["user_id"] for one in said} == {id_}
    makers = [one for one in said if one["user_created"]]
    assert [one["data"]["user"]["first_name"] for one in makers] == [first_name]
    assert execute(stack, "SELECT count(*) FROM booking WHERE user_id = %s", id_) == [(len(bodies),)]


def test_agents_with_the_same_new_phone_at_once_for_one_slot_get_one_booking(stack: Stack, client: Client) -> None:
    bodies = [agent_booking(phone="555 8102")] * AT_ONCE
    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = Counter(answer.status_code for answer in pool.map(client.book, bodies))
    assert statuses == {201: 1, 409: AT_ONCE - 1}
    assert len(execute(stack, PEOPLE, "5558102")) == 1


def test_one_number_however_it_is_written_is_one_person(client: Client) -> None:
    forms = ["+49 (30) 901 820-1", "(+49) 30/901.820.1", "49309018201", " +49309018201 "]
    answers = [client.book(agent_booking(phone=form)).json() for form in forms]
    assert len({answer["user_id"] for answer in answers}) == 1
    assert [answer["user_created"] for answer in answers] == [True, False, False, False]
    assert [answer["data"]["user"]["username"] for answer in answers] == [form.strip() for form in forms]


def test_an_anonymous_caller_changes_nothing_of_somebody_who_exists(stack: Stack, client: Client) -> None:
    client.book(agent_booking(phone="5558103", first_name="Real", email="real@example.com"))
    before = execute(stack, "SELECT to_jsonb(u) FROM user_account u WHERE phone_key = '5558103'")
    other = {"first_name": "Other", "last_name": "Name", "email": "other@example.com", "gender": "x", "country": "Chad"}
    answer = client.book(agent_booking(phone="5558103", **other)).json()
    assert answer["user_created"] is False
    assert answer["data"]["user"] == {
        "id": answer["user_id"],
        "username": "5558103",
        "phone": "5558103",
        "first_name": "Other",
        "last_name": "Name",
        "email": "other@example.com",
        "is_active": True,
        "created": False,
    }
    assert execute(stack, "SELECT to_jsonb(u) FROM user_account u WHERE phone_key = '5558103'") == before


def test_an_anonymous_caller_books_neither_for_staff_nor_for_deleted_accounts(stack: Stack, client: Client) -> None:
    roles = {"is_staff": "5558104", "is_superuser": "5558105", "is_practitioner": "5558106", "is_active": "5558107"}
    for role, phone in roles.items():
        id_ = client.book(agent_booking(phone=phone)).json()["user_id"]
        execute(stack, f"UPDATE user_account SET {role} = NOT {role} WHERE id = %s", id_)
        by_phone = client.book(agent_booking(phone=phone))
        by_id = client.post("/api/booking/create/", json={"user_id": id_, **_appointment()})
        assert (by_phone.status_code, by_id.status_code) == (403, 403), role
        assert [problem["field"] for problem in by_phone.json()["errors"]] == ["phone"]


def test_an_agents_address_is_a_contact_and_no_way_in(stack: Stack, client: Client) -> None:
    mail = {"email": "contact8108@example.com"}
    first, second = (client.book(agent_booking(phone=phone, **mail)).status_code for phone in ("5558108", "5558109"))
    assert (first, second) == (201, 201), "not unique"
    assert [row[2:] for row in execute(stack, PEOPLE, "5558108")] == [(mail["email"], None)]
    assert client.post("/api/login/", json={**mail, "password": "password"}).status_code == 401
    assert client.post("/api/login/", json={"username": "5558108", "password": "password"}).status_code == 401
    assert (
        execute(
            stack, "SELECT FROM password_reset r JOIN user_account u ON u.id = r.user_id WHERE u.phone_key = '5558108'"
        )
        == []
    )


def test_what_is_empty_is_missing_and_optional_fields_may_be_empty(client: Client) -> None:
    required = ("phone", "service_name", "booking_date", "booking_time")
    for name in required:
        for nothing in ("", None):
            answer = client.book(agent_booking(**{name: nothing}))
            assert (answer.status_code, answer.json()["message"]) == (400, f"Missing required field: {name}")
    answer = client.book(dict.fromkeys(required, ""))
    assert [one["message"] for one in answer.json()["errors"]] == [
        f"Missing required field: {name}" for name in required
    ]
    optional = ("first_name", "last_name", "email", "gender", "country", "notes")
    assert client.book(agent_booking(phone="5558110", **dict.fromkeys(optional, ""))).status_code == 201
    assert client.book(agent_booking(phone="5558110", **dict.fromkeys((*optional, "status")))).status_code == 201
    answer = client.book(agent_booking(status="pending"))
    assert answer.json()["message"] == "status must be one of upcoming, completed, cancelled"


def test_history_takes_no_time(stack: Stack, client: Client) -> None:
    body = agent_booking(phone="5558111")
    for status in ("completed", "cancelled", "upcoming", "completed"):
        answer = client.book({**body, "status": status})
        assert (answer.status_code, answer.json()["data"]["booking"]["status"]) == (201, status)
    assert client.book(body).status_code == 409
    with admin(stack.api_url) as staff:
        listed = staff.get("/api/admin/bookings/", params={"user": "5558111"}).json()["data"]
    assert [one["status"] for one in listed] == ["completed", "upcoming", "cancelled", "completed"]


def test_an_anonymous_caller_reaches_nothing_but_the_two_doors(client: Client) -> None:
    booking_id = client.book(agent_booking(phone="5558112")).json()["booking_id"]
    for method, path in (
        ("GET", f"/api/bookings/{booking_id}/"),
        ("DELETE", f"/api/bookings/{booking_id}/"),
        ("GET", f"/api/admin/bookings/{booking_id}/"),
        ("PUT", f"/api/admin/bookings/{booking_id}/update/"),
        ("DELETE", f"/api/admin/bookings/{booking_id}/delete/"),
        ("GET", "/api/admin/users/"),
        ("GET", "/api/user/bookings/"),
        ("GET", "/api/events/"),
    ):
        assert client.request(method, path).status_code in {401, 404}, path


def _appointment() -> dict[str, str]:
    body = agent_booking()
    return {name: body[name] for name in ("service_name", "booking_date", "booking_time")}
