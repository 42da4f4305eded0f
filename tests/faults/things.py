"""What all clients of a run share: a room, somebody's hours and workshops, time slots, people, endpoints."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.faults.clients.orders import SEATS, Things
from tests.faults.stage import Cast, Stage
from tests.support.clients.bulks import new_services
from tests.support.clients.callers import ADMIN as ADMIN_ID
from tests.support.clients.callers import STAFF, access_for, execute
from tests.support.clients.http_client import ADMIN, Client
from tests.support.clients.marketplace import BASE
from tests.support.clients.rooms import Crowd

PEOPLE = 16
SESSIONS = 120
PRACTITIONER = 5
"""The demo's client: here they give hours and workshops."""
LIVE, DEAD = ("live one", "live two"), "dead"


def make_things(stage: Stage) -> Things:
    with Client(base_url=stage.stack.api_url, timeout=35.0, headers={"Authorization": superuser(stage)}) as desk:
        room = _made(desk, "/api/admin/rooms/", {"name": "A room", "price_per_slot": 50.0, "capacity": 9})
        week = [{"weekday": day, "start": "00:00", "end": "24:00"} for day in range(7)]
        whom = {"user_id": PRACTITIONER, "horizon_days": 3660, "hours": week}
        practitioner = _made(desk, f"{BASE}/practitioners/", whom)
        services = f"{BASE}/services/"
        given = {"duration_minutes": 60, "practitioner_ids": [practitioner]}
        hour = _made(desk, services, {**given, "name": "An hour", "price_cents": 5000})
        free_hour = _made(desk, services, {**given, "name": "A free hour"})
        workshop = _made(desk, services, {**given, "name": "A group", "booking_type": "group"})
        pays = {"service_ids": [free_hour], "credits": 3, "valid_days": 90, "price_cents": 0}
        bundle = _made(desk, services, {"name": "Three hours", "booking_type": "bundle", **pays,
                                        "practitioner_ids": [practitioner]})  # fmt: skip
        categories = [_made(desk, "/api/admin/categories/", {"name": f"Category {n}"}) for n in range(3)]
        _make_endpoints(stage, desk)
    names = new_services(stage.stack, 6)
    ((resource,),) = execute(stage.stack, "SELECT resource_id FROM service WHERE name = %s", names[-1])
    sessions = _sessions(stage, workshop, practitioner)
    return Things(
        room, practitioner, hour, free_hour, bundle, workshop, sessions, categories, names[:-1], int(resource)
    )


def cast(stage: Stage) -> Cast:
    """Everybody and everything that clients need."""
    desk = [superuser(stage), f"Bearer {access_for(stage.stack, STAFF)}"]
    return Cast(make_things(stage), people(stage), desk, f"user:{ADMIN_ID}")


def superuser(stage: Stage) -> str:
    answer = httpx.post(f"{stage.stack.api_url}/api/login/", json=ADMIN, timeout=30.0).raise_for_status()
    return f"Bearer {answer.json()['access']}"


def people(stage: Stage) -> list[str]:
    """Their `Authorization`."""
    crowd = Crowd(stage.stack, PEOPLE)
    found = []
    for user_id in crowd.user_ids:
        with crowd.client(user_id) as client:
            found.append(client.headers["Authorization"])
    return found


def _make_endpoints(stage: Stage, desk: Client) -> None:
    for name in (*LIVE, DEAD):
        told = {"url": stage.receiver.url(name.replace(" ", "-")), "description": name}
        answer = desk.post("/api/admin/webhooks/", json=told)
        assert answer.status_code == 201, answer.text
    stage.receiver.answer(DEAD, 500)


def _sessions(stage: Stage, workshop: int, practitioner: int) -> list[int]:
    """Behind the API's back, as so many commands would take a while; the practitioner's time is claimed all the same."""
    first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=30)
    rows = execute(
        stage.stack,
        """WITH made AS (
               INSERT INTO service_session (service_id, practitioner_id, starts_at, ends_at, capacity)
               SELECT %s, %s, %s + n * interval '1 hour', %s + (n + 1) * interval '1 hour', %s
               FROM generate_series(0, %s - 1) AS n RETURNING id, practitioner_id, starts_at, ends_at)
           , claimed AS (
               INSERT INTO claim (resource_id, session_id, during)
               SELECT p.resource_id, made.id, tstzrange(starts_at, ends_at)
               FROM made JOIN practitioner p ON p.id = made.practitioner_id)
           SELECT id FROM made ORDER BY starts_at""",
        workshop, practitioner, first, first, SEATS, SESSIONS,
    )  # fmt: skip
    return [int(row[0]) for row in rows]


def _made(desk: httpx.Client, path: str, body: dict[str, Any]) -> int:
    answer = desk.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def booked(stage: Stage, by: str, url: str) -> bool:
    """Whether somebody who waits gets a booking all the way."""
    number = time.monotonic_ns() // 1_000_000 % 12_000
    day = datetime(2185, 1, 3, tzinfo=UTC) + timedelta(days=7 * (number // 8))
    body = {
        "phone": "1234567890", "first_name": "A", "last_name": "Probe", "email": "probe@example.com",
        "service_name": "Legal Consultation", "booking_time": f"{9 + number % 8:02}:00",
        "booking_date": day.date().isoformat(),
    }  # fmt: skip
    headers = {"Authorization": by, "Prefer": "wait=10"}
    try:
        answer = httpx.post(f"{url}/api/agent/booking/create/", json=body, headers=headers, timeout=15.0)
    except httpx.HTTPError:
        return False
    return answer.status_code in {201, 409}
