"""The spine, over HTTP: what the documents print, twice at once, and in all ways to follow a command."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.client import AGENT_EXAMPLE, Client, admin, agent_booking, anonymous, free_slot
from tests.conftest import FreshStack
from tests.stack import Stack, wait_until


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with anonymous(stack.api_url) as one:
        yield one


@pytest.fixture
def staff(stack: Stack) -> Iterator[Client]:
    with admin(stack.api_url) as one:
        yield one


@pytest.fixture
def untouched(fresh_stack: FreshStack) -> Iterator[Client]:
    """A client of a stack with nothing but the demo data: the documents' own slots are free in it."""
    with anonymous(fresh_stack().api_url) as one:
        yield one


def test_the_agents_curl_books_as_documented_and_the_second_time_it_is_taken(untouched: Client) -> None:
    client = untouched
    first = client.book(AGENT_EXAMPLE)
    assert first.status_code == 201
    body = first.json()
    user_id, booking_id = body["user_id"], body["booking_id"]
    created_at = body["data"]["booking"].pop("created_at")
    assert created_at.endswith("Z")
    assert body == {
        "success": True,
        "message": "Booking created successfully",
        "user_created": True,
        "user_id": user_id,
        "booking_id": booking_id,
        "data": {
            "booking": {
                "id": booking_id,
                "service_name": "Legal Consultation",
                "booking_date": "2025-10-20",
                "booking_time": "14:00:00",
                "status": "upcoming",
                "notes": "Agent created booking",
            },
            "user": {
                "id": user_id,
                "username": "1234567890",
                "first_name": "John",
                "last_name": "Doe",
                "email": "john.doe@example.com",
                "phone": "1234567890",
                "is_active": True,
                "created": True,
            },
        },
    }
    second = client.book(AGENT_EXAMPLE)
    assert second.status_code == 409
    assert second.json()["message"] == "This time slot is already reserved"


def test_the_appointments_request_books_as_documented(untouched: Client) -> None:
    body = {
        "user_id": 1,
        "service_name": "Test Service",
        "booking_date": "2025-10-15",
        "booking_time": "10:00",
        "notes": "Test booking from Postman",
    }
    answer = untouched.post("/api/booking/create/", json=body)
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert data.pop("created_at").endswith("+00:00")
    assert data.pop("id") > 0
    assert answer.json()["message"] == "Booking created successfully"
    assert data == {
        "service_name": "Test Service",
        "booking_date": "2025-10-15",
        "booking_time": "10:00",
        "duration_minutes": 60,
        "status": "upcoming",
    }


def test_two_hundred_clients_at_once_for_one_slot_make_one_booking(stack: Stack, client: Client) -> None:
    body = agent_booking()
    with ThreadPoolExecutor(200) as pool:
        statuses = Counter(pool.map(lambda _: client.book(body).status_code, range(200)))
    assert statuses == {201: 1, 409: 199}
    created = "SELECT count(*) FROM event WHERE type = 'booking_created' AND booking_id = ANY(%s)"
    rows = """SELECT b.id FROM booking b JOIN resource r ON r.id = b.resource_id
              WHERE r.kind = 'desk' AND b.local_date = %s AND b.local_time = %s"""
    with stack.database() as connection:
        ids = [row[0] for row in connection.execute(rows, (body["booking_date"], body["booking_time"])).fetchall()]
        assert len(ids) == 1
        assert connection.execute(created, (ids,)).fetchone() == (1,)


def test_an_accepted_command_ends_in_the_body_that_a_waiting_client_gets(client: Client) -> None:
    answer = client.book(Prefer="respond-async")
    assert answer.status_code == 202
    id_ = answer.json()["id"]
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert answer.headers["Location"] == f"/api/commands/{id_}/"
    assert answer.json() == {"id": id_, "status": "accepted", "status_url": f"/api/commands/{id_}/"}

    outcome = client.outcome(id_)
    waited = client.book().json()
    response = outcome.pop("response")
    assert response["status"] == 201
    assert response["body"].keys() == waited.keys()
    assert response["body"]["data"]["booking"].keys() == waited["data"]["booking"].keys()
    assert outcome["status"] == "succeeded"
    assert outcome["type"] == "place"
    assert outcome["finished_at"] >= outcome["accepted_at"]


def test_a_long_poll_is_answered_when_the_command_is_finished(client: Client) -> None:
    id_ = client.accept()
    answer = client.get(f"/api/commands/{id_}/", headers={"Prefer": "wait=10"})
    assert answer.json()["status"] == "succeeded"
    assert "Retry-After" not in answer.headers


