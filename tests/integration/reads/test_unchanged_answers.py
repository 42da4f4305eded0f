"""A public read is answered 304 while its answer would be the same, and anew once anything of it has changed."""

from __future__ import annotations

import pytest

from tests.support.clients.callers import USER, signed_in
from tests.support.clients.http_client import Client, agent_booking, free_day
from tests.support.processes.stack import Stack

DAY = free_day()
YEAR, MONTH, _ = DAY.split("-")
PATHS = (
    "/api/services/",
    "/api/booking/settings/",
    "/api/rooms/",
    "/api/rooms/1/",
    "/api/reservations/reserved_slots/",
    "/api/timeslots/",
    f"/api/rooms/1/availability/?date={DAY}",
    f"/api/booking/smart-available-slots/?date={DAY}",
    f"/api/booking/calendar/?year={YEAR}&month={int(MONTH)}",
)


@pytest.mark.parametrize("path", PATHS)
def test_who_sends_the_tag_back_is_told_that_nothing_changed(stack: Stack, path: str) -> None:
    with signed_in(stack, USER) as reader:
        first = reader.get(path)
        assert (first.status_code, first.headers["Cache-Control"]) == (200, "private, no-cache")
        tag = first.headers["ETag"]
        same = reader.get(path, headers={"If-None-Match": f'"another", {tag}'})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
        whole = reader.get(path, headers={"If-None-Match": '"another"'})
        assert (whole.status_code, whole.content, whole.headers["ETag"]) == (200, first.content, tag)


@pytest.mark.parametrize("path", PATHS[-2:])
def test_a_booking_changes_the_tag(client: Client, staff: Client, path: str) -> None:
    tag = client.get(path).headers["ETag"]
    answer = staff.book(agent_booking(booking_date=DAY, booking_time="11:00"))
    assert answer.status_code == 201, answer.text
    booked = answer.json()["booking_id"]
    changed = client.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag
    staff.delete(f"/api/admin/bookings/{booked}/")
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_settings_that_staff_change_are_seen_at_once(client: Client, staff: Client) -> None:
    path = "/api/booking/settings/"
    before = client.get(path)
    staff.post(path, json={"DEFAULT_RESERVATION_DURATION_MINUTES": 30}).raise_for_status()
    try:
        day = client.get("/api/booking/smart-available-slots/", params={"date": DAY}).json()
        assert day["total_available_slots"] == 16
        changed = client.get(path, headers={"If-None-Match": before.headers["ETag"]})
        assert changed.json()["data"]["DEFAULT_RESERVATION_DURATION_MINUTES"] == 30
    finally:
        staff.post(path, json={"DEFAULT_RESERVATION_DURATION_MINUTES": 60}).raise_for_status()
