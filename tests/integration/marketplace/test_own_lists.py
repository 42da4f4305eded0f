"""What somebody has that is no booking: credits, and places in waiting lists."""

from __future__ import annotations

from tests.support.clients.callers import execute
from tests.support.clients.market_bookings import BOOKINGS, book, bundle_of, made, take_seat, workshop
from tests.support.clients.marketplace import BASE, Market

CREDITS = "/api/user/credits/"
PLACES = "/api/user/waiting-places/"


def test_credits_are_listed_until_they_expire_with_what_they_pay_for(market: Market) -> None:
    practitioner, client = market.practitioner(), market.person().client
    hourly = market.service(practitioner, name="Hour of listening")
    bundle = bundle_of(market, 3, (practitioner,), service_ids=[hourly])
    bought = made(client.post(f"{BOOKINGS}create-bundle/", json={"service_id": bundle}))["id"]
    (shown,) = client.get(CREDITS).json()["data"]
    assert (shown["booking_id"], shown["balance"], shown["granted"], shown["is_paid"]) == (bought, 3, 3, True)
    assert shown["services"] == ["Hour of listening"]
    assert market.person().client.get(CREDITS).json()["data"] == []
    execute(market.stack, "UPDATE credit SET expires_at = clock_timestamp() WHERE booking_id = %s", bought)
    assert client.get(CREDITS).json()["data"] == []


def test_somebody_sees_where_they_stand_in_each_waiting_list(market: Market) -> None:
    _, service, session = workshop(market, capacity=1)
    made(take_seat(market.person().client, service, session))
    first, second = market.person().client, market.person().client
    for client in (first, second):
        assert client.post(f"{BASE}/sessions/{session}/waiting-list/").status_code == 201
    (shown,) = second.get(PLACES).json()["data"]
    assert (shown["session_id"], shown["position"], shown["time_zone"]) == (session, 2, "UTC")
    assert first.delete(f"{BASE}/sessions/{session}/waiting-list/").status_code == 200
    assert first.get(PLACES).json()["data"] == []
    assert second.get(PLACES).json()["data"][0]["position"] == 1


def test_staff_list_what_one_person_booked_and_nobody_else_does(market: Market) -> None:
    practitioner, person = market.practitioner(), market.person()
    talk = market.service(practitioner)
    booked = made(book(person.client, talk, practitioner, 9))["id"]
    for_whom = f"{BOOKINGS}?user_id={person.user_id}"
    assert [one["id"] for one in market.desk.get(for_whom).json()["results"]] == [booked]
    assert [one["id"] for one in person.client.get(for_whom).json()["results"]] == [booked]
    given = market.desk.get(f"{BOOKINGS}?user_id={practitioner.user_id}").json()["results"]
    assert given == [], "a practitioner's appointments are their clients'"
    assert practitioner.client.get(for_whom).json()["code"] == "forbidden"
