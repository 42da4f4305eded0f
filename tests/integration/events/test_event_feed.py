"""`GET /api/events/` over the wire: who may read it, where it goes on, what it refuses, and what its filters tell."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from msgspec import Struct
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from api.events.event_follower import WAITING_PER_CALLER_MAX
from core.identity.demo_accounts import AGENT_KEY
from tests.support.clients import time_slots
from tests.support.clients.callers import ADMIN, PRACTITIONER, STAFF, USER, access_for, bearer, execute
from tests.support.clients.feed_readers import number, told, wait_until_numbered
from tests.support.clients.http_client import Client, agent_booking
from tests.support.clients.time_slots import DAYS, new_category, new_slot
from tests.support.processes.stack import Stack

EVENTS = "/api/events/"
WAITING = {"Prefer": "wait=30"}
FEED = "/ws/admin/bookings/"


def read(client: httpx.Client, after: str | None = None, **params: Any) -> Any:
    answer = client.get(EVENTS, params={"after": after, **params} if after else params)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def start(stack: Stack, staff: Client) -> str:
    """Where the feed is now, behind all that was decided."""
    wait_until_numbered(stack)
    position: str = read(staff)["next"]
    return position


@pytest.mark.parametrize(
    "who", ["anonymous", "forged", "user", "practitioner", "agent", "staff", "superuser", "token", "must change"]
)
def test_it_is_read_by_exactly_those_who_may_open_the_socket(stack: Stack, who: str) -> None:
    headers = _credential(stack, who)
    status = httpx.get(stack.api_url + EVENTS, headers=headers).status_code
    try:
        with connect(stack.ws_url + FEED, additional_headers=headers):
            handshake = 200 if headers else 401  # who says nothing has five seconds to authenticate
    except InvalidStatus as refused:
        handshake = refused.response.status_code
    assert status == handshake
    assert (status == 200) == (who in {"staff", "superuser", "token"})


def _credential(stack: Stack, who: str) -> dict[str, str]:
    people = {"user": USER, "practitioner": PRACTITIONER, "staff": STAFF, "superuser": ADMIN}
    match who:
        case "anonymous":
            return {}
        case "forged":
            return {"Authorization": "Bearer forged"}
        case "agent":
            return {"Authorization": f"Token {AGENT_KEY}"}
        case "token":
            answer = httpx.post(
                f"{stack.api_url}/api/auth/token/", json={"username": "9876543210", "password": "admin"}
            )
            return {"Authorization": f"Token {answer.json()['token']}"}
        case "must change":
            sql = "INSERT INTO user_account (username, username_key, is_staff, must_change_password) VALUES ('fresh', 'fresh', true, true) RETURNING id"
            return bearer(access_for(stack, int(execute(stack, sql)[0][0])))
        case _:
            return bearer(access_for(stack, people[who]))


def test_a_session_cookie_reads_it_too(stack: Stack) -> None:
    with httpx.Client(base_url=stack.api_url) as browser:
        browser.post("/api/login/", json={"username": "9876543210", "password": "admin"}).raise_for_status()
        assert read(browser)["events"] == []


def test_a_booking_is_told_as_on_the_socket_and_next_goes_on_behind_it(stack: Stack, staff: Client, start: str) -> None:
    booked = staff.book().json()["data"]["booking"]
    wait_until_numbered(stack)
    told = read(staff, start, limit=1)
    (event,) = told["events"]
    assert (event["type"], event["data"]["id"]) == ("booking_created", booked["id"])
    assert list(event) == ["type", "data", "position"]
    assert event["position"] == told["next"]
    assert number(start) < number(told["next"])
    assert read(staff, told["next"]) == {"events": [], "next": read(staff, told["next"])["next"]}
    assert read(staff)["events"] == [], "without a position: what comes from now on"


def test_a_waiting_request_is_answered_by_the_event_and_an_idle_one_by_its_time(staff: Client, start: str) -> None:
    assert (
        staff.get(EVENTS, params={"after": start, "resource_id": 999_999}, headers={"Prefer": "wait=1"}).json()[
            "events"
        ]
        == []
    )
    with ThreadPoolExecutor(2) as pool:
        waits = [pool.submit(staff.get, EVENTS, params=params, headers=WAITING) for params in ({"after": start}, {})]
        while not all(wait.done() for wait in waits):
            staff.book()
        for wait in waits:
            answer = wait.result()
            assert {event["type"] for event in answer.json()["events"]} == {"booking_created"}
            assert answer.headers["Holdfast-Position"] == answer.json()["next"]


def test_too_many_who_wait_are_told_when_to_try_again_and_the_others_hear(
    stack: Stack, staff: Client, start: str
) -> None:
    """Of one person, in each of the two processes; another one's request still waits."""
    most = 2 * WAITING_PER_CALLER_MAX

    async def ask() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=stack.api_url, headers=staff.headers, timeout=60, limits=limits
        ) as client:
            waits = [
                asyncio.create_task(client.get(EVENTS, params={"after": start}, headers=WAITING))
                for _ in range(most + 1)
            ]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            booking = await client.post("/api/agent/booking/create/", json=agent_booking())
            assert booking.status_code == 201
            return list(await asyncio.gather(*waits))

    answers = asyncio.run(ask())
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {(one.json()["code"], one.headers["Retry-After"]) for one in refused} == {("too_many_requests", "1")}
    told = [answer.json()["events"] for answer in answers if answer.status_code == 200]
    assert len(told) + len(refused) == most + 1
    assert {len(events) for events in told} == {1}


