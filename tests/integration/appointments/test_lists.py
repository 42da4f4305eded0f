"""Lists of bookings, statistics, details, the month calendar and reserved slots, over HTTP."""

from __future__ import annotations

from typing import Any

from tests.support.clients.callers import STAFF, access_for, bearer, execute, new_person
from tests.support.clients.http_client import Client, agent_booking
from tests.support.processes.stack import Stack


def book(client: Client, day: str, at: str, **changes: Any) -> int:
    answer = client.book(agent_booking(booking_date=day, booking_time=at, **changes))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["booking_id"])


def listed(staff: Client, **filters: Any) -> list[int]:
    answer = staff.get("/api/admin/bookings/", params=filters)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]]


def test_every_filter_of_the_admin_list_narrows_and_all_are_anded(client: Client, staff: Client) -> None:
    day, other = "2097-03-04", "2097-03-05"
    first = book(client, day, "09:00", service_name="Filter One", phone="555 8801")
    second = book(client, day, "10:00", service_name="Filter Two", phone="555 8801")
    third = book(client, other, "09:00", service_name="filter one", phone="555 8002")
    staff.put(f"/api/admin/bookings/{second}/update/", json={"status": "completed"})

    assert listed(staff, date=day) == [second, first]
    assert listed(staff, service="FILTER ONE") == [third, first]
    assert listed(staff, user="5558801") == listed(staff, user="555 8801") == [second, first]
    assert listed(staff, date=day, status="upcoming") == [first]
    assert listed(staff, user="5558801", service="Filter Two", status="completed", date=day) == [second]
    assert listed(staff, user="5558801", date=other) == []
    assert listed(staff, user="nobody of that name") == []
    assert listed(staff, service="filter one", limit=1) == [third]
    assert listed(staff, service="filter one", limit=1, offset=1) == [first]
    assert listed(staff, service="filter one", limit=1, offset=2) == []


def test_bookings_are_found_by_the_category_of_their_time_slot(stack: Stack, client: Client, staff: Client) -> None:
    ids = [book(client, "2097-03-06", f"{hour:02}:00") for hour in (9, 10, 11)]
    category = "INSERT INTO category (name, name_key, resource_id) VALUES (%s, %s, 1) RETURNING id"
    ((one,),), ((other,),) = (execute(stack, category, f"Lists {n}", f"lists {n}") for n in (1, 2))
    for id_, category_id in zip(ids, (one, other, one), strict=True):
        details = f'{{"type": "time_slot", "category_id": {category_id}}}'
        execute(stack, "UPDATE booking SET details = %s::jsonb WHERE id = %s", details, id_)
    assert listed(staff, category=one) == [ids[2], ids[0]]
    assert listed(staff, category=one, date="2097-03-06", limit=1, offset=1) == [ids[0]]
    assert listed(staff, category=other, status="cancelled") == []
    refused = staff.get("/api/admin/bookings/", params={"category": 2**62}).json()
    known = ", ".join(str(row[0]) for row in execute(stack, "SELECT id FROM category ORDER BY id"))
    assert refused["message"] == f"category must be one of {known}"


def test_totals_count_everything_that_matches_whatever_the_page(client: Client, staff: Client) -> None:
    day = "2097-03-11"
    for hour in range(9, 14):
        book(client, day, f"{hour:02}:00", service_name="Counted")
    for filters in ({"date": day}, {"service": "counted"}, {"service": "counted", "date": day, "status": "upcoming"}):
        answer = staff.get("/api/admin/bookings/", params={**filters, "limit": 2, "offset": 4}).json()
        shown = (answer["total_count"], answer["total_exact"], answer["count"], answer["limit"], answer["offset"])
        assert shown == (5, True, 1, 2, 4)


