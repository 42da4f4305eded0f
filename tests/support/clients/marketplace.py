"""Marketplace values for tests, complete by default."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from typing import Any

import httpx

from core.domain.marketplace.details import Kind
from core.domain.marketplace.schedules import Schedule, Window
from core.domain.marketplace.values import MarketService, Practitioner
from core.domain.state import State
from core.domain.values import DEFAULT_POLICY, Booking, Claim, Policy, User
from tests.support.clients.callers import STAFF, execute, signed_in
from tests.support.processes.stack import Stack
from tests.support.values import state

BASE = "/api/v1/drf"
_numbers = count(1)
_days = count(0)
NINE_TO_FIVE = Schedule(tuple(Window(day, 9 * 60, 17 * 60) for day in range(6)))


def practitioner(id_: int = 1, **changes: Any) -> Practitioner:
    given: dict[str, Any] = {
        "user_id": 3,
        "resource_id": 100 + id_,
        "name": "Dr. Smith",
        "email": "dr.smith@example.com",
        "zone": "UTC",
        "schedule": NINE_TO_FIVE,
        "buffer_before_minutes": 0,
        "buffer_after_minutes": 0,
        "notice_minutes": 0,
        "horizon_days": 365,
        "is_active": True,
    }
    return Practitioner(id=id_, **{**given, **changes})


def market_service(id_: int = 2, **changes: Any) -> MarketService:
    given: dict[str, Any] = {
        "name": "60-minute Consultation",
        "kind": Kind.INDIVIDUAL,
        "duration_minutes": 60,
        "slot_step_minutes": None,
        "price_minor": 5000,
        "currency": "usd",
        "credits": None,
        "valid_days": None,
        "is_active": True,
        "practitioner_ids": (1,),
    }
    return MarketService(id=id_, **{**given, **changes})


def next_hours() -> dict[str, str]:
    """Two hours of another day each time."""
    starts = datetime(2040, 1, 2, 10, tzinfo=UTC) + timedelta(days=next(_days))
    ends = starts + timedelta(hours=2)
    return {"start_time": starts.strftime("%Y-%m-%dT%H:%M:%SZ"), "end_time": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}


def market_state(
    *practitioners: Practitioner,
    services: Iterable[MarketService] = (),
    bookings: Iterable[Booking] = (),
    users: Iterable[User] = (),
    claims: Iterable[Claim] = (),
    policy: Policy = DEFAULT_POLICY,
) -> State:
    """A batch's state that knows the marketplace."""
    found = state(users=users, claims=claims, policy=policy)
    for booking in bookings:
        found.know_booking(booking)
    found.market.practitioners = {one.id: one for one in practitioners or (practitioner(),)}
    found.market.services = {one.id: one for one in services or (market_service(),)}
    return found


class Person:
    """Somebody signed in, and what they are in the marketplace."""

    def __init__(self, market: Market, user_id: int) -> None:
        self.user_id = user_id
        self.id = 0
        """The practitioner's, if they are one."""
        self._market = market

    @cached_property
    def client(self) -> httpx.Client:
        return self._market.signed_in(self.user_id)


class Market:
    """Makes people and things of a test's own in a running stack, through the API."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._open = ExitStack()
        self.desk = self.signed_in(STAFF)

    def close(self) -> None:
        self._open.close()

    def signed_in(self, user_id: int) -> httpx.Client:
        return self._open.enter_context(signed_in(self.stack, user_id))

    def person(self) -> Person:
        name = f"m{secrets.token_hex(6)}"
        sql = "INSERT INTO user_account (username, username_key, email, email_key) VALUES (%s, %s, %s, %s) RETURNING id"
        (row,) = execute(self.stack, sql, name, name, f"{name}@example.com", f"{name}@example.com")
        return Person(self, int(row[0]))

    def practitioner(self, **changes: Any) -> Person:
        """Open every day from 9 to 17 UTC unless told otherwise."""
        return self.practitioner_of(self.person().user_id, **changes)

    def practitioner_of(self, user_id: int, **changes: Any) -> Person:
        person = Person(self, user_id)
        week = {"hours": [{"weekday": day, "start": "09:00", "end": "17:00"} for day in range(7)], **changes}
        person.id = self.made("/practitioners/", {"user_id": user_id, "horizon_days": 3660, **week})
        return person

    def service(self, *practitioners: Person, **changes: Any) -> int:
        """An hour with any of these, free of charge."""
        given = {"name": f"Service {next(_numbers)}", "duration_minutes": 60, **changes}
        if practitioners[1:]:
            return self.made(
                "/services/", {**given, "practitioner_ids": [practitioner.id for practitioner in practitioners]}
            )
        return self.made("/services/", given, by=practitioners[0].client)

    def session(self, practitioner: Person, service: int, **changes: Any) -> int:
        """A session of two hours and twenty seats, far ahead, on a day of its own unless told otherwise."""
        given = {"service_id": service, "practitioner_id": practitioner.id, "capacity": 20, **next_hours(), **changes}
        return self.made("/sessions/", given, by=practitioner.client)

    def made(self, path: str, body: dict[str, Any], by: httpx.Client | None = None) -> int:
        answer = (by or self.desk).post(f"{BASE}{path}", json=body)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])