@pytest.mark.parametrize("position", ["nonsense", "7", "-3", "ffffffff-3", "{epoch}-x", "{epoch}-{ahead}", "x" * 64])
def test_a_position_that_cannot_be_gone_on_from_is_410_with_a_fresh_one(
    staff: Client, start: str, position: str
) -> None:
    after = position.format(epoch=start.rpartition("-")[0], ahead=number(start) + 1_000_000)
    answer = staff.get(EVENTS, params={"after": after}, headers=WAITING)
    assert (answer.status_code, answer.json()["code"]) == (410, "position_gone")
    fresh = answer.json()["position"]
    assert fresh == answer.headers["Holdfast-Position"]
    assert read(staff, fresh)["events"] == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"type": "timeslot_created"}, "type"),
        ({"resource_id": "desk"}, "resource_id"),
        ({"resource_id": 0}, "resource_id"),
        ({"service": "a\x00b"}, "service"),
        ({"start_date": "2031-02-30"}, "start_date"),
        ({"start_date": "2031-02-02", "end_date": "2031-02-01"}, "end_date"),
        ({"after": "x" * 65}, "after"),
        ({"resource": 1}, "resource"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(staff: Client, params: dict[str, Any], field: str) -> None:
    answer = staff.get(EVENTS, params=params)
    assert answer.status_code == 400, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == [field]


class Moved(Struct):
    """A booking of a time slot that staff moved to another day and another category, which has another resource."""

    start: str
    id: int
    left: dict[str, Any]
    """What filters say of where it was, in the parameters' names."""
    now: dict[str, Any]


@pytest.fixture
def moved(stack: Stack, staff: Client, start: str) -> Moved:
    left, now = _place(staff), _place(staff)
    slot = new_slot(staff, left.pop("category"), left["start_date"])
    booking = time_slots.book(staff, slot["id"])
    assert booking.status_code == 201, booking.text
    day = now["start_date"]
    times = {"start_time": f"{day}T09:00:00Z", "end_time": f"{day}T10:00:00Z", "category": now.pop("category")}
    answer = staff.put(f"/api/admin/timeslots/{slot['id']}/", json=times, params={"if_booked": "move"})
    assert answer.status_code == 200, answer.text
    wait_until_numbered(stack)
    (created, updated) = told(read(staff, start)["events"])
    assert (created[0], updated[0]) == ("booking_created", "booking_updated")
    return Moved(start, created[2], left, now)


def _place(staff: Client) -> dict[str, Any]:
    category = new_category(staff)
    known = staff.get(f"/api/admin/categories/{category}/").json()
    day = next(DAYS).isoformat()
    return {
        "category": category,
        "resource_id": known["resource_id"],
        "service": known["name"],
        "start_date": day,
        "end_date": day,
    }


def types(staff: Client, after: str, **params: Any) -> list[str]:
    return [event["type"] for event in read(staff, after, **params)["events"]]


def test_what_moves_away_is_told_where_it_was_and_where_it_is(staff: Client, moved: Moved) -> None:
    both, one = ["booking_created", "booking_updated"], ["booking_updated"]
    for names in (["resource_id"], ["service"], ["start_date", "end_date"], list(moved.left)):
        was, is_ = ({name: place[name] for name in names} for place in (moved.left, moved.now))
        assert (types(staff, moved.start, **was), types(staff, moved.start, **is_)) == (both, one), names
    assert types(staff, moved.start, **{**moved.left, "resource_id": moved.now["resource_id"]}) == []
    assert types(staff, moved.start, **moved.left, type="booking_created") == ["booking_created"]
    ids = [moved.left["resource_id"], moved.now["resource_id"]]
    assert types(staff, moved.start, resource_id=ids, type=both[::-1]) == both
    narrow = read(staff, moved.start, resource_id=999_999)
    assert narrow["events"] == []
    assert number(narrow["next"]) >= number(moved.start) + 2, "it goes on over what is not told"


def test_a_socket_hears_by_the_same_filters_from_a_position_on(stack: Stack, staff: Client, moved: Moved) -> None:
    day = {"start_date": moved.left["start_date"], "end_date": moved.left["end_date"]}
    filters = {
        2: {"resource_ids": [moved.left["resource_id"]], "services": [moved.left["service"].upper()], **day},
        1: {"types": ["booking_updated"], "resource_ids": [moved.left["resource_id"], moved.now["resource_id"]]},
    }
    with connect(stack.ws_url + FEED, additional_headers={"Authorization": staff.headers["Authorization"]}) as socket:
        for count, wanted in filters.items():
            socket.send(json.dumps({"type": "subscribe", "last_position": moved.start, **wanted}))
            assert json.loads(socket.recv(10)) == {"type": "subscribed", "data": wanted}
            heard = [json.loads(socket.recv(10)) for _ in range(count)]
            assert [one["data"]["id"] for one in heard] == [moved.id] * count
            assert heard[-1]["type"] == "booking_updated"
