"""Links that lead nowhere, too many requests by them, and an address that is asked before it gets mails."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any

from api.guests.links import LINKS_FOLLOWED
from api.limits.throttle import Throttle
from tests.support.clients.callers import browser, execute, new_address
from tests.support.clients.http_client import Client, agent_booking
from tests.support.clients.people import free_phone
from tests.support.conformance.description import example_of, operations
from tests.support.mail_sending import guest_link, mail_sending
from tests.support.processes.stack import Stack


def by_link() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every operation that a link's token opens, about no link."""
    for method, path, described in operations():
        if "{token}" in path and ("guest" in path or path.startswith("/b/")):
            query = "?start_date=2030-03-15&start_time=10:00" if path.endswith("/move/") and "/api/" not in path else ""
            query = "?answer=yes" if path.startswith("/guest/addresses/") and method == "POST" else query
            yield method, path.format(token="t" * 43) + query, described


def test_an_unknown_link_leads_nowhere_by_any_route(client: Client) -> None:
    walked = list(by_link())
    assert len(walked) == 14
    for method, path, described in walked:
        answer = client.request(method, path, json=example_of(described))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), f"{method} {path}"


def test_an_address_that_follows_too_many_links_waits(stack: Stack) -> None:
    address = new_address()

    async def follow() -> None:
        throttle = Throttle(stack.redis_url, stack.settings.redis_keys)
        while await throttle.count(LINKS_FOLLOWED, address):
            pass
        await throttle.close()

    asyncio.run(follow())
    with browser(stack, address) as client:
        for method, path, described in by_link():
            answer = client.request(method, path, json=example_of(described))
            assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests"), f"{method} {path}"
            assert int(answer.headers["Retry-After"]) >= 1


def test_an_address_that_somebody_else_gave_is_asked_first(stack: Stack, client: Client, staff: Client) -> None:
    phone = f"+1{free_phone()}"
    address, body = f"g{phone[1:]}@example.com", agent_booking(phone=phone)
    with mail_sending(stack, None) as off, mail_sending(stack, None, mail_given_addresses=True) as on:
        assert client.post("/api/agent/booking/create/", json=body | {"email": address}).status_code == 201
        ((_, said),) = off.run()
        assert "HOLDFAST_MAIL_GIVEN_ADDRESSES" in said.words
        ((person, booking),) = execute(
            stack,
            "SELECT u.id, max(b.id) FROM user_account u JOIN booking b ON b.user_id = u.id WHERE contact_email = %s GROUP BY 1",
            address,
        )
        execute(
            stack,
            "UPDATE delivery SET state = 'waiting', due_at = now(), retry_at = now(), done_at = NULL WHERE booking_id = %s RETURNING id",
            booking,
        )
        execute(stack, "UPDATE delivery_receiver SET due_at = now() WHERE receiver = %s RETURNING 1", f"user:{person}")
        assert [answer.words for _, answer in on.deliver()] == ["kept, as this is the demo"]
        listed = staff.get("/api/admin/mails/", params={"booking_id": booking, "state": "sent"}).json()
        (mail,) = listed["mails"]
        assert mail["kept"]["subject"] == "Do you want mails about your bookings?"
        assert mail["kept"]["calendar"] is None
        (link,) = re.findall(r"http\S+/guest/addresses/\S+", mail["kept"]["text"])
        path = link.removeprefix(stack.api_url)

        assert "Do you want mails" in client.get(path).text
        assert client.get(path, params={"answer": "no"}).status_code == 200
        assert execute(stack, "SELECT confirmed_at, refused_at FROM mail_address WHERE user_id = %s", person) == [
            (None, None)
        ]
        agreed = client.post(path, params={"answer": "yes"})
        assert (agreed.status_code, agreed.headers["Location"]) == (303, f"{path}?answer=yes")
        assert "You get mails" in client.get(path).text
        assert [answer.words for _, answer in on.deliver()] == ["kept, as this is the demo"]
        newest = staff.get("/api/admin/mails/", params={"booking_id": booking}).json()["mails"][0]
        assert newest["kept"]["subject"].startswith("Your booking is confirmed: ")
        assert "METHOD:REQUEST" in newest["kept"]["calendar"]
        assert guest_link(stack, booking) in newest["kept"]["text"]

        assert client.post(path, params={"answer": "no"}).status_code == 303
        assert "You get no mails" in client.get(path, params={"answer": "no"}).text
