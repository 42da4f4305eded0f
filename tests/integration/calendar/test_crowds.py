"""Many people, few slots."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import httpx

from tests.support.clients.callers import execute
from tests.support.clients.rooms import Crowd
from tests.support.clients.time_slots import new_category, new_slot
from tests.support.processes.stack import Stack


def test_of_a_hundred_people_who_want_five_slots_five_get_one_and_the_rest_are_told(
    stack: Stack, staff: httpx.Client, day: date
) -> None:
    category = new_category(staff)
    wanted = [new_slot(staff, category, day, hour)["id"] for hour in range(9, 14)]
    answers = Crowd(stack, 100).book_at_once([{"time_slot": wanted[n % 5]} for n in range(100)])
    outcomes = [(answer.status_code, answer.json().get("code", "")) for answer in answers]
    assert sorted(outcomes) == [(201, "")] * 5 + [(409, "slot_taken")] * 95
    held = execute(
        stack, "SELECT count(*), count(DISTINCT time_slot_id) FROM booking WHERE time_slot_id = ANY(%s)", wanted
    )
    assert held == [(5, 5)]


def test_crowds_that_book_while_staff_move_and_delete_strand_nobody(
    stack: Stack, staff: httpx.Client, day: date
) -> None:
    """However each race ends: every live booking lies on an existing slot, at its time, alone."""
    category = new_category(staff)
    wanted = [new_slot(staff, category, day, hour)["id"] for hour in range(6, 18)]
    crowd = Crowd(stack, 72)

    def change(n: int) -> int:
        path = f"/api/admin/timeslots/{wanted[n]}/"
        if n % 3 == 0:
            return staff.delete(path).status_code
        later = {"end_time": f"{day}T{n + 6:02}:45:00Z"}
        return staff.put(path, params={"if_booked": "move" if n % 3 == 1 else "cancel"}, json=later).status_code

    with ThreadPoolExecutor(5) as pool:
        booking = pool.submit(crowd.book_at_once, [{"time_slot": wanted[n % 12]} for n in range(72)])
        assert set(pool.map(change, range(12))) == {200}
        statuses = {answer.status_code for answer in booking.result()}
    assert statuses <= {201, 404, 409}
    stranded = """SELECT count(*) FROM booking b JOIN time_slot s ON s.id = b.time_slot_id
                  LEFT JOIN claim c ON c.booking_id = b.id AND c.during = tstzrange(s.starts_at, s.ends_at)
                  WHERE b.time_slot_id = ANY(%s) AND b.status = 'confirmed'
                    AND (s.deleted_at IS NOT NULL OR c.id IS NULL OR b.starts_at <> s.starts_at OR b.ends_at <> s.ends_at)"""
    assert execute(stack, stranded, wanted) == [(0,)]
    live = "SELECT count(*), count(DISTINCT time_slot_id) FROM booking WHERE time_slot_id = ANY(%s) AND status = 'confirmed'"
    ((bookings, slots_taken),) = execute(stack, live, wanted)
    assert 0 < bookings == slots_taken <= 8
