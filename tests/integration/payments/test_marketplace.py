"""Paying for what the marketplace sells: held until it is paid, given back by policy, part by part, to the cent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.clients.callers import execute
from tests.support.clients.market_bookings import BOOKINGS, at, book, course, made, take_seat, workshop
from tests.support.clients.marketplace import Market, Person
from tests.support.payments.payer import BANK, StripeServer
from tests.support.wait import wait_until


class Buyer:
    """Somebody who buys in the marketplace and pays at the stand-in."""

    def __init__(self, market: Market, stripe: StripeServer) -> None:
        stripe.mend()
        stripe.webhooks("deliver")
        self.market, self.stripe = market, stripe
        self.client = market.person().client

    def shown(self, booking: int) -> Any:
        return self.client.get(f"{BOOKINGS}{booking}/").raise_for_status().json()

    def pay(self, booking: dict[str, Any]) -> str:
        """Pay what is held, and wait until it is confirmed; the intent."""
        assert (booking["status"], booking["payment_status"]) == ("pending_payment", "unpaid")
        one = f"{BOOKINGS}{booking['id']}/"
        assert self.client.post(f"{one}confirm/").json()["code"] == "unpaid"
        wanted = {"booking_id": booking["id"], "amount": float(booking["price_charged"])}
        wanted["currency"] = booking["currency"]
        intent = made(self.client.post("/api/payment-intent/", json=wanted))
        self.stripe.pay(intent["client_secret"])
        self.wait(booking["id"], "confirmed", "paid")
        assert self.client.post(f"{one}confirm/").status_code == 200, "after the webhook it is confirmed already"
        return str(intent["payment_intent_id"])

    def wait(self, booking: int, *stands: str) -> None:
        def found() -> tuple[str, ...]:
            shown = self.shown(booking)
            return shown["status"], shown["payment_status"]

        wait_until(lambda: found() == stands, f"booking {booking} is {stands}")

    def cancel(self, booking: int, by: httpx.Client | None = None) -> str:
        """What it says becomes of the money."""
        answer = (by or self.client).post(f"{BOOKINGS}{booking}/cancel/")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["message"]).removeprefix("Booking canceled").removeprefix(". ")

    def wait_given_back(self, booking: int, intent: str, *amounts: int) -> None:
        """Until Stripe gave back exactly these, one after another, and our books say so."""

        def settled() -> bool:
            sql = "SELECT refunded_minor, returning_minor, owed_minor FROM payment WHERE booking_id = %s"
            return execute(self.market.stack, sql, booking) == [(sum(amounts), 0, 0)]

        wait_until(settled, f"{amounts} of booking {booking} are back")
        refunds = [one["amount"] for one in self.stripe.books()["refunds"] if one["payment_intent"] == intent]
        assert refunds == list(amounts)

    def soon(self, *bookings: int) -> None:
        """Let these begin in two hours: too late to give them up for nothing."""
        sql = (
            "UPDATE booking SET starts_at = clock_timestamp() + %s, ends_at = clock_timestamp() + %s WHERE id = ANY(%s)"
        )
        execute(self.market.stack, sql, timedelta(hours=2), timedelta(hours=3), list(bookings))


@pytest.fixture
def buyer(market: Market, stripe: StripeServer) -> Buyer:
    return Buyer(market, stripe)


def sessions(market: Market, price_cents: int) -> tuple[Person, int]:
    practitioner = market.practitioner()
    return practitioner, market.service(practitioner, price_cents=price_cents)


def test_a_session_is_confirmed_by_its_payment_and_refunded_when_it_is_cancelled_in_time(
    market: Market, buyer: Buyer
) -> None:
    practitioner, service = sessions(market, 5000)
    booking = made(book(buyer.client, service, practitioner, 9))
    intent = buyer.pay(booking)
    assert buyer.cancel(booking["id"]) == "50.00 usd goes back"
    buyer.wait(booking["id"], "canceled", "refunded")
    buyer.wait_given_back(booking["id"], intent, 5000)


def test_a_client_who_cancels_too_late_gets_nothing_back_and_one_cancelled_by_the_practitioner_everything(
    market: Market, buyer: Buyer
) -> None:
    practitioner, service = sessions(market, 5000)
    own, theirs = (made(book(buyer.client, service, practitioner, hour)) for hour in (9, 11))
    kept, returned = buyer.pay(own), buyer.pay(theirs)
    buyer.soon(own["id"], theirs["id"])
    assert buyer.shown(own["id"])["can_be_canceled"]
    assert buyer.cancel(own["id"]) == "Nothing goes back: it begins in less than 24 hours"
    assert buyer.cancel(theirs["id"], by=practitioner.client) == "50.00 usd goes back"
    buyer.wait(theirs["id"], "canceled", "refunded")
    buyer.wait_given_back(theirs["id"], returned, 5000)
    buyer.wait_given_back(own["id"], kept)
    assert (buyer.shown(own["id"])["status"], buyer.shown(own["id"])["payment_status"]) == ("canceled", "paid")


def test_a_seat_of_a_workshop_is_paid_and_its_money_comes_back_with_a_cancelled_session(
    market: Market, buyer: Buyer
) -> None:
    practitioner, service, session = workshop(market, price_cents=2500)
    booking = made(take_seat(buyer.client, service, session))
    intent = buyer.pay(booking)
    assert practitioner.client.request("DELETE", f"/api/v1/drf/sessions/{session}/").status_code == 200
    buyer.wait(booking["id"], "canceled", "refunded")
    buyer.wait_given_back(booking["id"], intent, 2500)


def lapsed_in_a_banks_hands(market: Market, buyer: Buyer, booking: dict[str, Any]) -> str:
    """The hold has run out while its payment is `processing`; the intent."""
    wanted = {"booking_id": booking["id"], "amount": float(booking["price_charged"]), "currency": "usd"}
    intent = made(buyer.client.post("/api/payment-intent/", json=wanted))
    buyer.stripe.pay(intent["client_secret"], BANK)
    is_known = "SELECT state = 'processing' FROM payment WHERE booking_id = %s"
    wait_until(lambda: execute(market.stack, is_known, booking["id"]) == [(True,)], "it is processing")
    execute(market.stack, "UPDATE booking SET hold_expires_at = clock_timestamp() WHERE id = %s", booking["id"])
    wait_until(lambda: buyer.shown(booking["id"])["status"] == "canceled", "the hold has run out")
    return str(intent["payment_intent_id"])


def test_somebody_who_books_and_pays_a_seat_again_gets_the_late_payment_for_the_first_back(
    market: Market, buyer: Buyer
) -> None:
    _, service, session = workshop(market, price_cents=2500)
    first = made(take_seat(buyer.client, service, session))
    late = lapsed_in_a_banks_hands(market, buyer, first)
    second = made(take_seat(buyer.client, service, session))
    buyer.pay(second)
    buyer.stripe.settle(late, succeeds=True)
    buyer.wait_given_back(first["id"], late, 2500)
    buyer.wait(first["id"], "canceled", "refunded")
    sql = (
        """SELECT data->>'reason' FROM event WHERE booking_id = %s AND type = 'booking_updated' ORDER BY batch_id, n"""
    )
    assert [row[0] for row in execute(market.stack, sql, first["id"])][-2:] == ["refund: already_booked", "refunded"]
    assert (buyer.shown(second["id"])["status"], buyer.shown(second["id"])["payment_status"]) == ("confirmed", "paid")
    assert market.desk.get(f"/api/v1/drf/sessions/{session}/").json()["seats_taken"] == 1


def test_when_stripe_refuses_to_refund_one_part_the_others_go_back_and_the_ledger_says_so(
    market: Market, buyer: Buyer
) -> None:
    _, service, _ = course(market, (2, 2, 2))
    market.desk.patch(f"/api/v1/drf/services/{service}/", json={"price_cents": 9_000}).raise_for_status()
    booking = made(buyer.client.post(f"{BOOKINGS}create-course/", json={"service_id": service}))
    intent = buyer.pay(booking)
    buyer.stripe.fault("disputed", "refund", about=intent)
    buyer.cancel(booking["child_bookings"][0]["id"], by=market.desk)

    def books() -> dict[str, Any]:
        (entry,) = market.desk.get("/api/admin/payments/", params={"booking_id": booking["id"]}).json()["payments"]
        return {name: entry[name] for name in ("state", "amount_refunded", "amount_returning", "amount_failed")}

    failed = {"state": "refund_failed", "amount_refunded": 0.0, "amount_returning": 0.0, "amount_failed": 30.0}
    wait_until(lambda: books() == failed, "it is a person's")
    buyer.cancel(booking["id"], by=market.desk)
    wait_until(lambda: books() == {**failed, "amount_refunded": 60.0}, "the rest is back")
    buyer.stripe.refund(intent, 3_000)  # a person, in the dashboard
    wait_until(lambda: books()["state"] == "refunded", "and so is the first part")
    assert books() == {"state": "refunded", "amount_refunded": 90.0, "amount_returning": 0.0, "amount_failed": 0.0}


def test_a_seat_that_was_waited_for_is_paid_within_its_offer(market: Market, buyer: Buyer) -> None:
    """Offers of this stack last two hours (HOLDFAST_OFFER_SECONDS)."""
    _, service, session = workshop(market, capacity=1, price_cents=2500)
    before = buyer.market.person().client
    seated = made(take_seat(before, service, session))
    assert buyer.client.post(f"/api/v1/drf/sessions/{session}/waiting-list/").status_code == 201
    assert before.delete(f"{BOOKINGS}{seated['id']}/").status_code == 200

    def offered() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = buyer.client.get(BOOKINGS).json()["results"]
        return found

    wait_until(lambda: len(offered()) == 1, "the seat is offered")
    offer = buyer.shown(int(offered()[0]["id"]))
    ends = datetime.fromisoformat(offer["hold_expires_at"]) - datetime.fromisoformat(offer["created_at"])
    assert abs(ends - timedelta(hours=2)) < timedelta(seconds=2)
    buyer.pay(offer)


def test_a_course_gives_back_each_sessions_share_to_the_cent(market: Market, buyer: Buyer) -> None:
    """100.00 for three sessions: one is cancelled in time, one too late, the rest with the whole."""
    _, service, _ = course(market, (2, 2, 2))
    market.desk.patch(f"/api/v1/drf/services/{service}/", json={"price_cents": 10_000}).raise_for_status()
    booking = made(buyer.client.post(f"{BOOKINGS}create-course/", json={"service_id": service}))
    intent = buyer.pay(booking)
    first, second, third = (child["id"] for child in booking["child_bookings"])
    assert {child["status"] for child in buyer.shown(booking["id"])["child_bookings"]} == {"confirmed"}
    assert buyer.cancel(first) == "33.34 usd goes back"
    buyer.wait_given_back(booking["id"], intent, 3334)
    buyer.soon(second)
    assert buyer.cancel(second) == "Nothing goes back: it begins in less than 24 hours"
    assert buyer.shown(booking["id"])["status"] == "confirmed"
    assert buyer.cancel(booking["id"]) == "33.33 usd goes back"
    buyer.wait_given_back(booking["id"], intent, 3334, 3333)
    assert buyer.shown(third)["status"] == "canceled"
    assert (buyer.shown(booking["id"])["status"], buyer.shown(booking["id"])["payment_status"]) == ("canceled", "paid")


def kwd_course(market: Market, client: httpx.Client) -> dict[str, Any]:
    """Somebody's course of three sessions for 10.000 kwd, held."""
    practitioner = market.practitioner()
    service = market.service(practitioner, booking_type="course", price_cents=10_000, currency="kwd")
    for _ in range(3):
        market.session(practitioner, service)
    booking: dict[str, Any] = made(client.post(f"{BOOKINGS}create-course/", json={"service_id": service}))
    return booking


