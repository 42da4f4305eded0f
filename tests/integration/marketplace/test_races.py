"""What lives in several lanes at once, raced on the real stack: nothing is taken twice, nothing by half."""

from __future__ import annotations

from collections import Counter

from tests.support.clients.callers import execute
from tests.support.clients.market_bookings import (
    BOOKINGS,
    Request,
    at,
    at_once,
    balance,
    bundle_of,
    course,
    made,
    session_of,
    wish,
    workshop,
)
from tests.support.clients.marketplace import Market, Person
from tests.support.clients.rooms import Crowd


def claims_of(market: Market, *practitioners: Person) -> int:
    sql = "SELECT count(*) FROM claim c JOIN practitioner p USING (resource_id) WHERE p.id = ANY(%s)"
    return int(execute(market.stack, sql, [practitioner.id for practitioner in practitioners])[0][0])


def test_two_devices_spend_the_last_credit_once(market: Market) -> None:
    practitioner, people = market.practitioner(), [market.person() for _ in range(6)]
    hourly = market.service(practitioner, price_cents=5000)
    bundle = bundle_of(market, 1, (practitioner,), service_ids=[hourly])
    bundles = [made(one.client.post(f"{BOOKINGS}create-bundle/", json={"service_id": bundle}))["id"] for one in people]
    both = [(one, BOOKINGS, wish(hourly, practitioner, 9 + n, day)) for n, one in enumerate(people) for day in (0, 1)]
    answers = [made(answer) for answer in at_once(market, both)]
    for n, bought in enumerate(bundles):
        assert sorted(answer["status"] for answer in answers[2 * n : 2 * n + 2]) == ["confirmed", "pending_payment"]
        assert balance(market, bought) == 0


def test_the_last_room_goes_to_one_and_the_others_practitioners_stay_free(market: Market) -> None:
    practitioners = [market.practitioner() for _ in range(8)]
    service = market.service(*practitioners)
    location = market.made("/locations/", {"name": "Practice"})
    market.made(f"/locations/{location}/rooms/", {"name": "Only room"})
    requests = [
        (market.person(), BOOKINGS, wish(service, practitioner, 9, location_id=location))
        for practitioner in practitioners
    ]
    codes = Counter(answer.json().get("code", "made") for answer in at_once(market, requests))
    assert codes == {"made": 1, "no_room_free": 7}
    assert claims_of(market, *practitioners) == 1


def test_any_practitioner_is_found_as_long_as_one_is_free(market: Market) -> None:
    practitioners = [market.practitioner() for _ in range(6)]
    service = market.service(*practitioners)
    people = [market.person() for _ in range(9)]
    named = [
        (one, BOOKINGS, wish(service, practitioner, 9))
        for one, practitioner in zip(people, practitioners[:3], strict=False)
    ]
    anybody = [(one, BOOKINGS, wish(service, None, 9)) for one in people[3:]]
    answers = at_once(market, [*anybody, *named])
    found = [answer.json()["practitioner"]["id"] for answer in answers if answer.status_code == 201]
    assert sorted(found) == sorted(practitioner.id for practitioner in practitioners)
    assert Counter(answer.status_code for answer in answers) == {201: 6, 409: 3}


def test_a_course_is_taken_whole_by_as_many_as_there_are_seats(market: Market) -> None:
    _, service, sessions = course(market, (4, 3, 5))
    crowd = Crowd(market.stack, 12)
    answers = crowd.book_at_once([{"service_id": service}] * 12, f"{BOOKINGS}create-course/")
    assert Counter(answer.json().get("code", "made") for answer in answers) == {"made": 3, "session_full": 9}
    assert [session_of(market, session)["seats_taken"] for session in sessions] == [3, 3, 3]
    sql = "SELECT parent_id IS NULL, count(*) FROM marketplace_booking WHERE service_id = %s GROUP BY 1 ORDER BY 1"
    assert execute(market.stack, sql, service) == [(False, 9), (True, 3)]


def test_bookings_that_move_into_each_others_places_never_share_one(market: Market) -> None:
    """Each is refused as long as the other is there; of those who want one free place one gets it."""
    practitioner, client = market.practitioner(), market.person()
    service = market.service(practitioner)

    def booked(hour: int, day: int) -> int:
        return int(made(client.client.post(BOOKINGS, json=wish(service, practitioner, hour, day)))["id"])

    def move(id_: int, hour: int, day: int) -> Request:
        return client, f"{BOOKINGS}{id_}/reschedule/", at(hour, day)

    swaps = [move(booked(hour, day), hour, 1 - day) for hour in (9, 11, 13) for day in (0, 1)]
    rivals = [move(booked(10 + day, day + 2), 16, 5) for day in range(3)]
    answers = at_once(market, [*swaps, *rivals])
    assert [answer.status_code for answer in answers[: len(swaps)]] == [409] * 6
    assert sorted(answer.status_code for answer in answers[len(swaps) :]) == [200, 409, 409]
    sql = """SELECT count(*), count(DISTINCT c.booking_id), bool_and(c.during = tstzrange(b.starts_at, b.ends_at))
             FROM claim c JOIN booking b ON b.id = c.booking_id WHERE b.service_id = %s"""
    assert execute(market.stack, sql, service) == [(9, 9, True)]


def test_the_last_seat_goes_to_one_whether_it_is_booked_or_part_of_a_package(market: Market) -> None:
    practitioner, service, session = workshop(market, capacity=1)
    package = market.service(practitioner, booking_type="package", service_ids=[service], price_cents=0)
    people = [market.person() for _ in range(6)]
    requests: list[Request] = []
    for one in people[:3]:
        bought = made(one.client.post(f"{BOOKINGS}create-package/", json={"service_id": package}))
        path = f"{BOOKINGS}{bought['child_bookings'][0]['id']}/reschedule/"
        requests.append((one, path, {"service_session_id": session}))
    seat = {"service_id": service, "service_session_id": session}
    now = {"service_id": package, "schedule": [{"index": 0, "service_session_id": session}]}
    requests += [
        (people[3], BOOKINGS, seat),
        (people[4], BOOKINGS, seat),
        (people[5], f"{BOOKINGS}create-package/", now),
    ]
    codes = Counter(answer.json().get("code", "made") for answer in at_once(market, requests))
    assert codes == {"made": 1, "session_full": 5}
    assert session_of(market, session)["seats_taken"] == 1


def test_cancelling_a_whole_and_scheduling_its_part_end_with_nothing_taken(market: Market) -> None:
    practitioner = market.practitioner()
    talk = market.service(practitioner)
    package = market.service(practitioner, booking_type="package", service_ids=[talk] * 4, price_cents=0)
    client = market.person()
    bought = [made(client.client.post(f"{BOOKINGS}create-package/", json={"service_id": package})) for _ in range(2)]
    requests: list[Request] = []
    for day, whole in enumerate(bought):
        parts = [child["id"] for child in whole["child_bookings"]]
        requests += [(client, f"{BOOKINGS}{id_}/reschedule/", at(9 + n, day)) for n, id_ in enumerate(parts)]
        requests.append((client, f"{BOOKINGS}{whole['id']}/cancel/", {}))
    answers = at_once(market, requests)
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert claims_of(market, practitioner) == 0
    assert {row["status"] for row in client.client.get(BOOKINGS).json()["results"]} == {"canceled"}