def test_unknown_filters_are_refused_with_what_is_allowed(client: Client, staff: Client) -> None:
    admin_list, reserved, month = "/api/admin/bookings/", "/api/reservations/reserved_slots/", "/api/booking/calendar/"
    for path in (admin_list, reserved):
        answer = staff.get(path, params={"status": "pending", "limit": "501", "odd": "1", "date": "2025-02-30"})
        assert answer.status_code == 400
        assert answer.json()["errors"] == [
            {"field": "date", "message": "date must be a day of the calendar, and 2025-02-30 is none"},
            {"field": "status", "message": "status must be one of upcoming, completed, cancelled"},
            {"field": "limit", "message": "limit must be a whole number from 1 to 500"},
            {"field": "odd", "message": "Unknown parameter: odd"},
        ]
    answer = client.get(month, params={"month": "13"})
    assert [(p["field"], p["message"]) for p in answer.json()["errors"]] == [
        ("year", "Missing required parameter: year"),
        ("month", "month must be a whole number from 1 to 12"),
    ]
    assert staff.get("/api/admin/bookings/stats/", params={"date": "2025-10-10"}).status_code == 400


def test_statistics_are_the_documents_figures_and_count_a_booking_at_once(client: Client, staff: Client) -> None:
    def stats() -> dict[str, int]:
        answer = staff.get("/api/admin/bookings/stats/").json()
        assert answer["message"] == "Booking statistics retrieved successfully"
        found: dict[str, int] = answer["stats"]
        return found

    before = stats()
    book(client, "2097-03-14", "09:00", status="cancelled")
    id_ = book(client, "2097-03-14", "09:00")
    after = stats()
    grown = {"total_bookings": 2, "upcoming_bookings": 1, "cancelled_bookings": 1}
    assert {name: after[name] - before[name] for name in after} == {
        **dict.fromkeys(("completed_bookings", "today_bookings", "week_bookings", "month_bookings"), 0),
        **grown,
    }
    staff.delete(f"/api/admin/bookings/{id_}/delete/")
    assert stats() == {**before, **{name: before[name] + 1 for name in ("total_bookings", "cancelled_bookings")}}


def test_details_are_the_admin_shape_for_staff_and_for_the_owner_alone(
    stack: Stack, client: Client, staff: Client
) -> None:
    id_ = book(client, "2097-03-12", "09:00", phone="5558010", first_name="Dee", notes="see me")
    answer = staff.get(f"/api/admin/bookings/{id_}/")
    body = answer.json()
    data = body["data"]
    assert (answer.status_code, body["success"], body["message"]) == (200, True, "Booking retrieved successfully")
    assert data["created_at"].endswith("+00:00")
    owner = data["user_details"]
    assert (data["booking_time"], data["notes"], data["status"], data["contract"]) == (
        "09:00:00",
        "see me",
        "upcoming",
        "agent",
    )
    assert (owner["id"], owner["first_name"], owner["phone"]) == (data["user_id"], "Dee", "5558010")

    own = bearer(access_for(stack, data["user_id"]))
    new_person(stack)
    (other,) = execute(stack, "SELECT max(id) FROM user_account WHERE email IS NOT NULL")[0]
    path = f"/api/bookings/{id_}/"
    assert client.get(path).status_code == 401
    assert client.get(path, headers=own).json() == staff.get(path).json() == data
    assert client.get(path, headers=bearer(access_for(stack, other))).status_code == 404
    for missing in (f"/api/bookings/{2**70}/", "/api/bookings/999999999/", f"/api/admin/bookings/{2**70}/"):
        assert staff.get(missing).status_code == 404
    staff.delete(f"/api/admin/bookings/{id_}/delete/")
    assert staff.get(path).status_code == staff.get(f"/api/admin/bookings/{id_}/").status_code == 404


def test_an_update_takes_the_other_fields_back_only_as_they_are(client: Client, staff: Client) -> None:
    id_ = book(client, "2097-03-12", "10:00")
    data = staff.get(f"/api/admin/bookings/{id_}/").json()["data"]
    path = f"/api/admin/bookings/{id_}/update/"
    answer = staff.put(path, json={**data, "status": "completed", "notes": "other", "user_id": 1})
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["errors"]] == ["user_id", "notes"]
    answer = staff.put(path, json={**data, "status": "completed"})
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "completed")
    assert staff.put(path, json={"status": "completed", "odd": 1}).status_code == 400
    assert staff.put(path, json={}).json()["message"] == "Missing required field: status"