def test_the_same_idempotency_key_gives_the_first_outcome_and_another_body_is_422(client: Client) -> None:
    key, body = uuid4().hex, agent_booking()
    first = client.book(body, Idempotency_Key=key)
    again = client.book(body, Idempotency_Key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    other = client.book(agent_booking(), Idempotency_Key=key)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"


def test_the_same_idempotency_key_at_once_books_once(client: Client) -> None:
    key, body = uuid4().hex, agent_booking()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: client.book(body, Idempotency_Key=key), range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1


def test_an_anonymous_idempotency_key_must_be_hard_to_guess(client: Client) -> None:
    answer = client.book(Idempotency_Key="short")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_idempotency_key"


def test_a_command_of_somebody_else_does_not_exist(client: Client, staff: Client) -> None:
    body = {"service_name": "Test Service", **free_slot()}
    id_ = staff.post("/api/booking/create/", json=body, headers={"Prefer": "respond-async"}).json()["id"]
    assert client.get(f"/api/commands/{id_}/").status_code == 404
    assert staff.get(f"/api/commands/{id_}/").status_code == 200


def test_a_deadline_in_the_past_refuses_the_command(client: Client) -> None:
    answer = client.book(Holdfast_Expires_At="2020-01-01T00:00:00Z")
    assert answer.status_code == 409
    assert answer.json()["code"] == "decided_too_late"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"booking_date": "2025-10-19"}, "Booking not allowed on off days"),
        ({"booking_time": "08:00"}, "Booking time is outside working hours"),
        ({"booking_time": "5:00 PM"}, "Booking time is outside working hours"),
        ({"booking_date": "2025-02-30"}, "Invalid date format"),
        ({"booking_time": "25:00"}, "Invalid time format"),
        ({"phone": "not a phone"}, "Invalid phone number"),
    ],
)
def test_an_unusable_booking_says_why(client: Client, change: dict[str, str], message: str) -> None:
    answer = client.book(agent_booking(**change))
    assert answer.status_code == 400
    assert answer.json()["message"] == answer.json()["error"] == answer.json()["detail"] == message


@pytest.mark.parametrize("missing", ["phone", "service_name", "booking_date", "booking_time"])
def test_a_missing_field_is_named(client: Client, missing: str) -> None:
    body = agent_booking()
    del body[missing]
    answer = client.book(body)
    assert answer.status_code == 400
    assert answer.json()["message"] == f"Missing required field: {missing}"


def test_several_problems_are_all_named_and_nothing_is_queued(stack: Stack, client: Client) -> None:
    body = {**agent_booking(), "service_name": "<b>", "notes": 5, "surprise": 1}
    answer = client.book(body)
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["errors"]] == ["service_name", "notes", "surprise"]
    with stack.database() as connection:
        sent = answer.headers["X-Request-ID"]
        assert connection.execute("SELECT FROM outcome WHERE request_id = %s", (sent,)).fetchone() is None


def test_malformed_json_and_too_large_a_body_are_400(client: Client) -> None:
    url = "/api/agent/booking/create/"
    headers = {"Content-Type": "application/json"}
    assert client.post(url, content=b'{"phone": ', headers=headers).json()["code"] == "malformed_json"
    large = json.dumps({**agent_booking(), "notes": "x" * 70_000}).encode()
    answer = client.post(url, content=large, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "body_too_large")


def test_an_error_comes_as_problem_json_to_whoever_asks_for_it(client: Client) -> None:
    answer = client.book(agent_booking(booking_date="2025-10-19"), Accept="application/problem+json")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 400


def test_an_anonymous_agent_learns_nothing_about_somebody_who_exists(client: Client) -> None:
    phone = "5557001"
    client.book(agent_booking(phone=phone, first_name="Secret", email="secret@example.com"))
    answer = client.book(agent_booking(phone=phone, first_name="Guess", last_name="", email=""))
    user = answer.json()["data"]["user"]
    assert answer.json()["user_created"] is False
    assert (user["first_name"], user["email"]) == ("Guess", "")


def test_nobody_anonymous_books_for_staff(client: Client) -> None:
    assert client.book(agent_booking(phone="9876543210")).status_code == 403
    body = {"user_id": 4, "service_name": "Test Service", **free_slot()}
    assert client.post("/api/booking/create/", json=body).status_code == 403


def test_slots_lose_what_is_booked_and_get_back_what_is_cancelled(client: Client, staff: Client) -> None:
    day = {"date": "2099-06-01"}
    before = client.get("/api/booking/smart-available-slots/", params=day).json()
    assert before["total_available_slots"] == 8
    assert before["available_slots"][0] == {
        "time": "09:00",
        "display_time": "09:00 AM",
        "end_time": "10:00",
        "duration_minutes": 60,
        "available": True,
        "is_reserved": False,
    }
    booked = client.book(agent_booking(booking_date=day["date"], booking_time="10:30")).json()["booking_id"]
    after = client.get("/api/booking/smart-available-slots/", params=day).json()
    assert [slot["time"] for slot in after["available_slots"]] == ["09:00", "12:00", "13:00", "14:00", "15:00", "16:00"]
    assert staff.delete(f"/api/admin/bookings/{booked}/").status_code == 200
    again = client.get("/api/booking/smart-available-slots/", params=day).json()
    assert again["total_available_slots"] == 8


def test_an_off_day_answers_the_full_body_with_no_slots(client: Client) -> None:
    body = client.get("/api/booking/smart-available-slots/", params={"date": "2025-10-19"}).json()
    assert (body["is_off_day"], body["available_slots"], body["total_available_slots"]) == (True, [], 0)


