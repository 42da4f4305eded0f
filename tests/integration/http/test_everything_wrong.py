"""Everything wrong at once, on routes of all five contracts: one answer names each field once, nothing is queued."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clients.http_client import Client
from tests.support.processes.stack import Stack

LATER, SOONER = "2030-01-31T10:00:00Z", "2030-01-31T09:00:00Z"
BODIES: dict[str, list[tuple[str, str, dict[str, Any], list[str]]]] = {
    "agent": [
        (
            "POST",
            "/api/agent/booking/create/",
            {"phone": 12, "booking_date": "2025-02-30", "booking_time": "25:00", "status": "maybe", "colour": "red"},
            ["phone", "service_name", "booking_date", "booking_time", "status", "colour"],
        ),
    ],
    "appointments": [
        (
            "POST",
            "/api/booking/create/",
            {"service_name": "<b>", "booking_date": "2025-13-01", "booking_time": "2:00 PM", "user_id": "1", "x": 1},
            ["service_name", "booking_date", "booking_time", "user_id", "x"],
        ),
        (
            "POST",
            "/api/booking/settings/",
            {"WORKING_HOURS_START": 18, "WORKING_HOURS_END": 9, "OFF_DAYS": "7", "is_active": "no", "x": 1},
            ["WORKING_HOURS_END", "OFF_DAYS", "is_active", "x"],
        ),
        (
            "POST",
            "/api/admin/closures/",
            {"start_date": "2025-02-30", "start_time": "25:00", "resource_id": 1, "service": "S", "reason": 5},
            ["start_date", "start_time", "resource_id", "service", "reason"],
        ),
        (
            "POST",
            "/api/admin/users/create/",
            {"username": " ", "email": "user@", "password": "short", "phone": "nobody", "is_staff": "yes"},
            ["username", "email", "password", "phone", "is_staff"],
        ),
    ],
    "rooms": [
        (
            "POST",
            "/api/bookings/",
            {"room_id": 0, "booking_date": "soon", "start_time": "10:00", "end_time": "09:00", "guest_count": 0},
            ["room_id", "booking_date", "end_time", "guest_count"],
        ),
        (
            "POST",
            "/api/admin/rooms/",
            {"name": 5, "price_per_slot": 0.001, "capacity": 0, "opening_time": "18:00", "time_zone": "Nowhere/Else"},
            ["name", "price_per_slot", "capacity", "closing_time", "time_zone"],
        ),
        ("POST", "/api/payment-intent/", {"booking_id": "1", "amount": 0.001, "currency": "usd"}, ["booking_id", "amount"]),
    ],
    "marketplace": [
        (
            "POST",
            "/api/v1/drf/bookings/",
            {"service_id": "2", "start_time": LATER, "end_time": SOONER, "timezone": "Nowhere/Else"},
            ["service_id", "timezone", "practitioner_id", "end_time"],
        ),
        (
            "POST",
            "/api/v1/drf/bookings/create-package/",
            {"schedule": [{"index": 0, "start_time": "2030-01-31T10:00:00"}], "timezone": "x", "title": 1},
            ["service_id", "title", "timezone", "schedule[0].start_time", "schedule[0].end_time"],
        ),
        (
            "POST",
            "/api/v1/drf/bookings/check-availability/",
            {"practitioner_id": 0, "date": "2025-02-30", "timezone": "Nowhere/Else"},
            ["practitioner_id", "service_id", "date", "timezone"],
        ),
        (
            "POST",
            "/api/v1/drf/services/",
            {"booking_type": "bundle", "name": "", "credits": "5", "price_cents": -1},
            ["name", "price_cents", "credits", "valid_days", "service_ids"],
        ),
    ],
    "calendar": [
        (
            "POST",
            "/api/admin/timeslots/",
            {"start_time": LATER, "end_time": SOONER, "category": "Cat 1"},
            ["end_time", "category"],
        ),
        (
            "POST",
            "/api/admin/timeslots/weekly/",
            {"start_date": "2030-02-30", "weekdays": [7], "start_time": "12:00", "end_time": "09:00", "duration_minutes": 30},
            ["category", "start_date", "end_date", "weekdays", "end_time"],
        ),
        ("POST", "/api/bookings/", {"time_slot": "1", "note": 5}, ["time_slot", "note"]),
        (
            "POST",
            "/api/auth/register/",
            {"username": "a@b", "password": "short", "email": "user@", "name": 1},
            ["username", "password", "email", "name"],
        ),
    ],
}  # fmt: skip
QUERIES = [
    ("/api/v1/drf/bookings/?start_date=2024-02-30&timezone=Nowhere&page=0&x=1", ["page", "start_date", "timezone", "x"]),
    ("/api/timeslots/?start_date=2030-02-01&end_date=2030-01-01&limit=0&x=1", ["end_date", "limit", "x"]),
    ("/api/admin/bookings/?date=2025-02-30&status=odd&limit=x&category=0&x=1", ["date", "status", "category", "limit", "x"]),
]  # fmt: skip
SQL_QUEUED = """
SELECT request_id FROM inbox WHERE request_id = ANY(%(sent)s)
UNION ALL SELECT request_id FROM outcome WHERE request_id = ANY(%(sent)s)
"""


@pytest.mark.parametrize("contract", BODIES)
def test_a_body_with_everything_wrong_is_told_all_at_once_and_queues_nothing(
    stack: Stack, staff: Client, contract: str
) -> None:
    sent = []
    for method, path, body, wrong in BODIES[contract]:
        answer = staff.request(method, path, json=body)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (400, "invalid"), path
        assert [problem["field"] for problem in told["errors"]] == wrong, path
        assert told["message"] == told["error"] == told["detail"] == told["errors"][0]["message"]
        sent.append(answer.headers["X-Request-ID"])
    with stack.database() as connection:
        assert connection.execute(SQL_QUEUED, {"sent": sent}).fetchall() == []


def test_an_anonymous_caller_is_told_whom_to_name_together_with_the_rest(client: Client) -> None:
    told = client.post("/api/booking/create/", json={"booking_date": "2025-02-30", "booking_time": 9}).json()
    assert [(problem["field"], problem["message"]) for problem in told["errors"]] == [
        ("service_name", "Missing required field: service_name"),
        ("booking_date", "booking_date must be a day of the calendar, and 2025-02-30 is none"),
        ("booking_time", "booking_time must be text: a time like 09:30"),
        ("user_id", "Missing required field: user_id"),
    ]


@pytest.mark.parametrize(("path", "wrong"), QUERIES)
def test_a_query_with_everything_wrong_is_told_all_at_once(staff: Client, path: str, wrong: list[str]) -> None:
    told = staff.get(path).json()
    assert (told["status"], [problem["field"] for problem in told["errors"]]) == (400, wrong)