def test_shares_of_a_currency_with_three_decimals_are_amounts_that_stripe_refunds(market: Market, buyer: Buyer) -> None:
    """Stripe takes amounts of thousandths that end in 0."""
    booking = kwd_course(market, buyer.client)
    intent = buyer.pay(booking)
    said = [buyer.cancel(child["id"]) for child in booking["child_bookings"]]
    assert said == ["3.340 kwd goes back", "3.330 kwd goes back", "3.330 kwd goes back"]
    buyer.wait(booking["id"], "canceled", "refunded")
    refunds = [one["amount"] for one in buyer.stripe.books()["refunds"] if one["payment_intent"] == intent]
    assert (refunds[0], sum(refunds)) == (3340, 10_000), (
        "what is given up while Stripe is at the first goes back as one"
    )


def test_shares_that_an_older_release_split_go_back_all_the_same(market: Market, buyer: Buyer) -> None:
    booking = kwd_course(market, buyer.client)
    intent = buyer.pay(booking)
    children = [child["id"] for child in booking["child_bookings"]]
    share = "UPDATE booking SET details = jsonb_set(details::jsonb, '{share_minor}', %s::jsonb) WHERE id = %s"
    for child, minor in zip(children, ("3334", "3333", "3333"), strict=True):
        execute(market.stack, share, minor, child)
    buyer.cancel(children[0])
    buyer.wait_given_back(booking["id"], intent, 3340)
    buyer.cancel(children[1])
    buyer.wait_given_back(booking["id"], intent, 3340, 3340)
    buyer.cancel(children[2])
    buyer.wait_given_back(booking["id"], intent, 3340, 3340, 3320)


