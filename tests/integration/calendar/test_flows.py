"""The calendar document as its users live it: with session and CSRF, on the real stack."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx
from websockets.sync.client import connect

from tests.support.clients.callers import browser
from tests.support.clients.time_slots import DAYS, book, new_category, new_slot, slots
from tests.support.notifier import Listener
from tests.support.processes.stack import Stack


def test_categories_are_public(stack: Stack) -> None:
    with browser(stack) as anybody:
        found = anybody.get("/api/categories/").json()
    assert found[:3] == [{"id": 1, "name": "Cat 1"}, {"id": 2, "name": "Cat 2"}, {"id": 3, "name": "Cat 3"}]


def test_a_slot_s_life_as_the_document_has_it(
    staff: httpx.Client, visitor: httpx.Client, other: httpx.Client, day: date
) -> None:
    category = new_category(staff)
    name = staff.get(f"/api/admin/categories/{category}/").json()["name"]
    free = {
        "category": {"id": category, "name": name},
        "start_time": f"{day}T09:00:00Z",
        "end_time": f"{day}T10:00:00Z",
        "is_booked": False,
        "booked_by_me": False,
    }
    slot = new_slot(staff, category, day)
    id_ = slot["id"]
    assert slot == {"id": id_, **free, "booking": None}
    assert slots(visitor, date=day, categories=name) == [{"id": id_, **free}]

    booked = book(visitor, id_)
    assert booked.status_code == 201
    booking = booked.json()
    mine = {"id": id_, **free, "is_booked": True, "booked_by_me": True}
    assert booking["time_slot"] == mine
    assert (booking["start_time"], booking["status"]) == (free["start_time"], "upcoming")
    assert slots(visitor, date=day, categories=name) == [mine]
    assert slots(visitor, date=day, categories=name, available_only="true") == []
    assert visitor.get("/api/user/bookings/", params={"status": "upcoming"}).json() == [booking]
    assert visitor.get("/api/user/bookings/", params={"status": "past"}).json() == []
    assert visitor.get(f"/api/bookings/{booking['id']}/").json() == booking

    assert slots(other, date=day, categories=name) == [{"id": id_, **free, "is_booked": True}]
    assert book(other, id_).status_code == 409
    assert other.delete(f"/api/bookings/{booking['id']}/").status_code == 404
    (seen,) = slots(staff, date=day, categories=name)
    assert seen["booking"]["id"] == booking["id"]
    assert seen["booking"]["user_details"]["id"] == visitor.get("/api/auth/user/").json()["id"]
    assert staff.delete(f"/api/bookings/{booking['id']}/").status_code == 404
    assert staff.get(f"/api/bookings/{booking['id']}/").json()["time_slot"] == {**mine, "booked_by_me": False}

    assert visitor.delete(f"/api/bookings/{booking['id']}/").status_code == 200
    assert slots(visitor, date=day, categories=name) == [{"id": id_, **free}]
    assert visitor.get("/api/user/bookings/").json() == []
    again = book(visitor, id_).json()["id"]
    assert staff.delete(f"/api/admin/bookings/{again}/").status_code == 200
    assert visitor.get(f"/api/bookings/{again}/").json()["status"] == "cancelled"
    assert slots(visitor, date=day, categories=name) == [{"id": id_, **free}]


def test_writes_want_the_csrf_token_and_reads_a_login(stack: Stack, staff: httpx.Client, user: httpx.Client) -> None:
    with browser(stack) as anonymous:
        assert anonymous.get("/api/timeslots/").status_code == 401
        assert anonymous.get("/api/user/bookings/").status_code == 401
    answer = staff.post("/api/bookings/", json={"time_slot": 1}, headers={"X-CSRFToken": ""})
    assert answer.json()["code"] == "csrf_failed"
    for path in ("/api/admin/timeslots/", "/api/admin/categories/"):
        assert user.get(path).status_code == 403


def test_lists_filter_by_days_names_and_what_is_free(staff: httpx.Client, user: httpx.Client, day: date) -> None:
    one, other = new_category(staff), new_category(staff)
    names = [staff.get(f"/api/admin/categories/{id_}/").json()["name"] for id_ in (one, other)]
    next_day = next(DAYS)
    wanted = {(c, d): new_slot(staff, c, d)["id"] for c in (one, other) for d in (day, next_day)}
    book(user, wanted[one, day])

    def ids(**asked: Any) -> list[int]:
        return [slot["id"] for slot in slots(user, **asked)]

    both = [wanted[one, day], wanted[other, day]]
    assert ids(date=day) == both
    assert ids(start_date=day, end_date=next_day, categories=names[0]) == [wanted[one, day], wanted[one, next_day]]
    assert ids(date=day, categories=",".join(names).upper()) == both
    assert ids(date=day, categories=names) == both
    assert ids(date=day, **{"categories[]": names}) == both
    assert ids(date=day, categories="Nobody's") == []
    assert ids(date=day, available_only="true") == [wanted[other, day]]
    assert ids(start_date=next_day, end_date=next_day, categories=names[1], available_only="false") == [
        wanted[other, next_day]
    ]

    def admin_ids(**asked: Any) -> list[int]:
        return [slot["id"] for slot in staff.get("/api/admin/timeslots/", params=asked).json()]

    assert admin_ids(date=day) == both
    assert admin_ids(category=one) == [wanted[one, day], wanted[one, next_day]]
    assert admin_ids(date=day, status="booked") == [wanted[one, day]]
    assert admin_ids(date=day, status="available") == [wanted[other, day]]
    first = staff.get("/api/admin/timeslots/", params={"category": one, "limit": 1})
    assert [slot["id"] for slot in first.json()] == [wanted[one, day]]
    rest = staff.get(first.links["next"]["url"])
    assert [slot["id"] for slot in rest.json()] == [wanted[one, next_day]]
    assert "next" not in rest.links


def test_two_categories_of_one_resource_offer_the_same_time_once(
    stack: Stack, staff: httpx.Client, user: httpx.Client, day: date
) -> None:
    one = new_category(staff)
    resource = staff.get(f"/api/admin/categories/{one}/").json()["resource_id"]
    other = new_category(staff, resource_id=resource)
    first, second = new_slot(staff, one, day), new_slot(staff, other, day)
    assert book(user, first["id"]).status_code == 201
    assert book(user, second["id"]).json()["code"] == "slot_taken"
    assert [slot["is_booked"] for slot in slots(user, date=day)] == [True, True]
    assert slots(user, date=day, available_only="true") == []


def test_times_without_an_offset_are_local_to_the_category(staff: httpx.Client) -> None:
    category = new_category(staff, time_zone="Europe/Berlin")
    body = {"start_time": "2101-07-01T09:00", "end_time": "2101-07-01T10:00", "category": category}
    made = staff.post("/api/admin/timeslots/", json=body).json()
    assert made["start_time"] == "2101-07-01T07:00:00Z"
    skipped = {"start_time": "2030-03-31T02:30", "end_time": "2030-03-31T03:30", "category": category}
    answer = staff.post("/api/admin/timeslots/", json=skipped)
    assert (answer.status_code, answer.json()["code"]) == (400, "local_time_skipped")
    late = {"start_time": "2101-07-01T23:30", "end_time": "2101-07-02T00:30", "category": category}
    id_ = staff.post("/api/admin/timeslots/", json=late).json()["id"]
    assert [slot["id"] for slot in slots(staff, date="2101-07-01", categories=made["category"]["name"])] == [
        made["id"],
        id_,
    ]


def test_the_calendar_follows_the_list_from_its_position(
    stack: Stack, staff: httpx.Client, user: httpx.Client, day: date
) -> None:
    """A client reads the slots, is away while one is deleted, and resumes from what it read."""
    category = new_category(staff)
    slot = new_slot(staff, category, day)
    booking = book(user, slot["id"]).json()["id"]
    listed = user.get("/api/timeslots/", params={"date": str(day)})
    staff.delete(f"/api/admin/timeslots/{slot['id']}/")
    path = f"/ws/calendar/?last_position={listed.headers['Holdfast-Position']}"
    header = {"Authorization": user.headers["Authorization"]}
    with connect(stack.ws_url + path, additional_headers=header, compression=None) as socket:
        heard = Listener(socket)
        messages = [heard.next()]
        while messages[-1]["type"] != "timeslot_deleted":
            messages.append(heard.next())
    about = [(m["type"], m["data"].get("booking_id")) for m in messages if m["data"]["id"] == slot["id"]]
    assert about[-2:] == [("booking_cancelled", booking), ("timeslot_deleted", None)]
    assert messages[-1]["data"] == {**listed.json()[0], "is_booked": False, "booked_by_me": False}
