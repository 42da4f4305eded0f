"""What staff do with categories and time slots, and what it does to bookings."""

from __future__ import annotations

from datetime import date

import httpx

from tests.support.clients.time_slots import book, new_category, new_slot, new_user, slots
from tests.support.processes.stack import Stack


def test_slots_of_a_category_do_not_overlap_but_others_may_share_the_time(staff: httpx.Client, day: date) -> None:
    category = new_category(staff)
    new_slot(staff, category, day)
    body = {"start_time": f"{day}T09:30:00Z", "end_time": f"{day}T09:45:00Z", "category": category}
    answer = staff.post("/api/admin/timeslots/", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "time_slot_overlaps")
    new_slot(staff, new_category(staff), day)


def test_a_slot_read_may_be_put_back_with_another_time(staff: httpx.Client, day: date) -> None:
    slot = new_slot(staff, new_category(staff), day)
    path = f"/api/admin/timeslots/{slot['id']}/"
    answer = staff.put(path, json={**slot, "end_time": f"{day}T11:00:00Z"})
    assert answer.json() == {**slot, "end_time": f"{day}T11:00:00Z", "booking_change": None}
    assert staff.put(path, json=answer.json()).json() == answer.json()
    told = staff.put(path, json={**slot, "is_booked": True, "id": 1})
    assert (told.status_code, [one["field"] for one in told.json()["errors"]]) == (400, ["id", "is_booked"])


def test_an_update_that_would_strand_a_booking_says_so_and_does_what_it_is_told(
    staff: httpx.Client, user: httpx.Client, day: date
) -> None:
    slot = new_slot(staff, new_category(staff), day)
    booking = book(user, slot["id"]).json()["id"]
    path, later = (
        f"/api/admin/timeslots/{slot['id']}/",
        {"start_time": f"{day}T12:00:00Z", "end_time": f"{day}T13:00:00Z"},
    )
    refused = staff.put(path, json=later)
    assert (refused.status_code, refused.json()["code"]) == (409, "time_slot_booked")
    assert "if_booked" in refused.json()["message"]
    moved = staff.put(path, params={"if_booked": "move"}, json=later).json()
    assert (moved["booking_change"], moved["booking"]["booking_time"]) == ("moved", "12:00:00")
    assert user.get(f"/api/bookings/{booking}/").json()["start_time"] == f"{day}T12:00:00Z"
    cancelled = staff.put(path, params={"if_booked": "cancel"}, json={"end_time": f"{day}T14:00:00Z"}).json()
    assert (cancelled["booking_change"], cancelled["booking"], cancelled["is_booked"]) == ("cancelled", None, False)
    assert user.get(f"/api/bookings/{booking}/").json()["status"] == "cancelled"


def test_a_key_names_one_change_with_its_parameters(staff: httpx.Client, user: httpx.Client, day: date) -> None:
    slot = new_slot(staff, new_category(staff), day)
    first = book(user, slot["id"])
    path, key = f"/api/admin/timeslots/{slot['id']}/", {"Idempotency-Key": f"move-{slot['id']}"}
    later = {"end_time": f"{day}T11:00:00Z"}
    moved = staff.put(path, params={"if_booked": "move"}, json=later, headers=key)
    assert (moved.status_code, moved.json()["booking"]["id"]) == (200, first.json()["id"])
    assert staff.put(path, params={"if_booked": "move"}, json=later, headers=key).content == moved.content
    assert staff.put(path, params={"if_booked": "cancel"}, json=later, headers=key).status_code == 422


def test_deleting_a_booked_slot_is_one_command_that_cancels_its_booking(
    staff: httpx.Client, user: httpx.Client, day: date
) -> None:
    slot = new_slot(staff, new_category(staff), day)
    booking = book(user, slot["id"]).json()["id"]
    answer = staff.delete(f"/api/admin/timeslots/{slot['id']}/")
    assert (answer.status_code, answer.json()["cancelled_booking_id"]) == (200, booking)
    assert user.get(f"/api/bookings/{booking}/").json()["status"] == "cancelled"
    assert staff.get(f"/api/admin/timeslots/{slot['id']}/").status_code == 404
    assert slots(user, date=day) == []
    new_slot(staff, slot["category"]["id"], day)


def test_a_weekly_pattern_skips_or_refuses_what_collides(staff: httpx.Client) -> None:
    category = new_category(staff)
    pattern = {
        "category": category,
        "start_date": "2102-01-02",
        "end_date": "2102-01-15",
        "weekdays": [0, 2],
        "start_time": "09:00",
        "end_time": "11:00",
        "duration_minutes": 60,
    }
    made = staff.post("/api/admin/timeslots/weekly/", json=pattern)
    assert (made.status_code, made.json()["created_count"], made.json()["skipped"]) == (201, 8, [])
    again = staff.post("/api/admin/timeslots/weekly/", json={**pattern, "weekdays": [0, 1, 2]})
    assert (again.status_code, again.json()["code"]) == (409, "time_slot_overlaps")
    skipping = {**pattern, "weekdays": [0, 1, 2], "on_collision": "skip"}
    round_ = staff.post("/api/admin/timeslots/weekly/", json=skipping).json()
    assert (round_["created_count"], round_["skipped_count"]) == (4, 8)
    assert round_["skipped"][0] == {"date": "2102-01-02", "start_time": "09:00", "reason": "overlaps"}
    listed = staff.get("/api/admin/timeslots/", params={"category": category}).json()
    assert len(listed) == 12


def test_staff_rename_a_category_and_give_it_another_resource(staff: httpx.Client) -> None:
    category, other = new_category(staff), new_category(staff)
    resource = staff.get(f"/api/admin/categories/{other}/").json()["resource_id"]
    path = f"/api/admin/categories/{category}/"
    changed = staff.put(path, json={**staff.get(path).json(), "name": "Renamed", "resource_id": resource})
    assert (changed.status_code, changed.json()["name"], changed.json()["resource_id"]) == (200, "Renamed", resource)
    assert staff.put(f"/api/admin/categories/{other}/", json={"name": "RENAMED"}).json()["code"] == "name_taken"
    for body in ({"name": "a,b"}, {"name": "<b>"}, {"name": ""}, {"resource_id": 10**15}, {"time_zone": "Mars/Base"}):
        assert staff.put(path, json=body).status_code == 400
    for made in ({"name": "Zoned", "time_zone": "Mars/Base"}, {"name": "Both", "time_zone": "UTC", "resource_id": 1}):
        assert staff.post("/api/admin/categories/", json=made).status_code == 400


def test_only_staff_book_a_slot_for_somebody_else(
    staff: httpx.Client, user: httpx.Client, stack: Stack, day: date
) -> None:
    slot, somebody = new_slot(staff, new_category(staff), day), new_user(stack)
    refused = user.post("/api/bookings/", json={"time_slot": slot["id"], "user_id": somebody})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    booked = staff.post("/api/bookings/", json={"time_slot": slot["id"], "user_id": somebody})
    assert booked.status_code == 201, booked.text
    shown = staff.get(f"/api/admin/bookings/{booked.json()['id']}/").json()["data"]
    assert shown["user_id"] == somebody
