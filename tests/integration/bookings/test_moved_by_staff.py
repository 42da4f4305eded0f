"""What staff do to a booking of any contract: move it, make it longer, say whether the client came."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from tests.support.clients.callers import execute, new_person, signed_in
from tests.support.clients.http_client import Client, agent_booking, free_day
from tests.support.clients.market_bookings import BOOKINGS, at, made, wish
from tests.support.clients.marketplace import Market
from tests.support.clients.rooms import FREE_DAY, new_room
from tests.support.clients.rooms import book as book_room
from tests.support.clients.time_slots import DAYS, new_category, new_slot, new_user, slots
from tests.support.clients.time_slots import book as book_slot
from tests.support.processes.stack import Stack


def move(staff: httpx.Client, id_: int, **wanted: Any) -> httpx.Response:
    return staff.post(f"/api/admin/bookings/{id_}/move/", json=wanted)


def moved(answer: httpx.Response) -> tuple[str, str, int]:
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    return data["booking_date"], data["booking_time"], data["duration_minutes"]


def refused(answer: httpx.Response) -> tuple[int, str, list[str]]:
    body = answer.json()
    return answer.status_code, body["code"], [problem["field"] for problem in body["errors"]]


@pytest.fixture
def day() -> str:
    return free_day()


@pytest.fixture
def appointment(client: Client, day: str) -> int:
    """At ten o'clock, for an hour."""
    return int(client.book(agent_booking(booking_date=day, booking_time="10:00")).json()["booking_id"])


def test_an_appointment_is_moved_and_made_longer_in_local_times_or_instants(
    desk: Client, appointment: int, day: str
) -> None:
    assert moved(move(desk, appointment, start_time=f"{day}T12:00")) == (day, "12:00:00", 60)
    assert moved(move(desk, appointment, start_time=f"{day}T13:30:00Z")) == (day, "13:30:00", 60)
    longer = move(desk, appointment, start_time=f"{day}T13:30", end_time=f"{day}T16:00")
    assert moved(longer) == (day, "13:30:00", 150)
    assert longer.json()["data"]["version"] == 4
    assert moved(move(desk, appointment, start_time=f"{day}T13:30")) == (day, "13:30:00", 150)


def test_a_refused_move_says_why_beside_its_field(desk: Client, client: Client, appointment: int, day: str) -> None:
    client.book(agent_booking(booking_date=day, booking_time="14:00"))
    assert refused(move(desk, appointment, start_time=f"{day}T13:30")) == (409, "slot_taken", ["start_time"])
    assert refused(move(desk, appointment, start_time=f"{day}T08:00")) == (
        400,
        "outside_working_hours",
        ["start_time"],
    )
    assert refused(move(desk, appointment, start_time=f"{day}T12:00", end_time=f"{day}T12:00")) == (
        400,
        "invalid",
        ["end_time"],
    )
    assert refused(move(desk, appointment, start_time=f"{day}T12:00", end_time=f"{day}T11:00Z"))[1:] == (
        "invalid",
        ["end_time"],
    )
    assert refused(move(desk, appointment, start_time="soon"))[1:] == ("invalid", ["start_time"])
    assert refused(move(desk, appointment, start_time=f"{day}T12:00", resource_id=2**60)) == (
        404,
        "resource_not_found",
        ["resource_id"],
    )
    assert refused(move(desk, 2**60, start_time=f"{day}T12:00"))[:2] == (404, "booking_not_found")


def test_a_closed_time_is_told_apart_from_a_taken_one(staff: Client, desk: Client, appointment: int, day: str) -> None:
    closed = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    resource = staff.get("/api/admin/resources/", params={"kind": "desk"}).json()["data"][0]["id"]
    closure = staff.post(
        "/api/admin/closures/", json={"resource_id": resource, "start_date": closed, "end_date": closed}
    ).json()["data"]["id"]
    answer = move(desk, appointment, start_time=f"{closed}T10:00")
    assert refused(answer) == (409, "closed", ["start_time"])
    assert staff.delete(f"/api/admin/closures/{closure}/").status_code == 200


def test_a_move_is_a_command_that_may_be_accepted_and_repeated(desk: Client, appointment: int, day: str) -> None:
    path, body = f"/api/admin/bookings/{appointment}/move/", {"start_time": f"{day}T11:00"}
    key = {"Idempotency-Key": f"move-{appointment}"}
    accepted = desk.post(path, json=body, headers={**key, "Prefer": "respond-async"})
    assert accepted.status_code == 202
    outcome = desk.outcome(accepted.json()["id"])
    assert outcome["response"]["body"]["data"]["booking_time"] == "11:00:00"
    again = desk.post(path, json=body, headers=key)
    assert again.json() == outcome["response"]["body"]
    assert desk.post(path, json={"start_time": f"{day}T12:00"}, headers=key).status_code == 422


