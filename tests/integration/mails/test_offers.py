"""A seat that somebody waited for is offered by mail, and said no more once the offer is gone."""

from __future__ import annotations

from tests.support.clients.callers import execute
from tests.support.clients.http_client import Client
from tests.support.clients.market_bookings import BOOKINGS, made, take_seat, workshop
from tests.support.clients.marketplace import BASE, Market
from tests.support.mail_sending import mail_sending
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until


def test_a_seat_that_somebody_waited_for_is_offered_by_mail(stack: Stack, staff: Client) -> None:
    market = Market(stack)
    _, service, session = workshop(market, capacity=1)
    seated, first, second = market.person(), market.person(), market.person()
    booking = made(take_seat(seated.client, service, session))["id"]
    for one in (first, second):
        assert one.client.post(f"{BASE}/sessions/{session}/waiting-list/").status_code == 201
    with mail_sending(stack, None) as sending:
        assert seated.client.post(f"{BOOKINGS}{booking}/cancel/").status_code == 200
        offer = offered(stack, session, first.user_id)
        wait_until(lambda: sending.planned(offer) == 1, "the offer is planned")
        sending.deliver()
        (mail,) = staff.get("/api/admin/mails/", params={"booking_id": offer}).json()["mails"]
        assert (mail["kind"], mail["role"]) == ("offer", "client")
        assert mail["kept"]["subject"].startswith("A seat is free for you: ")
        assert "held for you until" in mail["kept"]["text"]
        assert mail["kept"]["calendar"] is None

        assert first.client.post(f"{BOOKINGS}{offer}/cancel/").status_code == 200
        late = offered(stack, session, second.user_id)
        wait_until(lambda: sending.planned(late) == 1, "the next offer is planned")
        assert second.client.post(f"{BOOKINGS}{late}/confirm/").status_code == 200
        wait_until(lambda: sending.planned(late) >= 2, "its confirmation is planned")
        sending.deliver()
        listed = staff.get("/api/admin/mails/", params={"booking_id": late}).json()["mails"]
        assert {one["kind"]: one["state"] for one in listed if one["role"] == "client"} == {
            "offer": "dropped",
            "confirmation": "sent",
        }
    market.close()


def offered(stack: Stack, session: int, user_id: int) -> int:
    sql = "SELECT booking_id FROM waiting_place WHERE session_id = %s AND user_id = %s AND booking_id IS NOT NULL"
    wait_until(lambda: bool(execute(stack, sql, session, user_id)), "the seat is offered")
    return int(execute(stack, sql, session, user_id)[0][0])
