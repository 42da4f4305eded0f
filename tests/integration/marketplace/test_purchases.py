"""Workshops, courses, packages and bundles on the real stack."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.clients.callers import execute
from tests.support.clients.market_bookings import (
    BOOKINGS,
    at,
    balance,
    book,
    bundle_of,
    course,
    made,
    session_of,
    take_seat,
    workshop,
)
from tests.support.clients.marketplace import BASE, Market


def test_a_workshop_gives_each_seat_once(market: Market) -> None:
    _, service, session = workshop(market, capacity=2)
    first, second, third = (market.person().client for _ in range(3))
    booking = made(take_seat(first, service, session))
    assert (booking["booking_type"], booking["service_session_id"]) == ("group", session)
    assert take_seat(first, service, session).json()["code"] == "already_booked"
    made(take_seat(second, service, session))
    assert take_seat(third, service, session).json()["code"] == "session_full"
    assert first.post(f"{BOOKINGS}{booking['id']}/reschedule/", json=at(9)).json()["code"] == "not_movable"
    assert first.delete(f"{BOOKINGS}{booking['id']}/").status_code == 200
    assert session_of(market, session)["seats_left"] == 1
    made(take_seat(third, service, session))


def test_the_database_refuses_a_seat_too_many_and_a_credit_below_zero(market: Market) -> None:
    _, _, session = workshop(market, capacity=2)
    with pytest.raises(psycopg.errors.CheckViolation, match="service_session_has_seats"):
        execute(market.stack, "UPDATE service_session SET seats_taken = 3 WHERE id = %s", session)
    client = market.person()
    bundle = bundle_of(market, credits_=1)
    bought = made(client.client.post(f"{BOOKINGS}create-bundle/", json={"service_id": bundle}))["id"]
    with pytest.raises(psycopg.errors.CheckViolation, match="credit_not_overdrawn"):
        execute(market.stack, "UPDATE credit SET balance = -1 WHERE booking_id = %s", bought)


def test_a_session_takes_the_practitioners_time_and_gives_it_back_when_it_is_cancelled(market: Market) -> None:
    practitioner, service, _ = workshop(market)
    session = market.session(practitioner, service, **at(9))
    hourly, client = market.service(practitioner), market.person().client
    seat = made(take_seat(client, service, session))["id"]
    assert book(client, hourly, practitioner, 9).json()["code"] == "slot_taken"
    other_practitioner = market.practitioner()
    assert other_practitioner.client.delete(f"{BASE}/sessions/{session}/").status_code == 403
    cancelled = practitioner.client.request("DELETE", f"{BASE}/sessions/{session}/", json={"reason": "Ill"})
    assert (cancelled.json()["is_canceled"], cancelled.json()["seats_taken"]) == (True, 0)
    shown = client.get(f"{BOOKINGS}{seat}/").json()
    assert (shown["status"], shown["canceled_by"], shown["cancellation_reason"]) == ("canceled", "practitioner", "Ill")
    made(book(client, hourly, practitioner, 9))


def test_a_course_is_one_booking_with_a_child_for_each_session(market: Market) -> None:
    _, service, sessions = course(market)
    client = market.person().client
    booking = made(client.post(f"{BOOKINGS}create-course/", json={"service_id": service}))
    children = booking["child_bookings"]
    assert [child["booking_type"] for child in children] == ["group"] * 3
    assert [child["parent_booking_id"] for child in children] == [booking["id"]] * 3
    assert (booking["start_time"], booking["end_time"]) == (children[0]["start_time"], children[-1]["end_time"])
    assert [session_of(market, session)["seats_taken"] for session in sessions] == [1, 1, 1]
    listed = client.get(BOOKINGS).json()["results"]
    assert {row["id"] for row in listed} == {booking["id"], *(child["id"] for child in children)}
    assert client.post(f"{BOOKINGS}{booking['id']}/cancel/").status_code == 200
    gone = client.get(f"{BOOKINGS}{booking['id']}/").json()
    assert {gone["status"], *(child["status"] for child in gone["child_bookings"])} == {"canceled"}
    assert [session_of(market, session)["seats_taken"] for session in sessions] == [0, 0, 0]


def test_a_course_with_one_full_session_takes_nothing_at_all(market: Market) -> None:
    practitioner, service, sessions = course(market, (2, 1, 2))
    made(market.person().client.post(f"{BOOKINGS}create-course/", json={"service_id": service}))
    late = market.person().client
    assert late.post(f"{BOOKINGS}create-course/", json={"service_id": service}).json()["code"] == "session_full"
    assert [session_of(market, session)["seats_taken"] for session in sessions] == [1, 1, 1]
    assert late.get(BOOKINGS).json()["count"] == 0
    assert practitioner.client.get(BOOKINGS).json()["count"] == 4


def test_a_package_is_scheduled_now_or_later_under_one_purchase(market: Market) -> None:
    practitioner = market.practitioner()
    massage, talk = market.service(practitioner, name="Massage"), market.service(practitioner, name="Talk")
    package = market.service(practitioner, booking_type="package", service_ids=[massage, talk, talk], price_cents=0)
    client = market.person().client
    body = {"service_id": package, "schedule": [{"index": 1, "practitioner_id": practitioner.id, **at(9)}]}
    booking = made(client.post(f"{BOOKINGS}create-package/", json=body))
    assert (booking["start_time"], booking["end_time"], booking["status"]) == (None, None, "confirmed")
    children = booking["child_bookings"]
    assert [(child["service"]["name"], child["status"], child["start_time"]) for child in children] == [
        ("Massage", "draft", None),
        ("Talk", "confirmed", at(9)["start_time"]),
        ("Talk", "draft", None),
    ]
    later = f"{BOOKINGS}{children[0]['id']}/reschedule/"
    assert client.post(later, json=at(9)).json()["code"] == "slot_taken"
    scheduled = client.post(later, json=at(10)).json()
    assert (scheduled["status"], scheduled["start_time"]) == ("confirmed", at(10)["start_time"])
    assert client.post(f"{BOOKINGS}{children[2]['id']}/confirm/").status_code == 409
    assert client.delete(f"{BOOKINGS}{booking['id']}/").status_code == 200
    states = {row["status"] for row in client.get(BOOKINGS).json()["results"]}
    assert states == {"canceled"}
    made(book(client, talk, practitioner, 9))


def test_a_package_whose_parts_collide_takes_nothing(market: Market) -> None:
    practitioner = market.practitioner()
    talk = market.service(practitioner)
    package = market.service(practitioner, booking_type="package", service_ids=[talk, talk], price_cents=0)
    client = market.person().client
    twice = [{"index": n, "practitioner_id": practitioner.id, **at(9)} for n in range(2)]
    refused = client.post(f"{BOOKINGS}create-package/", json={"service_id": package, "schedule": twice})
    assert refused.json()["code"] == "slot_taken"
    assert client.get(BOOKINGS).json()["count"] == 0
    made(book(client, talk, practitioner, 9))


def test_a_workshop_in_a_package_has_its_seat_now_or_later(market: Market) -> None:
    practitioner, service, full = workshop(market, capacity=1)
    free = market.session(practitioner, service, capacity=1)
    package = market.service(practitioner, booking_type="package", service_ids=[service, service], price_cents=0)
    first, late = market.person().client, market.person().client
    create = f"{BOOKINGS}create-package/"
    twice = {"service_id": package, "schedule": [{"index": n, "service_session_id": full} for n in range(2)]}
    assert first.post(create, json=twice).json()["code"] == "already_booked"
    now = {"service_id": package, "schedule": [{"index": 0, "service_session_id": full}]}
    seated, draft = made(first.post(create, json=now))["child_bookings"]
    assert (seated["status"], seated["start_time"]) == ("confirmed", session_of(market, full)["start_time"])
    assert (draft["status"], draft["start_time"]) == ("draft", None)

    bought = made(late.post(create, json={"service_id": package}))
    part = f"{BOOKINGS}{bought['child_bookings'][0]['id']}/"
    refusals = {"session_full": {"service_session_id": full}, "session_wanted": at(9), "invalid": {}}
    for code, body in refusals.items():
        assert late.post(f"{part}reschedule/", json=body).json()["code"] == code
        assert late.get(part).json()["status"] == "draft"
    taken = late.post(f"{part}reschedule/", json={"service_session_id": free}).json()
    assert (taken["status"], taken["service_session_id"], taken["can_be_rescheduled"]) == ("confirmed", free, False)
    assert [session_of(market, one)["seats_taken"] for one in (full, free)] == [1, 1]
    assert late.delete(f"{BOOKINGS}{bought['id']}/").status_code == 200
    assert [session_of(market, one)["seats_taken"] for one in (full, free)] == [1, 0]


def test_credits_pay_soonest_to_expire_first_and_come_back_with_a_cancellation(market: Market) -> None:
    practitioner, client = market.practitioner(), market.person().client
    hourly = market.service(practitioner, price_cents=5000)
    bundle = bundle_of(market, 1, (practitioner,), service_ids=[hourly])
    first, second = (made(client.post(f"{BOOKINGS}create-bundle/", json={"service_id": bundle}))["id"] for _ in "ab")
    execute(market.stack, "UPDATE credit SET expires_at = expires_at - interval '1 day' WHERE booking_id = %s", second)
    booking = made(book(client, hourly, practitioner, 9))
    assert (booking["status"], booking["payment_status"], booking["final_amount"]) == (
        "confirmed",
        "not_required",
        "0.00",
    )
    assert (booking["price_charged"], booking["discount_amount"]) == ("50.00", "50.00")
    assert (balance(market, first), balance(market, second)) == (1, 0)
    assert client.post(f"{BOOKINGS}{booking['id']}/cancel/").status_code == 200
    assert (balance(market, first), balance(market, second)) == (1, 1)
    unpaid = made(book(client, hourly, practitioner, 9, use_credits=False))
    assert (unpaid["status"], balance(market, first) + balance(market, second)) == ("pending_payment", 2)
    assert client.delete(f"{BOOKINGS}{first}/").status_code == 200
    assert balance(market, first) == 0
