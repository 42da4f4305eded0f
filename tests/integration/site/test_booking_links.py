"""The link to a booking that was just made: for its maker alone, and without the client where nobody signed in."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx

from api.guests.links import LINKS_FOLLOWED
from api.limits.throttle import Throttle
from tests.support.clients.callers import browser, new_address
from tests.support.clients.http_client import Client, agent_booking
from tests.support.clients.rooms import book, new_room
from tests.support.processes.stack import Stack

PATH = "/api/booking-links/"


def link(client: httpx.Client, command_id: str) -> httpx.Response:
    return client.post(PATH, json={"command_id": command_id})


def command_of(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Holdfast-Command"])


def test_who_booked_without_a_login_gets_a_link_that_does_not_tell_whose_number_it_is(client: Client) -> None:
    known = agent_booking(phone="+4930555777", first_name="Somebody", email="somebody@example.com")
    command_of(client.post("/api/agent/booking/create/", json=known))
    made = client.post("/api/agent/booking/create/", json=agent_booking(phone="+4930555777", first_name="Guess"))
    given = link(client, command_of(made))
    assert given.status_code == 201
    assert given.json() == link(client, command_of(made)).json()
    assert given.json()["path"] == f"/b/{given.json()['token']}/"
    shown = client.get(f"/api/guest/bookings/{given.json()['token']}/").json()
    assert shown["id"] == made.json()["booking_id"]
    assert [shown[name] for name in ("first_name", "last_name", "email", "phone")] == ["", "", "", ""]
    assert client.get(f"/api/guest/bookings/{given.json()['token'].removeprefix('u.')}/").status_code == 404
    cancelled = client.post(f"/api/guest/bookings/{given.json()['token']}/cancel/", json={})
    assert (cancelled.json()["status"], cancelled.json()["email"]) == ("cancelled", "")


def test_who_is_signed_in_gets_the_link_that_mails_have_too(user: Client, staff: Client) -> None:
    made = book(user, new_room(staff))
    token = link(user, command_of(made)).json()["token"]
    shown = user.get(f"/api/guest/bookings/{token}/").json()
    assert (shown["id"], shown["first_name"]) == (made.json()["id"], "Uma")
    assert shown["hold_expires_at"] == made.json()["hold_expires_at"]


def test_nobody_gets_the_link_to_what_somebody_else_made(user: Client, staff: Client, client: Client) -> None:
    command = command_of(book(user, new_room(staff)))
    for other in (client, staff):
        refused = link(other, command)
        assert (refused.status_code, refused.json()["code"]) == (404, "command_not_found")


def test_a_command_that_made_no_booking_has_no_link(client: Client) -> None:
    body = agent_booking(phone="+4930555778")
    command_of(client.post("/api/agent/booking/create/", json=body))
    refused = client.post("/api/agent/booking/create/", json=body | {"phone": "+4930555779"})
    for command in (refused.headers["Holdfast-Command"], str(uuid4())):
        assert link(client, command).status_code == 404


def test_an_address_that_asks_too_often_waits(stack: Stack) -> None:
    address = new_address()

    async def follow() -> None:
        throttle = Throttle(stack.redis_url, stack.settings.redis_keys)
        while await throttle.count(LINKS_FOLLOWED, address):
            pass
        await throttle.close()

    asyncio.run(follow())
    with browser(stack, address) as client:
        assert link(client, str(uuid4())).status_code == 429
