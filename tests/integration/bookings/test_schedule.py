"""What takes place on some days, of all contracts, as the desk asks for it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.clients import rooms
from tests.support.clients.callers import STAFF, access_for, bearer
from tests.support.clients.market_bookings import bundle_of, made, take_seat, workshop
from tests.support.clients.marketplace import BASE, Market
from tests.support.clients.time_slots import new_category, new_slot, new_user
from tests.support.processes.stack import Stack
from tests.support.wait import READY_WITHIN_S

SCHEDULE = "/api/admin/schedule/"
DAYS = (date(2103, 1, 1) + timedelta(days=n) for n in count())
"""Each test has days of its own; the first is a Monday."""
_numbers = count(1)


@pytest.fixture
def day() -> date:
    return next(one for one in DAYS if one.weekday() != 6)


def at_desk(desk: httpx.Client, day: date, at: str = "09:00", **more: Any) -> dict[str, Any]:
    body = {"phone": f"+12025553{next(_numbers):03}", "first_name": "Ida", "service_name": "Legal Consultation"}
    answer = desk.post(
        "/api/agent/booking/create/", json={**body, "booking_date": str(day), "booking_time": at, **more}
    )
    return dict(made(answer)["data"]["booking"])


def asked(desk: httpx.Client, first: date, last: date | None = None, **more: Any) -> dict[str, Any]:
    answer = desk.get(SCHEDULE, params={"start_date": str(first), "end_date": str(last or first), **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_bookings_of_every_contract_stand_in_the_order_of_their_times(
    desk: httpx.Client, staff: httpx.Client, stack: Stack, day: date
) -> None:
    user = new_user(stack)
    room = made(
        rooms.book(
            staff,
            rooms.new_room(staff),
            booking_date=str(day),
            user_id=user,
            start_time="10:00:00",
            end_time="11:00:00",
        )
    )
    slot = new_slot(staff, new_category(staff), day, hour=8)
    taken = made(staff.post("/api/bookings/", json={"time_slot": slot["id"], "user_id": user}))
    plain = at_desk(desk, day)
    cancelled = at_desk(desk, day, "12:00", status="cancelled")
    found = asked(desk, day)["bookings"]
    assert [one["id"] for one in found] == [taken["id"], plain["id"], room["id"], cancelled["id"]]
    assert [one["contract"] for one in found] == ["calendar", "agent", "rooms", "agent"]
    assert [one["status"] for one in found] == ["confirmed", "confirmed", "held", "cancelled"]
    assert [one["hold_expires_at"] is not None for one in found] == [False, False, True, False]
    assert (found[0]["user"]["id"], found[1]["user"]["name"]) == (user, "Ida")
    assert (found[2]["payment_status"], found[2]["price_minor"], found[2]["currency"]) == ("pending", 10000, "usd")


def test_a_page_that_is_full_says_that_there_is_more(desk: httpx.Client, day: date) -> None:
    first, second = at_desk(desk, day), at_desk(desk, day, "10:00")
    page = asked(desk, day, limit=1)
    assert ([one["id"] for one in page["bookings"]], page["more"]) == ([first["id"]], True)
    page = asked(desk, day, limit=1, offset=1)
    assert ([one["id"] for one in page["bookings"]], page["more"]) == ([second["id"]], False)


def test_bookings_that_are_named_are_read_alone_and_only_where_they_take_place(desk: httpx.Client, day: date) -> None:
    one, _ = at_desk(desk, day), at_desk(desk, day, "10:00")
    assert [found["id"] for found in asked(desk, day, booking_id=[one["id"]])["bookings"]] == [one["id"]]
    assert asked(desk, day + timedelta(days=1), booking_id=[one["id"]])["bookings"] == []


def test_the_feed_goes_on_from_the_position_without_a_gap(desk: httpx.Client, stack: Stack, day: date) -> None:
    earlier = at_desk(desk, day)
    position = asked(desk, day)["position"]
    later = at_desk(desk, day, "10:00")
    with connect(f"{stack.ws_url}/ws/admin/bookings/", additional_headers=bearer(access_for(stack, STAFF))) as socket:
        wanted = {"start_date": str(day), "end_date": str(day), "last_position": position}
        socket.send(json.dumps({"type": "subscribe", **wanted}))
        assert json.loads(socket.recv(timeout=READY_WITHIN_S))["type"] == "subscribed"
        told = []
        while later["id"] not in told:
            event = json.loads(socket.recv(timeout=READY_WITHIN_S))
            assert event["type"] == "booking_created"
            told.append(event["data"]["id"])
    assert told in ([later["id"]], [earlier["id"], later["id"]]), (
        "the feed may not have told the first when it was read"
    )


def test_sessions_and_closures_stand_beside_the_bookings(desk: httpx.Client, market: Market, day: date) -> None:
    practitioner, service, session = workshop(market, capacity=3)
    shown = market.desk.get(f"{BASE}/sessions/{session}/").json()
    on = date.fromisoformat(shown["start_time"][:10])
    seat = made(take_seat(market.person().client, service, session))
    found = asked(desk, on)
    (one,) = [one for one in found["sessions"] if one["id"] == session]
    assert (one["session_date"], one["capacity"], one["seats_taken"], one["waiting"]) == (str(on), 3, 1, 0)
    booking = next(one for one in found["bookings"] if one["id"] == seat["id"])
    assert (booking["session_id"], booking["resource_id"]) == (session, one["resource_id"])
    assert practitioner.id
    desk.post("/api/admin/closures/", json={"start_date": str(day), "reason": "Painters"}).raise_for_status()
    assert [one["reason"] for one in asked(desk, day)["closures"]] == ["Painters"]
    assert asked(desk, day, booking_id=[seat["id"]])["closures"] == []


def test_what_was_bought_without_a_time_is_on_no_day(desk: httpx.Client, market: Market) -> None:
    today = date.today()
    bundle = bundle_of(market, 2)
    bought = made(market.person().client.post(f"{BASE}/bookings/create-bundle/", json={"service_id": bundle}))
    around = asked(desk, today - timedelta(days=1), today + timedelta(days=1), booking_id=[bought["id"]])
    assert around["bookings"] == []


def test_days_are_counted_by_status(desk: httpx.Client, day: date) -> None:
    at_desk(desk, day)
    at_desk(desk, day, "10:00")
    at_desk(desk, day, "11:00", status="completed")
    days = {"start_date": str(day), "end_date": str(day)}
    counted = desk.get(f"{SCHEDULE}days/", params=days).json()["days"]
    assert counted == [
        {"date": str(day), "status": "completed", "bookings": 1},
        {"date": str(day), "status": "upcoming", "bookings": 2},
    ]


@pytest.mark.parametrize("path", [SCHEDULE, f"{SCHEDULE}days/"])
@pytest.mark.parametrize(("first", "last"), [("2030-01-02", "2030-01-01"), ("2030-01-01", "2030-02-12")])
def test_days_in_disorder_and_more_than_six_weeks_are_refused(
    desk: httpx.Client, path: str, first: str, last: str
) -> None:
    answer = desk.get(path, params={"start_date": first, "end_date": last})
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, ["end_date"])
