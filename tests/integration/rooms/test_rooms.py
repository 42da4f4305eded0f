"""Rooms over HTTP: made by staff, shown to everybody, held by people, shown again as the contract says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.support.clients.callers import USER, execute, new_person, signed_in
from tests.support.clients.http_client import anonymous
from tests.support.clients.rooms import FREE_DAY, book, new_room, wish
from tests.support.processes.stack import Stack


@pytest.fixture
def person(stack: Stack) -> Iterator[httpx.Client]:
    """Somebody new, who holds nothing yet."""
    email = new_person(stack)
    ((user_id,),) = execute(stack, "SELECT id FROM user_account WHERE email_key = %s", email)
    with signed_in(stack, user_id) as client:
        yield client


def refused(answer: httpx.Response) -> tuple[int, str, list[str]]:
    body = answer.json()
    return answer.status_code, body["code"], [problem["field"] for problem in body["errors"]]


def test_the_demo_room_is_listed_as_the_document_prints_it(stack: Stack) -> None:
    with anonymous(stack.api_url) as client:
        body = client.get("/api/rooms/").json()
        assert body["count"] == len(body["rooms"])
        printed = {
            "id": 1,
            "name": "Conference Room A",
            "description": "Large conference room",
            "price_per_slot": 50.00,
            "capacity": 10,
            "amenities": ["WiFi", "Projector", "Whiteboard"],
            "is_available": True,
            "slot_duration_minutes": 30,
            "opening_time": "09:00:00",
            "closing_time": "18:00:00",
        }
        (room,) = (room for room in body["rooms"] if room["id"] == 1)
        assert {name: room[name] for name in printed} == printed
        assert client.get("/api/rooms/1/").json() == room


def test_a_booking_is_a_hold_at_the_present_price_in_the_documents_shape(
    desk: httpx.Client, person: httpx.Client
) -> None:
    room = new_room(desk)
    before = datetime.now(UTC)
    answer = book(person, room, special_requests="Need projector setup")
    assert answer.status_code == 201, answer.text
    body = answer.json()
    expires = datetime.fromisoformat(body["hold_expires_at"])
    assert 1795 < (expires - before).total_seconds() < 1805
    assert {name: body[name] for name in ("room_id", "booking_date", "start_time", "end_time", "guest_count")} == {
        "room_id": room,
        "booking_date": FREE_DAY,
        "start_time": "09:00:00",
        "end_time": "10:00:00",
        "guest_count": 5,
    }
    assert (body["total_amount"], body["number_of_slots"]) == (100.0, 2)
    assert (body["status"], body["payment_status"]) == ("pending", "pending")
    assert body["user_name"] == body["user_email"]
    desk.put(f"/api/admin/rooms/{room}/", json={"price_per_slot": 70}).raise_for_status()
    assert person.get(f"/api/bookings/{body['id']}/").json() == body


def test_the_body_must_say_whose_request_it_is(person: httpx.Client) -> None:
    assert refused(person.post("/api/bookings/", json={"booking_date": FREE_DAY}))[:2] == (400, "invalid")
    assert "room_id" in person.post("/api/bookings/", json=[]).json()["message"]
    assert refused(person.post("/api/bookings/", content=b"{"))[:2] == (400, "malformed_json")


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"start_time": "09:15:00"}, 400, "off_grid", "start_time"),
        ({"end_time": "09:45:00"}, 400, "off_grid", "start_time"),
        ({"start_time": "08:00:00", "end_time": "09:00:00"}, 400, "outside_working_hours", "start_time"),
        ({"start_time": "17:30:00", "end_time": "18:30:00"}, 400, "outside_working_hours", "start_time"),
        ({"booking_date": "2100-01-10"}, 400, "off_day", "booking_date"),
        ({"guest_count": 11}, 400, "too_many_guests", "guest_count"),
        ({"guest_count": 0}, 400, "invalid", "guest_count"),
        ({"end_time": "09:00:00"}, 400, "invalid", "end_time"),
        ({"booking_date": "2100-02-30"}, 400, "invalid", "booking_date"),
        ({"start_time": "nine"}, 400, "invalid", "start_time"),
        ({"user_id": 2}, 403, "forbidden", "user_id"),
        ({"room_id": 10**15}, 404, "room_not_found", "room_id"),
        ({"colour": "red"}, 400, "invalid", "colour"),
        ({"special_requests": "\x00"}, 400, "invalid", "special_requests"),
    ],
)
def test_what_cannot_be_booked_is_refused_by_name(
    desk: httpx.Client, person: httpx.Client, changes: dict[str, Any], status: int, code: str, field: str
) -> None:
    room = new_room(desk, off_days=[6])
    body = {**wish(room), **changes}
    assert refused(person.post("/api/bookings/", json=body)) == (status, code, [field])


def test_availability_shows_what_can_be_booked_and_a_taken_slot_is_refused(
    desk: httpx.Client, person: httpx.Client, stack: Stack
) -> None:
    room = new_room(desk, opening_time="09:00", closing_time="11:00:00")
    booked = book(person, room, start_time="09:30", end_time="10:30").json()
    with anonymous(stack.api_url) as client:
        day = client.get(f"/api/rooms/{room}/availability/", params={"date": FREE_DAY}).json()
        assert [(slot["start_time"], slot["is_available"]) for slot in day["slots"]] == [
            ("09:00:00", True),
            ("09:30:00", False),
            ("10:00:00", False),
            ("10:30:00", True),
        ]
        assert day["available_count"] == 2
        assert refused(client.get(f"/api/rooms/{room}/availability/")) == (400, "invalid", ["date"])
    assert refused(book(person, room)) == (409, "slot_taken", ["start_time"])
    cancelled = person.delete(f"/api/bookings/{booked['id']}/")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert book(person, room).status_code == 201


def test_a_free_room_is_confirmed_at_once(desk: httpx.Client, person: httpx.Client) -> None:
    body = book(person, new_room(desk, price_per_slot=0)).json()
    assert (body["status"], body["payment_status"], body["hold_expires_at"]) == ("confirmed", "succeeded", None)


def test_one_person_holds_so_many_places_and_no_more(desk: httpx.Client, person: httpx.Client) -> None:
    rooms = [new_room(desk) for _ in range(6)]
    held = [book(person, room) for room in rooms]
    assert [answer.status_code for answer in held] == [201] * 5 + [409]
    assert held[-1].json()["code"] == "too_many_holds"
    person.delete(f"/api/bookings/{held[0].json()['id']}/").raise_for_status()
    assert book(person, rooms[-1]).status_code == 201


def test_bookings_are_their_owners_and_staffs(stack: Stack, desk: httpx.Client, person: httpx.Client) -> None:
    booked = book(person, new_room(desk)).json()["id"]
    with signed_in(stack) as other_user:
        assert other_user.get(f"/api/bookings/{booked}/").status_code == 404
        assert other_user.delete(f"/api/bookings/{booked}/").status_code == 404
        assert other_user.get("/api/bookings/all/").status_code == 403
    assert desk.get(f"/api/bookings/{booked}/").json()["id"] == booked
    assert desk.delete(f"/api/bookings/{booked}/").status_code == 404  # own only, staff included
    listed = desk.get("/api/bookings/all/", params={"limit": 5}).json()
    assert booked in [booking["id"] for booking in listed["bookings"]]
    assert listed["count"] >= len(listed["bookings"])
    shown = desk.get("/api/admin/bookings/", params={"date": FREE_DAY, "limit": 500}).json()["data"]
    (found,) = (booking for booking in shown if booking["id"] == booked)
    assert (found["contract"], found["status"], found["duration_minutes"]) == ("rooms", "upcoming", 60)
    again = desk.put(f"/api/admin/bookings/{booked}/update/", json={"status": "upcoming"})
    assert (again.status_code, again.json()["data"]["version"]) == (200, 1)  # a hold is not confirmed unpaid
    assert desk.delete(f"/api/admin/bookings/{booked}/").status_code == 200
    assert person.get(f"/api/bookings/{booked}/").json()["status"] == "cancelled"


def test_staff_book_for_others_and_others_for_themselves_only(desk: httpx.Client) -> None:
    assert book(desk, new_room(desk, price_per_slot=0), user_id=USER).json()["user_id"] == USER


def test_a_room_is_changed_by_what_is_sent_and_keeps_the_rest(desk: httpx.Client, stack: Stack) -> None:
    room = new_room(desk, amenities=["WiFi"], time_zone="Europe/Berlin", closing_time="00:00")
    before = desk.get(f"/api/admin/rooms/{room}/").json()
    assert (before["closing_time"], before["time_zone"]) == ("00:00:00", "Europe/Berlin")
    assert desk.put(f"/api/admin/rooms/{room}/", json=before).json() == before  # read-only fields come back unchanged
    after = desk.patch(f"/api/admin/rooms/{room}/", json={"capacity": 3, "is_available": False}).json()
    assert after == {**before, "capacity": 3, "is_available": False}
    with anonymous(stack.api_url) as client:
        assert room not in [one["id"] for one in client.get("/api/rooms/").json()["rooms"]]
        assert client.get(f"/api/rooms/{room}/").status_code == 404
        assert client.get(f"/api/rooms/{room}/availability/?date={FREE_DAY}").status_code == 404
    assert refused(book(desk, room)) == (404, "room_not_found", ["room_id"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"opening_time": "19:00"}, "closing_time"),
        ({"slot_duration_minutes": 600}, "slot_duration_minutes"),
        ({"price_per_slot": 0.001}, "price_per_slot"),
        ({"price_per_slot": -1}, "price_per_slot"),
        ({"price_per_slot": 100_000}, "price_per_slot"),
        ({"price_per_slot": 1e300}, "price_per_slot"),
        ({"name": "<b>"}, "name"),
        ({"off_days": [7]}, "off_days"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"resource_id": 10**12}, "resource_id"),
        ({"capacity": 0}, "capacity"),
    ],
)
def test_a_room_that_does_not_fit_together_is_refused(desk: httpx.Client, change: dict[str, Any], field: str) -> None:
    body = {"name": "Odd", "price_per_slot": 50, "capacity": 4, **change}
    assert refused(desk.post("/api/admin/rooms/", json=body)) == (400, "invalid", [field])


def test_rooms_that_share_a_resource_take_each_others_time(desk: httpx.Client, person: httpx.Client) -> None:
    hall = new_room(desk)
    half = new_room(desk, resource_id=desk.get(f"/api/admin/rooms/{hall}/").json()["resource_id"])
    assert book(person, hall).status_code == 201
    assert refused(book(person, half))[1] == "slot_taken"


def test_read_only_fields_of_a_room_cannot_be_changed(desk: httpx.Client) -> None:
    room = new_room(desk)
    answer = desk.put(f"/api/admin/rooms/{room}/", json={"id": room + 1, "currency": "eur"})
    assert refused(answer) == (400, "invalid", ["id", "currency"])
    assert desk.put("/api/admin/rooms/999999999/", json={}).status_code == 404