def test_a_room_s_booking_goes_to_another_room_at_the_agreed_price(stack: Stack, desk: Client) -> None:
    first, second = new_room(desk), new_room(desk, price_per_slot=90.00)
    email = new_person(stack)
    ((user_id,),) = execute(stack, "SELECT id FROM user_account WHERE email_key = %s", email)
    with signed_in(stack, user_id) as person:
        booking = book_room(person, first).json()
        id_ = booking["id"]
        assert moved(move(desk, id_, start_time=f"{FREE_DAY}T15:00")) == (FREE_DAY, "15:00:00", 60)
        longer = move(desk, id_, start_time=f"{FREE_DAY}T15:00", end_time=f"{FREE_DAY}T17:00")
        assert refused(longer) == (409, "length_is_priced", ["end_time"])
        off_grid = move(desk, id_, start_time=f"{FREE_DAY}T15:10")
        assert refused(off_grid) == (400, "off_grid", ["start_time"])
        resource = resource_of(stack, "room", second)
        assert moved(move(desk, id_, start_time=f"{FREE_DAY}T09:30", resource_id=resource))[1] == "09:30:00"
        after = person.get(f"/api/bookings/{id_}/").json()
        assert (after["room_id"], after["total_amount"], after["end_time"]) == (second, 100.0, "10:30:00")
        assert after["hold_expires_at"] == booking["hold_expires_at"]
    nowhere = move(desk, id_, start_time=f"{FREE_DAY}T09:30", resource_id=1)
    assert refused(nowhere) == (404, "room_not_found", ["resource_id"])


def resource_of(stack: Stack, table: str, id_: int) -> int:
    ((found,),) = execute(stack, f"SELECT resource_id FROM {table} WHERE id = %s", id_)
    return int(found)


def test_a_booking_of_a_time_slot_goes_to_a_free_slot_or_takes_its_own_along(stack: Stack, staff: Client) -> None:
    day, category, other = next(DAYS), new_category(staff), new_category(staff)
    first, second = new_slot(staff, category, day, 9), new_slot(staff, category, day, 12)
    elsewhere = new_slot(staff, other, day, 15)
    with signed_in(stack, new_user(stack)) as user:
        id_ = book_slot(user, first["id"]).json()["id"]

        def booked() -> list[int]:
            return [slot["id"] for slot in slots(user, date=str(day)) if slot["is_booked"]]

        assert moved(move(staff, id_, start_time=f"{day}T12:00:00Z"))[1] == "12:00:00"
        assert booked() == [second["id"]]
        there = resource_of(stack, "category", other)
        assert moved(move(staff, id_, start_time=f"{day}T15:00:00Z", resource_id=there))[1] == "15:00:00"
        assert booked() == [elsewhere["id"]]
        longer = move(staff, id_, start_time=f"{day}T15:00:00Z", end_time=f"{day}T17:00:00Z")
        assert moved(longer) == (str(day), "15:00:00", 120)
        assert moved(move(staff, id_, start_time=f"{day}T18:00:00Z"))[1:] == ("18:00:00", 120)
        assert booked() == [elsewhere["id"]]
        back = resource_of(stack, "category", category)
        beside = move(staff, id_, start_time=f"{day}T11:30:00Z", resource_id=back)
        assert refused(beside) == (409, "time_slot_overlaps", ["start_time"])


def test_a_session_is_moved_as_its_own_contract_moves_it(market: Market, desk: Client) -> None:
    practitioner, person = market.practitioner(), market.person()
    body = wish(market.service(practitioner), practitioner, 9)
    id_ = made(person.client.post(BOOKINGS, json=body))["id"]
    assert move(desk, id_, start_time=at(13)["start_time"]).json()["data"]["version"] == 2
    assert person.client.get(f"{BOOKINGS}{id_}/").json()["start_time"] == at(13)["start_time"]
    longer = move(desk, id_, start_time=at(13)["start_time"], end_time=at(15)["end_time"])
    assert refused(longer) == (400, "wrong_duration", ["end_time"])
    assert refused(move(desk, id_, start_time=at(14)["start_time"], resource_id=1)) == (
        409,
        "not_movable",
        ["resource_id"],
    )


@pytest.mark.parametrize(("action", "word"), [("complete", "completed"), ("no-show", "cancelled")])
def test_staff_say_whether_the_client_came_once_it_has_begun(
    stack: Stack, client: Client, desk: Client, appointment: int, action: str, word: str
) -> None:
    path = f"/api/admin/bookings/{appointment}/{action}/"
    assert refused(desk.post(path))[:2] == (409, "not_begun")
    execute(stack, "UPDATE booking SET starts_at = now() - interval '1 hour' WHERE id = %s", appointment)
    assert desk.post(path, json={}).json()["data"]["status"] == word
    assert desk.post(path).status_code == 200
    assert client.post(path).status_code == 401
    assert refused(desk.post(path, json={"why": "ill"}))[:2] == (400, "invalid")
