"""An installation that does not book the past, as all are but the demo: each contract says so in its own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from ops.processes import API, LANES
from tests.conftest import FreshStack
from tests.support.clients.callers import answers, execute
from tests.support.clients.http_client import agent_booking
from tests.support.clients.marketplace import BASE, Market
from tests.support.clients.rooms import new_room, wish
from tests.support.wait import wait_until

LONG_AGO = {"booking_date": "2025-10-20", "booking_time": "14:00"}
FROM_TO = {"start_time": "2025-10-20T09:00:00Z", "end_time": "2025-10-20T10:00:00Z"}


@pytest.fixture
def market(fresh_stack: FreshStack) -> Iterator[Market]:
    stack = fresh_stack(processes=(API, LANES), environment={"HOLDFAST_ALLOW_PAST": "0"}, wait=False)
    wait_until(lambda: answers(stack), "the API answers")
    with closing(Market(stack)) as opened:
        yield opened


def full_session(market: Market) -> int:
    """Its one seat is taken, and nobody has the time of the client who asks next."""
    practitioner = market.practitioner()
    workshop = market.service(practitioner, booking_type="workshop")
    session = market.session(practitioner, workshop, capacity=1)
    body = {"service_id": workshop, "service_session_id": session}
    assert market.person().client.post(f"{BASE}/bookings/", json=body).status_code == 201
    return session


def test_nothing_is_booked_offered_or_waited_for_in_the_past(market: Market) -> None:
    session, practitioner, client = full_session(market), market.practitioner(), market.person().client
    execute(market.stack, "UPDATE service_session SET starts_at = clock_timestamp() WHERE id = %s", session)
    at_once = {"service_id": market.service(practitioner), "practitioner_id": practitioner.id, **FROM_TO}
    desk, slot = market.desk, {"category": 1, **FROM_TO}
    asked = {
        "appointments": client.post("/api/booking/create/", json={"service_name": "Massage", **LONG_AGO}),
        "agent": httpx.post(f"{market.stack.api_url}/api/agent/booking/create/", json=agent_booking(**LONG_AGO)),
        "rooms": client.post("/api/bookings/", json=wish(new_room(desk), booking_date="2025-10-20")),
        "calendar": desk.post("/api/admin/timeslots/", json=slot),
        "marketplace": client.post(f"{BASE}/bookings/", json=at_once),
        "a seat": client.post(f"{BASE}/sessions/{session}/waiting-list/"),
    }
    refused = {who: (answer.status_code, answer.json()["code"]) for who, answer in asked.items()}
    assert refused == dict.fromkeys(asked, (400, "in_the_past"))
    assert len({answer.json()["message"] for answer in asked.values()}) == 3, "the words of the contracts"
