"""Purchases and bookings of the marketplace over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.support.clients.callers import execute
from tests.support.clients.marketplace import BASE, Market, Person
from tests.support.wait import wait_until

BOOKINGS = f"{BASE}/bookings/"


SOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=40)


def at(hour: int, day: int = 0) -> dict[str, str]:
    """An hour of a day far enough ahead to cancel in time."""
    starts = SOON.replace(hour=hour) + timedelta(days=day)
    return {
        "start_time": starts.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end_time": (starts + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def book(client: httpx.Client, service: int, practitioner: Person | None, hour: int, **more: Any) -> httpx.Response:
    whom = {"practitioner_id": practitioner.id if practitioner else None}
    return client.post(BOOKINGS, json={**whom, "service_id": service, **at(hour), **more})


def made(answer: httpx.Response) -> Any:
    assert answer.status_code == 201, answer.text
    return answer.json()


def take_seat(client: httpx.Client, service: int, session: int, **more: Any) -> httpx.Response:
    return client.post(BOOKINGS, json={"service_id": service, "service_session_id": session, **more})


def session_of(market: Market, session: int) -> Any:
    return market.desk.get(f"{BASE}/sessions/{session}/").json()


def workshop(market: Market, capacity: int = 20, **changes: Any) -> tuple[Person, int, int]:
    """(who gives it, service, session)."""
    practitioner = market.practitioner()
    service = market.service(practitioner, booking_type="group", **changes)
    return practitioner, service, market.session(practitioner, service, capacity=capacity)


def course(market: Market, capacities: tuple[int, ...] = (2, 2, 2)) -> tuple[Person, int, list[int]]:
    practitioner = market.practitioner()
    service = market.service(practitioner, booking_type="course", name="Back school")
    return practitioner, service, [market.session(practitioner, service, capacity=seats) for seats in capacities]


def bundle_of(market: Market, credits_: int, practitioners: tuple[Person, ...] = (), **changes: Any) -> int:
    practitioner = practitioners[0] if practitioners else market.practitioner()
    pays_for = changes.pop("service_ids", None) or [market.service(practitioner)]
    return market.service(
        practitioner,
        booking_type="bundle",
        service_ids=pays_for,
        credits=credits_,
        valid_days=90,
        price_cents=0,
        **changes,
    )


def balance(market: Market, bundle_booking: int) -> int:
    return int(execute(market.stack, "SELECT balance FROM credit WHERE booking_id = %s", bundle_booking)[0][0])


HOUR = timedelta(hours=1)


def pass_time(market: Market, *bookings: int, ended: bool = False) -> None:
    """Let the hour of these bookings be now, or over."""
    move = "UPDATE booking SET starts_at = clock_timestamp() - %s, ends_at = clock_timestamp() + %s WHERE id = ANY(%s)"
    execute(market.stack, move, HOUR, timedelta(0) if ended else HOUR, list(bookings))


def wait_status(client: httpx.Client, booking: int, status: str) -> Any:
    def found() -> bool:
        return bool(shown()["status"] == status)

    def shown() -> Any:
        return client.get(f"{BOOKINGS}{booking}/").json()

    wait_until(found, f"booking {booking} is {status}")
    return shown()


Request = tuple[Person, str, dict[str, Any]]


def at_once(market: Market, requests: Sequence[Request]) -> list[httpx.Response]:
    """All of them under way together."""
    signed = [(who.client.headers["Authorization"], path, body) for who, path, body in requests]

    async def send_all() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=market.stack.api_url, timeout=60.0) as client:
            sending = [client.post(path, json=body, headers={"Authorization": by}) for by, path, body in signed]
            return await asyncio.gather(*sending)

    return asyncio.run(send_all())


def wish(service: int, practitioner: Person | None, hour: int, day: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "practitioner_id": practitioner.id if practitioner else None,
        "service_id": service,
        **at(hour, day),
        **more,
    }