def test_staff_change_a_booking_and_a_refused_change_says_where_it_may_go(client: Client, staff: Client) -> None:
    id_ = client.book().json()["booking_id"]
    done = staff.put(f"/api/admin/bookings/{id_}/update/", json={"status": "completed"})
    assert (done.status_code, done.json()["data"]["status"]) == (200, "completed")
    same = staff.put(f"/api/admin/bookings/{id_}/update/", json={"status": "completed"})
    assert same.status_code == 200
    back = staff.put(f"/api/admin/bookings/{id_}/update/", json={"status": "upcoming"})
    assert back.status_code == 409
    assert back.json()["message"] == "This booking is completed and may become nothing else"


def test_a_deleted_booking_is_gone_and_its_time_is_free(client: Client, staff: Client) -> None:
    body = agent_booking()
    id_ = client.book(body).json()["booking_id"]
    assert staff.delete(f"/api/admin/bookings/{id_}/delete/").status_code == 200
    assert staff.delete(f"/api/admin/bookings/{id_}/delete/").status_code == 404
    assert client.book(body).status_code == 201


def test_the_admin_list_filters_and_counts(client: Client, staff: Client) -> None:
    day = "2098-07-01"
    for hour in ("09:00", "10:00", "11:00"):
        assert client.book(agent_booking(booking_date=day, booking_time=hour)).status_code == 201
    answer = staff.get("/api/admin/bookings/", params={"date": day, "limit": 2}).json()
    assert (answer["total_count"], answer["count"], answer["limit"], answer["offset"]) == (3, 2, 2, 0)
    assert [one["booking_time"] for one in answer["data"]] == ["11:00:00", "10:00:00"]
    assert answer["data"][0]["user_details"]["username"] == "1234567890"
    none = staff.get("/api/admin/bookings/", params={"date": day, "status": "cancelled"}).json()
    assert (none["data"], none["total_count"]) == ([], 0)


def test_an_unknown_filter_value_lists_the_allowed_ones(staff: Client) -> None:
    answer = staff.get("/api/admin/bookings/", params={"status": "odd"})
    assert answer.status_code == 400
    assert answer.json()["message"] == "status must be one of upcoming, completed, cancelled"


def test_strangers_reach_no_admin_route(client: Client) -> None:
    assert client.get("/api/admin/bookings/").status_code == 401
    assert client.post("/api/booking/settings/", json={"is_active": False}).status_code == 401


def test_settings_change_only_what_is_sent_and_close_the_shop(fresh_stack: FreshStack) -> None:
    stack = fresh_stack()
    with admin(stack.api_url) as staff, anonymous(stack.api_url) as client:
        data = staff.post("/api/booking/settings/", json={"WORKING_HOURS_START": 12, "OFF_DAYS": "5,6"}).json()["data"]
        assert (data["WORKING_HOURS_START"], data["WORKING_HOURS_END"], data["OFF_DAYS"]) == (12, 17, "5,6")
        assert client.book(agent_booking(booking_time="11:00")).status_code == 400
        staff.post("/api/booking/settings/", json={"is_active": False})
        for answer in (
            client.book(),
            client.get("/api/booking/smart-available-slots/", params={"date": "2030-01-01"}),
        ):
            assert (answer.status_code, answer.json()["message"]) == (404, "No booking settings found")


def test_a_withdrawn_command_is_never_decided(fresh_stack: FreshStack) -> None:
    stack = fresh_stack()
    with anonymous(stack.api_url) as client:
        for name in ("lanes-1", "lanes-2"):
            stack.process(name).kill()
        id_ = client.accept()
        withdrawn = client.delete(f"/api/commands/{id_}/")
        assert (withdrawn.status_code, withdrawn.json()["status"]) == (200, "rejected")
        assert withdrawn.json()["response"]["body"]["code"] == "withdrawn"
        for name in ("lanes-1", "lanes-2"):
            stack.process(name).start()
        assert client.outcome(client.accept())["status"] == "succeeded"
        assert client.outcome(id_)["status"] == "rejected"
        assert client.delete(f"/api/commands/{id_}/").status_code == 409


def test_every_log_line_of_a_booking_has_its_ids_and_no_secret(stack: Stack, client: Client) -> None:
    sent = f"test-{uuid4().hex}"
    answer = client.book(X_Request_ID=sent)
    command_id = answer.headers["Holdfast-Command"]

    def lines() -> list[dict[str, str]]:
        text = "".join(server.log for server in stack.servers)
        return [json.loads(line) for line in text.splitlines() if sent in line]

    wait_until(lambda: len(lines()) >= 2, "the request and its decision are logged", 10.0)
    assert {line["command_id"] for line in lines()} == {command_id}
    assert {line["event"] for line in lines()} >= {"request", "command decided"}
    everything = "".join(server.log for server in stack.servers)
    for secret in (stack.settings.secret_key, stack.database_url.split("@")[0], "eyJ"):
        assert secret not in everything