def test_a_package_gives_back_each_parts_share_by_what_the_services_cost_apart(market: Market, buyer: Buyer) -> None:
    """90.00 instead of 30.00 and 70.00. Given up one after the other, without waiting, all of it is back."""
    practitioner, short = sessions(market, 3000)
    long = market.service(practitioner, price_cents=7000)
    package = market.service(practitioner, booking_type="package", service_ids=[short, long], price_cents=9000)
    body = {"service_id": package, "schedule": [{"index": 0, "practitioner_id": practitioner.id, **at(9)}]}
    booking = made(buyer.client.post(f"{BOOKINGS}create-package/", json=body))
    intent = buyer.pay(booking)
    scheduled, draft = (child["id"] for child in booking["child_bookings"])
    assert [child["status"] for child in buyer.shown(booking["id"])["child_bookings"]] == ["confirmed", "draft"]
    assert [buyer.cancel(scheduled), buyer.cancel(draft)] == ["27.00 usd goes back", "63.00 usd goes back"]
    buyer.wait(booking["id"], "canceled", "refunded")
    buyer.wait_given_back(booking["id"], intent, 2700, 6300)


def test_a_part_of_an_unpaid_purchase_takes_the_whole_with_it(market: Market, buyer: Buyer) -> None:
    practitioner, service = sessions(market, 3000)
    package = market.service(practitioner, booking_type="package", service_ids=[service] * 2, price_cents=5000)
    booking = made(buyer.client.post(f"{BOOKINGS}create-package/", json={"service_id": package}))
    assert buyer.cancel(booking["child_bookings"][0]["id"]) == "", "there was no money yet"
    gone = buyer.shown(booking["id"])
    assert {gone["status"], *(child["status"] for child in gone["child_bookings"])} == {"canceled"}


