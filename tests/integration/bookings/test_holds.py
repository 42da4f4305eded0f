"""Holds that end: by the sweep, by a booking that wants their time, by hand; and what crowds come to."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
from websockets.sync.client import connect

from core.engine.due_bookings import send_due
from ops.processes import API, LANES, SWEEPS
from tests.conftest import FreshStack
from tests.support.clients.callers import STAFF, execute, new_person, signed_in
from tests.support.clients.http_client import anonymous
from tests.support.clients.rooms import FREE_DAY, Crowd, book, new_room, wish
from tests.support.engine.lanes import Background, Pipeline
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

WITHIN_S = 5.0
"""What the contract promises between a hold's time and its end."""


SQL_PERSON_AND_ROOM = """
INSERT INTO user_account (id, username, username_key) VALUES (1, 'uma', 'uma');
INSERT INTO resource (id, kind, name, zone) VALUES (2, 'room', 'Room', 'UTC');
INSERT INTO room (id, resource_id, name, capacity, price_minor) VALUES (1, 2, 'Room', 10, 5000)
"""
SQL_LAPSED_HOLDS = """
WITH held AS (
    INSERT INTO booking (public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date,
                         local_time, duration_minutes, status, payment_status, command_id, created_at, updated_at,
                         price_minor, hold_expires_at, details)
    SELECT gen_random_uuid(), 'rooms', 1, 'Room', 2, at, at + interval '1 hour', at::date, '09:00', 60, 'held', 'pending',
           gen_random_uuid(), clock_timestamp(), clock_timestamp(), 5000, clock_timestamp() - interval '1 second' * n,
           '{"type": "room", "room_id": 1, "ends": "10:00:00", "guest_count": 1, "number_of_slots": 2}'
    FROM (SELECT n, timestamptz '2100-01-01 09:00+00' + interval '1 day' * n AS at FROM generate_series(1, %s) AS n) AS days
    RETURNING id, resource_id, starts_at, ends_at)
INSERT INTO claim (resource_id, booking_id, during) SELECT resource_id, id, tstzrange(starts_at, ends_at) FROM held
"""


def somebody(stack: Stack) -> httpx.Client:
    """Somebody new, who holds nothing yet."""
    ((user_id,),) = execute(stack, "SELECT id FROM user_account WHERE email_key = %s", new_person(stack))
    return signed_in(stack, user_id)


def free_slots(stack: Stack, room: int) -> set[str]:
    with anonymous(stack.api_url) as client:
        day = client.get(f"/api/rooms/{room}/availability/", params={"date": FREE_DAY}).json()
    return {slot["start_time"] for slot in day["slots"] if slot["is_available"]}


def lapse(stack: Stack, booking: int, in_s: float = 0.0) -> None:
    """Let a hold's half hour pass."""
    execute(
        stack,
        "UPDATE booking SET hold_expires_at = clock_timestamp() + %s WHERE id = %s",
        timedelta(seconds=in_s),
        booking,
    )


def test_a_hold_that_nobody_pays_is_expired_free_again_and_told_within_five_seconds(
    stack: Stack, desk: httpx.Client
) -> None:
    room = new_room(desk)
    with (
        somebody(stack) as person,
        connect(
            f"{stack.ws_url}/ws/admin/bookings/", additional_headers={"Authorization": desk.headers["Authorization"]}
        ) as feed,
    ):
        booked = book(person, room).json()["id"]
        lapse(stack, booked, in_s=1.0)
        told = _next_about(feed, booked, "cancelled")
        assert person.get(f"/api/bookings/{booked}/").json()["status"] == "expired"
    assert told["type"] == "booking_updated"
    assert "09:00:00" in free_slots(stack, room)
    ((late, actor, was),) = execute(
        stack,
        """SELECT o.created_at - b.hold_expires_at, e.actor, e.data->>'was' FROM booking b
           JOIN event e ON e.booking_id = b.id AND e.type = 'booking_updated' JOIN event_batch o ON o.id = e.batch_id
           WHERE b.id = %s""",
        booked,
    )
    assert timedelta(0) <= late < timedelta(seconds=WITHIN_S)
    assert (actor, was) == ("engine", "held")
    assert execute(stack, "SELECT FROM claim WHERE booking_id = %s", booked) == []


def _next_about(feed: Any, booking: int, status: str) -> Any:
    while True:
        message = json.loads(feed.recv(timeout=1.0 + WITHIN_S))
        data = message.get("data")
        if isinstance(data, dict) and (data.get("id"), data.get("status")) == (booking, status):
            return message


