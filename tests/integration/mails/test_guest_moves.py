"""Bookings of every contract are moved by the link in their mails, by the rules of their clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.support.clients.callers import execute, new_person, signed_in
from tests.support.clients.http_client import Client, agent_booking, free_day
from tests.support.clients.rooms import FREE_DAY, new_room
from tests.support.clients.rooms import book as book_room
from tests.support.clients.time_slots import DAYS, new_category, new_slot
from tests.support.clients.time_slots import book as book_slot
from tests.support.mail_sending import guest_link
from tests.support.processes.stack import Stack


@contextmanager
def somebody_new(stack: Stack) -> Iterator[httpx.Client]:
    ((user_id,),) = execute(stack, "SELECT id FROM user_account WHERE email_key = %s", new_person(stack))
    with signed_in(stack, user_id) as person:
        yield person


class Guest:
    """Whoever has the link of a booking."""

    def __init__(self, stack: Stack, client: Client, booking_id: int) -> None:
        self.base = f"/api/guest/bookings/{guest_link(stack, booking_id)}/"
        self._client = client

    def shown(self) -> Any:
        return self._client.get(self.base).json()

    def move(self, day: str, at: str) -> httpx.Response:
        return self._client.post(f"{self.base}move/", json={"start_date": day, "start_time": at})


def test_an_appointment_is_moved_by_its_link(stack: Stack, client: Client) -> None:
    day = free_day()
    guest = Guest(
        stack, client, client.book(agent_booking(booking_date=day, booking_time="10:00")).json()["booking_id"]
    )
    client.book(agent_booking(booking_date=day, booking_time="14:00"))
    assert guest.shown()["may_move"]
    moved = guest.move(day, "12:00").json()
    assert (moved["start_time"], moved["duration_minutes"], moved["may_move"]) == ("12:00", 60, True)
    taken = guest.move(day, "14:00")
    assert (taken.status_code, taken.json()["code"], taken.json()["errors"][0]["field"]) == (
        409,
        "slot_taken",
        "start_time",
    )
    assert guest.move(day, "03:00").json()["code"] == "outside_working_hours"


def test_a_room_s_booking_is_moved_by_its_link_at_the_agreed_price(stack: Stack, desk: Client, client: Client) -> None:
    with somebody_new(stack) as person:
        guest = Guest(stack, client, book_room(person, new_room(desk)).json()["id"])
        moved = guest.move(FREE_DAY, "15:30").json()
        assert (moved["start_time"], moved["price"], moved["status"]) == ("15:30", 100.0, "held")
        assert guest.move(FREE_DAY, "15:40").json()["code"] == "off_grid"
        own = f"/api/bookings/{guest.shown()['id']}/move/"
        by_account = person.post(own, json={"start_time": f"{FREE_DAY}T16:30"}).json()
        assert (by_account["start_time"], by_account["message"]) == ("16:30:00", "Booking updated")
        longer = person.post(own, json={"start_time": f"{FREE_DAY}T16:30", "end_time": f"{FREE_DAY}T18:00"})
        assert longer.json()["errors"][0]["field"] == "end_time"
        assert desk.post(own, json={"start_time": f"{FREE_DAY}T16:30"}).status_code == 404


def test_a_time_slot_s_booking_goes_by_its_link_to_a_slot_that_is_on_offer(
    stack: Stack, staff: Client, client: Client
) -> None:
    day, category = next(DAYS), new_category(staff)
    first, second = new_slot(staff, category, day, 9), new_slot(staff, category, day, 12)
    with somebody_new(stack) as person:
        booking = book_slot(person, first["id"]).json()["id"]
        guest = Guest(stack, client, booking)
        nothing = guest.move(str(day), "10:00")
        assert (nothing.status_code, nothing.json()["code"]) == (404, "time_slot_not_found")
        assert guest.move(str(day), "12:00").json()["start_time"] == "12:00"
        back = person.post(f"/api/bookings/{booking}/move/", json={"start_time": first["start_time"]}).json()
        assert back["time_slot"]["id"] == first["id"]
        person.post(f"/api/bookings/{booking}/move/", json={"start_time": second["start_time"]})
        shown = person.get(f"/api/bookings/{booking}/").json()
        assert (shown["time_slot"]["id"], shown["start_time"]) == (second["id"], second["start_time"])


def test_what_has_begun_is_not_moved_by_its_link(stack: Stack, client: Client) -> None:
    day = free_day()
    booking = client.book(agent_booking(booking_date=day, booking_time="10:00")).json()["booking_id"]
    guest = Guest(stack, client, booking)
    execute(
        stack,
        "UPDATE booking SET created_at = now() - interval '2 days', starts_at = now() - interval '1 hour' WHERE id = %s RETURNING id",
        booking,
    )
    assert not guest.shown()["may_move"]
    assert guest.move(day, "12:00").json()["code"] == "already_begun"
