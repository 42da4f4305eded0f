"""What can be booked and when, told to everybody: the same times that a booking would find."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.clients.http_client import Client, agent_booking, free_day
from tests.support.clients.rooms import FREE_DAY, book, new_room
from tests.support.clients.time_slots import DAYS, new_category, new_slot

BASE = "/api/catalogue/"
HOUR = {"booking_time": "10:00", "service_name": "Legal Consultation"}


def asked(client: httpx.Client, what: str, **query: Any) -> Any:
    answer = client.get(f"{BASE}{what}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def starts(client: httpx.Client, kind: str, id_: int, date: str, **more: Any) -> list[str]:
    return [one["start_time"] for one in asked(client, "times/", kind=kind, id=id_, date=date, **more)["times"]]


def test_it_lists_every_kind_with_what_a_visitor_needs(client: Client) -> None:
    listed = asked(client, "")["bookable"]
    by_kind = {one["kind"]: one for one in listed}
    assert set(by_kind) >= {"service", "room", "category", "individual"}
    session = next(one for one in listed if one["name"] == "60-minute Consultation")
    assert (session["kind"], session["price_minor"], session["practitioners"]) == (
        "individual",
        5000,
        [{"id": 1, "name": "Dr. Smith"}],
    )
    assert {one["kind"] for one in listed if one["name"] == "60-minute Consultation"} == {"individual"}


def test_a_service_has_the_times_that_the_desk_has(client: Client) -> None:
    day = free_day()
    before = starts(client, "service", 1, day)
    assert client.post("/api/agent/booking/create/", json=agent_booking(booking_date=day, **HOUR)).status_code == 201
    assert set(before) - set(starts(client, "service", 1, day)) == {"10:00"}
    told = asked(client, "days/", kind="service", id=1, start_date=day, days=1)
    assert told["days"] == [{"date": day, "free": len(before) - 1, "full": 0}]


def test_a_room_has_its_free_slots(client: Client, staff: Client, user: Client) -> None:
    room = new_room(staff)
    before = starts(client, "room", room, FREE_DAY)
    assert len(before) == 18
    assert book(user, room).status_code == 201
    assert set(before) - set(starts(client, "room", room, FREE_DAY)) == {"09:00", "09:30"}


def test_a_category_has_the_slots_that_nobody_has(client: Client, staff: Client) -> None:
    category, day = new_category(staff), next(DAYS)
    slot = new_slot(staff, category, day)
    (told,) = asked(client, "times/", kind="category", id=category, date=day.isoformat())["times"]
    assert told["time_slot_id"] == slot["id"]


def test_a_session_has_the_times_of_its_practitioner(client: Client) -> None:
    told = asked(client, "days/", kind="individual", id=2, practitioner_id=1, start_date="2026-12-01", days=62)
    free = [day["date"] for day in told["days"] if day["free"]]
    assert free
    assert len(starts(client, "individual", 2, free[-1])) == max(
        day["free"] for day in told["days"] if day["date"] == free[-1]
    )


def test_a_full_session_is_told_as_full(client: Client, staff: Client) -> None:
    day = "2099-03-04"
    session = {
        "service_id": 3,
        "practitioner_id": 1,
        "start_time": f"{day}T10:00:00Z",
        "end_time": f"{day}T12:00:00Z",
        "capacity": 1,
    }
    made = staff.post("/api/v1/drf/sessions/", json=session)
    assert made.status_code == 201, made.text
    seat = {"service_id": 3, "service_session_id": made.json()["id"], "user_id": 5}
    assert staff.post("/api/v1/drf/bookings/", json=seat).status_code == 201
    (told,) = asked(client, "times/", kind="workshop", id=3, date=day)["times"]
    assert (told["service_session_id"], told["seats_left"], told["waiting"]) == (made.json()["id"], 0, 0)
    days = asked(client, "days/", kind="workshop", id=3, start_date=day, days=1)["days"]
    assert days == [{"date": day, "free": 0, "full": 1}]


@pytest.mark.parametrize("what", ["days/?start_date=2100-01-04", "times/?date=2100-01-04"])
def test_what_cannot_be_booked_is_not_found(client: Client, what: str) -> None:
    answer = client.get(f"{BASE}{what}&kind=room&id=999999")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_last_day_of_the_calendar_ends_the_list(client: Client) -> None:
    told = asked(client, "days/", kind="service", id=1, start_date="2199-12-30", days=62)
    assert told["days"][-1]["date"] == "2199-12-31"