def test_without_a_beat_a_lapsed_slot_can_be_booked_and_cleanup_ends_what_is_left(
    postgres: PostgresServer, fresh_stack: FreshStack
) -> None:
    """On a database that is empty but for one member of staff: the rest is made through the API."""
    stack = fresh_stack(processes=(API, LANES, SWEEPS), database_url=postgres.new_database(), wait=False)
    stack.process("api").wait()
    execute(
        stack,
        "INSERT INTO user_account (id, username, username_key, is_staff) VALUES (%s, 'stan', 'stan', true)",
        STAFF,
    )
    execute(stack, "SELECT setval(pg_get_serial_sequence('user_account', 'id'), %s)", STAFF)
    with (
        signed_in(stack, STAFF) as desk,
        somebody(stack) as first,
        somebody(stack) as second,
        anonymous(stack.api_url) as nobody,
    ):
        made = [new_room(desk), new_room(desk, slot_duration_minutes=60, opening_time="08:00", price_per_slot=12.50)]
        desk.patch(f"/api/admin/rooms/{made[1]}/", json={"capacity": 3, "amenities": ["WiFi"]}).raise_for_status()
        listed = nobody.get("/api/rooms/").json()
        assert [listed["count"], *(one["id"] for one in listed["rooms"])] == [2, *made]
        assert nobody.get(f"/api/rooms/{made[1]}/").json() == listed["rooms"][1]
        assert [listed["rooms"][1][name] for name in ("slot_duration_minutes", "price_per_slot", "capacity")] == [
            60,
            12.5,
            3,
        ]
        room = made[0]
        one, other = (
            book(first, room).json()["id"],
            book(first, room, start_time="12:00", end_time="12:30").json()["id"],
        )
        assert book(second, room).json()["code"] == "slot_taken"
        lapse(stack, one)
        lapse(stack, other)
        assert first.get(f"/api/bookings/{one}/").json()["status"] == "pending", "there is no beat to sweep"
        assert {"09:00:00", "12:00:00"} <= free_slots(stack, room)
        assert book(second, room).status_code == 201
        assert first.get(f"/api/bookings/{one}/").json()["status"] == "expired"
        assert first.get(f"/api/bookings/{other}/").json()["status"] == "pending"
        assert [nobody.post("/api/cleanup-expired-bookings").status_code for _ in range(3)] == [200] * 3
        wait_until(
            lambda: first.get(f"/api/bookings/{other}/").json()["status"] == "expired", "the cleanup ends it", WITHIN_S
        )


def test_five_hundred_people_for_ten_slots_come_to_ten_holds_and_clear_refusals(
    stack: Stack, desk: httpx.Client
) -> None:
    room = new_room(desk, opening_time="09:00", closing_time="14:00")
    slots = [(f"{9 + n // 2:02}:{n % 2 * 30:02}", f"{9 + (n + 1) // 2:02}:{(n + 1) % 2 * 30:02}") for n in range(10)]
    bodies = [wish(room, start_time=start, end_time=end) for start, end in slots * 50]
    answers = Crowd(stack, 500).book_at_once(bodies)
    assert Counter(answer.status_code for answer in answers) == {201: 10, 409: 490}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"slot_taken"}
    assert {a.json()["start_time"] for a in answers if a.status_code == 201} == {f"{start}:00" for start, _ in slots}
    assert free_slots(stack, room) == set()
    ((overlaps,),) = execute(
        stack,
        "SELECT count(*) FROM claim a JOIN claim b ON a.id < b.id AND a.resource_id = b.resource_id AND a.during && b.during",
    )
    assert overlaps == 0


def test_the_clock_begins_and_completes_a_room_booking_but_not_one_that_was_past_when_it_was_made(
    stack: Stack, desk: httpx.Client
) -> None:
    with somebody(stack) as person:
        booked = book(person, new_room(desk, price_per_slot=0)).json()["id"]

        def status() -> str:
            ((found,),) = execute(stack, "SELECT status FROM booking WHERE id = %s", booked)
            return str(found)

        move = "UPDATE booking SET starts_at = clock_timestamp() - %s, ends_at = clock_timestamp() + %s WHERE id = %s"
        execute(stack, move, timedelta(hours=1), timedelta(hours=1), booked)
        wait_until(lambda: status() == "in_progress", "it begins", WITHIN_S)
        assert person.get(f"/api/bookings/{booked}/").json()["status"] == "confirmed"
        execute(stack, move, timedelta(hours=1), timedelta(0), booked)
        wait_until(lambda: status() == "completed", "it is over", WITHIN_S)
    assert execute(stack, "SELECT status FROM booking WHERE id = 1") == [("confirmed",)]


def test_two_sweeps_at_once_end_every_hold_exactly_once(pipeline: Pipeline) -> None:
    """Two beats, a retry, a worker that is late: what was ended already is not due any more."""
    pipeline.connection.execute(SQL_PERSON_AND_ROOM)
    pipeline.connection.execute(SQL_LAPSED_HOLDS, (600,))
    first = send_due(pipeline.connection)
    (sent,) = pipeline.row("SELECT count(*) FROM inbox")
    assert sent == len(first.lanes) > 1
    assert send_due(pipeline.connection).lanes == set(), "a lane whose first command waits gets no second one"
    columns = "lane, slot_crc, class, type, version, contract, request_id, actor, body"
    again = f"INSERT INTO inbox (id, {columns}) SELECT gen_random_uuid(), {columns} FROM inbox"
    pipeline.connection.execute(again.encode())  # as a second beat would, that looked at the same moment
    runs = [Background(partial(pipeline.worker().visit_until_done, lane)) for lane in sorted(first.lanes)]
    for run in runs:
        run.join()
    assert pipeline.rows("SELECT status, version, count(*) FROM booking GROUP BY 1, 2") == [("expired", 2, 600)]
    assert pipeline.rows("SELECT FROM claim") == []
    assert pipeline.rows("SELECT type, count(*) FROM event GROUP BY type ORDER BY type") == [
        ("booking_updated", 600),
        ("nothing_due", sent),
    ]