def test_reserved_slots_are_public_and_tell_nothing_of_who_or_why(client: Client, staff: Client) -> None:
    day = "2097-03-13"
    book(client, day, "11:00", service_name="Reserved", notes="secret")
    second = book(client, day, "09:30", service_name="Reserved", notes="secret")
    gone = book(client, day, "14:00", service_name="Reserved")
    staff.delete(f"/api/admin/bookings/{gone}/")
    path = "/api/reservations/reserved_slots/"
    body = client.get(path, params={"date": day}).json()
    slot = {"service_name": "Reserved", "booking_date": day, "duration_minutes": 60, "status": "upcoming"}
    assert body == {
        "success": True,
        "message": "Reserved slots retrieved successfully",
        "data": [{**slot, "booking_time": "09:30"}, {**slot, "booking_time": "11:00"}],
        "total_count": 2,
        "total_exact": True,
        "count": 2,
        "limit": 50,
        "offset": 0,
    }
    assert client.get(path, params={"service": "reserved", "status": "cancelled"}).json()["data"] == [
        {**slot, "booking_time": "14:00", "status": "cancelled"}
    ]
    assert client.get(path, params={"service": "reserved", "offset": 1}).json()["data"][0]["booking_time"] == "11:00"
    staff.delete(f"/api/admin/bookings/{second}/")
    assert client.get(path, params={"date": day}).json()["total_count"] == 1


def test_the_month_calendar_counts_what_the_slot_lists_offer(client: Client) -> None:
    book(client, "2097-04-01", "09:30", service_name="Anything")
    book(client, "2097-04-30", "16:00")
    body = client.get("/api/booking/calendar/", params={"year": 2097, "month": 4}).json()
    days = {day["date"]: day for day in body.pop("calendar")}
    assert body == {
        "success": True,
        "message": "Booking calendar retrieved successfully",
        "year": 2097,
        "month": 4,
        "working_hours": {"start": "09:00", "end": "17:00"},
        "off_days": [6],
    }
    assert len(days) == 30
    assert days["2097-04-01"] == {
        "date": "2097-04-01",
        "day": 1,
        "day_name": "Monday",
        "is_off_day": False,
        "is_weekend": False,
        "is_today": False,
        "reserved_count": 1,
        "available_count": 6,
    }
    sunday = days["2097-04-07"]
    assert (sunday["is_off_day"], sunday["is_weekend"], sunday["available_count"]) == (True, True, 0)
    for day in ("2097-04-01", "2097-04-29", "2097-04-30", "2097-04-07"):
        slots = client.get("/api/booking/smart-available-slots/", params={"date": day}).json()
        assert days[day]["available_count"] == slots["total_available_slots"]
    assert client.get("/api/booking/calendar/", params={"year": 2097, "month": 2}).json()["calendar"][-1]["day"] == 28


def test_settings_may_be_sent_back_as_they_were_read(client: Client, staff: Client) -> None:
    path = "/api/booking/settings/"
    data = client.get(path).json()["data"]
    answer = staff.post(path, json={**data, "updated_at": "2020-01-01T00:00:00Z"})
    assert [problem["field"] for problem in answer.json()["errors"]] == ["updated_at"]
    again = staff.post(path, json=data).json()["data"]
    assert {**again, "updated_at": ""} == {**data, "updated_at": ""}
    assert (data["OFF_DAYS"], data["WORKING_HOURS_START"], data["is_active"]) == ("6", 9, True)


def test_lists_answer_alike_with_and_without_the_slash(staff: Client) -> None:
    for path in ("/api/admin/bookings", "/api/admin/bookings/stats", "/api/reservations/reserved_slots"):
        assert staff.get(path).status_code == staff.get(path + "/").status_code == 200


def test_ordinary_staff_reach_the_desk_too(stack: Stack, client: Client) -> None:
    own = bearer(access_for(stack, STAFF))
    assert client.get("/api/admin/bookings/stats/", headers=own).status_code == 200
