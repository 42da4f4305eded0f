"""What the calendar refuses, by field."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.clients.time_slots import book


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/timeslots/?date=2025-13-01", "date"),
        ("/api/timeslots/?start_date=2025-10-02&end_date=2025-10-01", "end_date"),
        ("/api/timeslots/?available_only=perhaps", "available_only"),
        ("/api/timeslots/?category=1", "category"),
        ("/api/timeslots/?categories=%00", "categories"),
        ("/api/admin/timeslots/?category=0", "category"),
        ("/api/admin/timeslots/?status=gone", "status"),
        ("/api/admin/timeslots/?limit=1001", "limit"),
        ("/api/user/bookings/?status=cancelled", "status"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(staff: httpx.Client, path: str, field: str) -> None:
    answer = staff.get(path)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"start_time": "tomorrow"}, "start_time"),
        ({"start_time": "2101-01-01T09:00:30Z"}, "start_time"),
        ({"start_time": "2101-02-30T09:00:00Z"}, "start_time"),
        ({"start_time": "2101-01-01T09:00:00+99:00"}, "start_time"),
        ({"end_time": "2101-01-01T09:00:00Z"}, "end_time"),
        ({"end_time": "2101-01-03T09:00:00Z"}, "end_time"),
        ({"category": "Cat 1"}, "category"),
        ({"category": 2**70}, "category"),
        ({"color": "red"}, "color"),
    ],
)
def test_a_slot_that_cannot_be_is_refused_by_field(staff: httpx.Client, change: dict[str, Any], field: str) -> None:
    body = {"start_time": "2101-01-01T09:00:00Z", "end_time": "2101-01-01T10:00:00Z", "category": 1, **change}
    answer = staff.post("/api/admin/timeslots/", json=body)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])


def test_what_is_not_there_is_not_found(staff: httpx.Client) -> None:
    assert book(staff, 10**15).json()["code"] == "time_slot_not_found"
    assert staff.get("/api/admin/timeslots/1000000000/").status_code == 404
    assert staff.delete(f"/api/admin/timeslots/{2**80}/").status_code == 404
    assert staff.put("/api/admin/timeslots/1000000000/", json={}).status_code == 404
    assert staff.get(f"/api/admin/categories/{2**80}/").status_code == 404
    body = {"start_time": "2101-01-01T09:00:00Z", "end_time": "2101-01-01T10:00:00Z", "category": 10**15}
    assert staff.post("/api/admin/timeslots/", json=body).json()["code"] == "category_not_found"


def test_either_a_room_or_a_time_slot_is_booked_and_nothing_less(user: httpx.Client) -> None:
    for body in ({}, {"room_id": 1, "time_slot": 1}):
        answer = user.post("/api/bookings/", json=body)
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (
            400,
            ["room_id", "time_slot"],
        )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"end_date": "2102-01-01"}, "end_date"),
        ({"end_date": "2103-01-03"}, "end_date"),
        ({"weekdays": []}, "weekdays"),
        ({"weekdays": [7]}, "weekdays"),
        ({"weekdays": [6], "end_date": "2102-01-04"}, "weekdays"),
        ({"duration_minutes": 121}, "end_time"),
        ({"duration_minutes": 1, "end_date": "2102-02-28"}, "end_date"),
        ({"start_time": "9"}, "start_time"),
        ({"end_time": "25:00"}, "end_time"),
        ({"on_collision": "shrug"}, "on_collision"),
    ],
)
def test_a_pattern_that_cannot_be_is_refused_by_field(staff: httpx.Client, change: dict[str, Any], field: str) -> None:
    pattern = {
        "category": 1, "start_date": "2102-01-02", "end_date": "2102-01-15", "weekdays": [0, 2], "start_time": "09:00",
        "end_time": "11:00", "duration_minutes": 60, **change,
    }  # fmt: skip
    answer = staff.post("/api/admin/timeslots/weekly/", json=pattern)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])
