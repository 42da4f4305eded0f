"""Waiting lists: 300 people for 20 seats, and whom a freed seat is offered to."""

from __future__ import annotations

from typing import Any

from tests.support.clients.callers import execute
from tests.support.clients.market_bookings import BOOKINGS, session_of, workshop
from tests.support.clients.marketplace import BASE, Market
from tests.support.clients.rooms import Crowd
from tests.support.wait import wait_until


def offers(market: Market, session: int) -> list[tuple[int, int]]:
    """(user, booking) of each offer, in the order of the queue."""
    sql = "SELECT user_id, booking_id FROM waiting_place WHERE session_id = %s AND booking_id IS NOT NULL ORDER BY id"
    return [(row[0], row[1]) for row in execute(market.stack, sql, session)]


def test_300_people_for_20_seats(market: Market) -> None:
    _, service, session = workshop(market)
    crowd = Crowd(market.stack, 300)
    wish = {"service_id": service, "service_session_id": session}
    answers = dict(zip(crowd.user_ids, crowd.book_at_once([wish] * 300, BOOKINGS), strict=True))
    seated = [user for user, answer in answers.items() if answer.status_code == 201]
    refused = [answer.json()["code"] for answer in answers.values() if answer.status_code != 201]
    assert (len(seated), refused) == (20, ["session_full"] * 280)

    waiting = [user for user in crowd.user_ids if user not in seated]
    queue = Crowd.of(crowd, waiting)
    places = queue.book_at_once([{}] * 280, f"{BASE}/sessions/{session}/waiting-list/")
    assert sorted(place.json()["position"] for place in places) == list(range(1, 281))
    order = [user for user, _ in sorted(zip(waiting, places, strict=True), key=lambda one: one[1].json()["position"])]
    shown = session_of(market, session)
    assert (shown["seats_taken"], shown["waiting"], shown["seats_left"]) == (20, 280, 0)

    for user in seated[:3]:
        with crowd.client(user) as client:
            booking = answers[user].json()["id"]
            assert client.delete(f"{BOOKINGS}{booking}/").status_code == 200
    wait_until(lambda: len(offers(market, session)) == 3, "three seats are offered")
    assert [user for user, _ in offers(market, session)] == order[:3], "first come, first offered"

    (first, accepted), (second, declined), (third, lapsed) = offers(market, session)
    with crowd.client(first) as client:
        held = client.get(f"{BOOKINGS}{accepted}/").json()
        assert (held["status"], held["hold_expires_at"] is not None) == ("pending_payment", True)
        assert client.post(f"{BOOKINGS}{accepted}/confirm/").json()["status"] == "confirmed"
    with crowd.client(second) as client:
        assert client.post(f"{BOOKINGS}{declined}/cancel/").status_code == 200
    execute(market.stack, "UPDATE booking SET hold_expires_at = clock_timestamp() WHERE id = %s", lapsed)
    wait_until(lambda: len(offers(market, session)) == 5, "declined and lapsed go to the next")
    assert [user for user, _ in offers(market, session)] == order[:5]
    assert third == order[2]
    assert session_of(market, session)["seats_taken"] == 20
    with crowd.client(order[10]) as client:
        assert client.get(f"{BASE}/sessions/{session}/waiting-list/").json()["position"] == 6
        assert client.delete(f"{BASE}/sessions/{session}/waiting-list/").status_code == 200
        assert client.post(BOOKINGS, json=wish).json()["code"] == "session_full", "others wait for what is freed"


def test_somebody_who_has_a_seat_or_could_have_one_does_not_wait(market: Market) -> None:
    _, service, session = workshop(market, capacity=1)
    first, second = market.person(), market.person()
    wish: dict[str, Any] = {"service_id": service, "service_session_id": session}
    path = f"{BASE}/sessions/{session}/waiting-list/"
    assert second.client.post(path).json()["code"] == "seats_left"
    assert first.client.post(BOOKINGS, json=wish).status_code == 201
    assert first.client.post(path).json()["code"] == "already_booked"
    assert second.client.post(path).status_code == 201
    assert second.client.post(path).json()["code"] == "already_waiting"
    assert market.person().client.get(path).status_code == 404


def test_seats_that_are_added_are_offered_and_those_that_are_taken_stay(market: Market) -> None:
    practitioner, service, session = workshop(market, capacity=1)
    seated, waiting = market.person(), market.person()
    wish: dict[str, Any] = {"service_id": service, "service_session_id": session}
    assert seated.client.post(BOOKINGS, json=wish).status_code == 201
    assert waiting.client.post(f"{BASE}/sessions/{session}/waiting-list/").status_code == 201
    path = f"{BASE}/sessions/{session}/"
    assert waiting.client.patch(path, json={"capacity": 9}).status_code == 403
    changed = practitioner.client.patch(path, json={"capacity": 2, "title": "Two at most"}).json()
    assert (changed["capacity"], changed["title"]) == (2, "Two at most")
    wait_until(lambda: len(offers(market, session)) == 1, "the seat is offered to who waits")
    assert offers(market, session)[0][0] == waiting.user_id
    fewer = market.desk.patch(path, json={"capacity": 1})
    assert (fewer.status_code, fewer.json()["code"]) == (409, "seats_taken")
    assert market.desk.delete(path).status_code == 200
    assert market.desk.patch(path, json={"title": "Too late"}).json()["code"] == "session_cancelled"