def test_a_paid_bundle_pays_for_sessions_until_it_expires(market: Market, buyer: Buyer) -> None:
    practitioner, service = sessions(market, 5000)
    offered = {"booking_type": "bundle", "service_ids": [service], "credits": 2, "valid_days": 30, "price_cents": 8000}
    bundle = market.service(practitioner, **offered)
    bought = made(buyer.client.post(f"{BOOKINGS}create-bundle/", json={"service_id": bundle}))
    unpaid = made(book(buyer.client, service, practitioner, 9))
    assert unpaid["status"] == "pending_payment", "credits that are not paid yet pay for nothing"
    intent = buyer.pay(bought)
    covered = made(book(buyer.client, service, practitioner, 10))
    assert (covered["status"], covered["payment_status"], covered["final_amount"]) == (
        "confirmed",
        "not_required",
        "0.00",
    )
    assert buyer.client.post(f"{BOOKINGS}{covered['id']}/confirm/").status_code == 200, "covered by a credit"

    def balance() -> int:
        return int(execute(market.stack, "SELECT balance FROM credit WHERE booking_id = %s", bought["id"])[0][0])

    assert balance() == 1
    buyer.soon(covered["id"])
    assert buyer.cancel(covered["id"]) == "Nothing goes back: it begins in less than 24 hours"
    assert balance() == 1, "too late: the credit is gone"
    again = made(book(buyer.client, service, practitioner, 11))
    assert buyer.cancel(again["id"]) == "Its credit is back"
    assert balance() == 1, "in time: it came back"
    expire = "UPDATE credit SET expires_at = clock_timestamp() WHERE booking_id = %s"
    execute(market.stack, expire, bought["id"])
    assert made(book(buyer.client, service, practitioner, 12))["status"] == "pending_payment", (
        "what has expired pays no more"
    )
    assert buyer.cancel(bought["id"]) == "Nothing goes back: credits of it are spent"
    assert buyer.shown(bought["id"])["payment_status"] == "paid"
    buyer.wait_given_back(bought["id"], intent)
