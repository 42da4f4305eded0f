"""What cannot be booked, and who may not book it: each refusal says why, in the one error shape."""

from __future__ import annotations

import json

import pytest

from core.text_forms import BAD_PHONE
from tests.support.clients.http_client import Client, agent_booking, free_slot, raw_answer
from tests.support.processes.stack import Stack


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"booking_date": "2025-10-19"}, "Booking not allowed on off days"),
        ({"booking_time": "08:00"}, "Booking time is outside working hours"),
        ({"booking_time": "5:00 PM"}, "Booking time is outside working hours"),
        ({"booking_date": "2025-02-30"}, "Invalid date format"),
        ({"booking_time": "25:00"}, "Invalid time format"),
        ({"phone": "not a phone"}, BAD_PHONE),
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


def test_a_body_that_is_announced_as_too_large_is_refused_before_any_of_it_came(stack: Stack) -> None:
    headers = {"Host": "x", "Content-Type": "application/json", "Content-Length": "1000000000"}
    answer = raw_answer(address_of(stack), "POST /api/agent/booking/create/ HTTP/1.1", headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "body_too_large")


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        ("nonsense", {}, 400),
        ("propfind /api/ HTTP/1.1", {}, 400),
        ("WEBSOCKET /api/services/ HTTP/1.1", {}, 400),
        ("GET /api/services/ HTTP/1.1", {"X-Odd": "a\x00b"}, 400),
        ("GET /api/services/ HTTP/1.1", {"Content-Length": "-5"}, 400),
        (f"GET /api/{'a' * 9000} HTTP/1.1", {}, 414),
        ("GET /api/services/ HTTP/1.1", {"X-Odd": "a" * 100_000}, 431),
        ("POST /api/login/ HTTP/1.1", {"Transfer-Encoding": "gzip"}, 400),
    ],
)
def test_what_is_no_http_is_refused_in_the_one_error_shape(
    stack: Stack, line: str, headers: dict[str, str], status: int
) -> None:
    answer = raw_answer(address_of(stack), line, headers)
    told = answer.json()
    assert (answer.status_code, told["status"], told["code"]) == (status, status, "bad_request")
    assert told["message"] == told["error"] == told["detail"]
    assert answer.headers["Content-Type"] == "application/json"


def test_a_route_that_is_no_feed_answers_a_websockets_handshake_as_any_request(client: Client) -> None:
    asking = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "eA==",
    }
    answer = client.get("/api/services/", headers=asking)
    assert (answer.status_code, answer.json()["success"]) == (200, True)


def address_of(stack: Stack) -> str:
    return stack.api_url.removeprefix("http://")


def test_an_error_comes_as_problem_json_if_asked_for(client: Client) -> None:
    answer = client.book(agent_booking(booking_date="2025-10-19"), Accept="application/problem+json")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 400


def test_nobody_anonymous_books_for_staff(client: Client) -> None:
    assert client.book(agent_booking(phone="9876543210")).status_code == 403
    body = {"user_id": 4, "service_name": "Test Service", **free_slot()}
    assert client.post("/api/booking/create/", json=body).status_code == 403


def test_anonymous_callers_reach_no_admin_route(client: Client) -> None:
    assert client.get("/api/admin/bookings/").status_code == 401
    assert client.post("/api/booking/settings/", json={"is_active": False}).status_code == 401
