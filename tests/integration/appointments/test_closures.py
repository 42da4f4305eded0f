"""Closures and resources over HTTP, as staff use them."""

from __future__ import annotations

from tests.support.clients.http_client import Client, agent_booking

CLOSURES, SLOTS, MONTH = "/api/admin/closures/", "/api/booking/smart-available-slots/", "/api/booking/calendar/"


def test_a_holiday_closes_the_desk_shows_whom_it_concerns_and_ends(client: Client, staff: Client) -> None:
    day, body = "2097-05-06", agent_booking(booking_date="2097-05-06", booking_time="10:00", phone="5559001")
    booked = client.book(body).json()["booking_id"]
    sent = {"start_date": day, "start_time": "09:00", "end_time": "14:00:00", "reason": "Doctor"}
    answer = staff.post(CLOSURES, json=sent)
    assert answer.status_code == 201, answer.text
    data = answer.json()["data"]
    closure = data["id"]
    assert data == {
        "id": closure,
        "resource": {"id": data["resource"]["id"], "kind": "desk", "name": "desk", "zone": "UTC"},
        "start_date": day,
        "start_time": "09:00:00",
        "end_date": day,
        "end_time": "14:00:00",
        "starts_at": f"{day}T09:00:00.000000+00:00",
        "ends_at": f"{day}T14:00:00.000000+00:00",
        "reason": "Doctor",
        "created_at": data["created_at"],
        "kind": "made",
        "busy_calendar_id": None,
    }
    assert answer.json()["bookings_in_the_way"] == [
        {
            "id": booked,
            "contract": "agent",
            "user_id": answer.json()["bookings_in_the_way"][0]["user_id"],
            "service_name": body["service_name"],
            "booking_date": day,
            "booking_time": "10:00:00",
            "duration_minutes": 60,
            "status": "upcoming",
        }
    ]
    assert answer.json()["bookings_in_the_way_count"] == 1

    offered = client.get(SLOTS, params={"date": day}).json()["available_slots"]
    assert [slot["time"] for slot in offered] == ["14:00", "15:00", "16:00"]
    month = client.get(MONTH, params={"year": 2097, "month": 5}).json()["calendar"][5]
    assert (month["date"], month["available_count"], month["reserved_count"]) == (day, 3, 1)
    assert client.book({**body, "booking_time": "13:30"}).json()["message"] == "This time slot is already reserved"

    details = staff.get(f"{CLOSURES}{closure}/").json()
    assert details["bookings_in_the_way"][0]["user_details"]["phone"] == "5559001"
    assert details["data"] == data
    staff.delete(f"/api/admin/bookings/{booked}/")
    assert staff.get(f"{CLOSURES}{closure}/").json()["bookings_in_the_way_count"] == 0
    assert client.book(body).status_code == 409
    assert [one["id"] for one in staff.get(CLOSURES, params={"date": day}).json()["data"]] == [closure]
    assert staff.get(CLOSURES, params={"date": "2097-05-07"}).json()["total_count"] == 0

    assert staff.delete(f"{CLOSURES}{closure}/").json()["data"] == data
    assert staff.delete(f"{CLOSURES}{closure}/").status_code == 404
    assert client.book(body).status_code == 201


def test_an_unusable_closure_says_why(staff: Client) -> None:
    answer = staff.post(CLOSURES, json={"start_date": "2097-02-30", "end_time": "25:00", "surprise": 1})
    assert [(one["field"], one["message"]) for one in answer.json()["errors"]] == [
        ("start_date", "start_date must be a day of the calendar, and 2097-02-30 is none"),
        ("end_time", "end_time must be a time like 09:30"),
        ("surprise", "Unknown field: surprise"),
    ]
    for early, field in (
        ({"start_date": "2097-05-08", "end_date": "2097-05-07"}, "end_date"),
        ({"start_date": "2097-05-08", "start_time": "10:00", "end_time": "10:00"}, "end_time"),
        ({"start_date": "2097-05-08", "end_time": "00:00"}, "end_time"),
    ):
        answer = staff.post(CLOSURES, json=early)
        assert [tuple(one.values()) for one in answer.json()["errors"]] == [
            (field, "A closure must end after it starts")
        ]
    for body, message in (
        ({"start_date": "2097-05-08", "end_date": "2098-05-09"}, "A closure may last 366 days at most"),
        ({"start_date": "2097-05-08", "resource_id": 1, "service": "x"}, "Send resource_id or service, not both"),
        ({}, "Missing required field: start_date"),
    ):
        answer = staff.post(CLOSURES, json=body)
        assert (answer.status_code, answer.json()["message"]) == (400, message)
    missing = staff.post(CLOSURES, json={"start_date": "2097-05-08", "resource_id": 2**62})
    assert (missing.status_code, missing.json()["code"]) == (404, "resource_not_found")
    assert staff.get(f"{CLOSURES}{2**70}/").status_code == 404


def test_a_resource_that_is_closed_leaves_the_others_open(client: Client, staff: Client) -> None:
    listed = staff.get("/api/admin/resources/", params={"kind": "room"}).json()
    room = listed["data"][0]
    assert (room["kind"], room["zone"], listed["total_count"]) == ("room", "UTC", len(listed["data"]))
    body = {"resource_id": room["id"], "start_date": "2097-05-09", "end_date": "2097-05-10"}
    closure = staff.post(CLOSURES, json=body).json()["data"]["id"]
    assert staff.post(CLOSURES, json=body).json()["code"] == "already_closed"
    assert client.get(SLOTS, params={"date": "2097-05-09"}).json()["total_available_slots"] == 8
    staff.delete(f"{CLOSURES}{closure}/")
    assert client.get(CLOSURES).status_code == client.post(CLOSURES, json=body).status_code == 401


def test_a_closure_that_begins_or_ends_where_the_clocks_skip_names_that_time(staff: Client) -> None:
    room = {"name": "Room in New York", "price_per_slot": 50, "capacity": 1, "time_zone": "America/New_York"}
    made = staff.post("/api/admin/rooms/", json=room).json()
    resource = (made.get("data") or made)["resource_id"]
    for field, day in (("start_time", "2034-03-12"), ("end_time", "2034-03-11")):
        sent = {"resource_id": resource, "start_date": day, "end_date": "2034-03-12", field: "02:30"}
        told = staff.post(CLOSURES, json=sent).json()
        assert (told["code"], [one["field"] for one in told["errors"]]) == ("local_time_skipped", [field])
