"""The admin desk of appointments: bookings changed, deleted and listed, slots, and the settings row."""

from __future__ import annotations

from tests.support.clients.http_client import Client, admin, agent_booking, anonymous
from tests.support.processes.stack import Stack


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


def test_settings_change_only_what_is_sent_and_close_the_shop(breakable_stack: Stack) -> None:
    """Not on the stack that all share: meanwhile nothing else can be booked."""
    url, opened = "/api/booking/settings/", {"WORKING_HOURS_START": 9, "OFF_DAYS": "6", "is_active": True}
    with admin(breakable_stack.api_url) as staff, anonymous(breakable_stack.api_url) as client:
        data = staff.post(url, json={"WORKING_HOURS_START": 12, "OFF_DAYS": "5,6"}).json()["data"]
        assert (data["WORKING_HOURS_START"], data["WORKING_HOURS_END"], data["OFF_DAYS"]) == (12, 17, "5,6")
        assert client.book(agent_booking(booking_time="11:00")).status_code == 400
        staff.post(url, json={"is_active": False})
        for answer in (
            client.book(),
            client.get("/api/booking/smart-available-slots/", params={"date": "2030-01-01"}),
        ):
            assert (answer.status_code, answer.json()["message"]) == (404, "No booking settings found")
        staff.post(url, json=opened)
        assert client.book().status_code == 201
