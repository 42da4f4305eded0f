"""What can be priced can be charged and refunded: every route that takes a price or a currency, and every purchase.

A price that cannot be charged is refused, with its field, when it is set. A booking below the minimum charge is
refused before it is held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.conftest import FIGURE
from tests.support.clients.callers import execute, signed_in
from tests.support.clients.http_client import Client
from tests.support.clients.market_bookings import BOOKINGS, at, book, made, take_seat, workshop
from tests.support.clients.marketplace import BASE, Market
from tests.support.clients.rooms import book as book_room
from tests.support.clients.rooms import new_room
from tests.support.conformance.description import description, example_of, operations
from tests.support.processes.stack import Stack

UNFIT = {"kwd": (1.234, 1_234), "isk": (10.50, 1_050), "ugx": (100.50, 10_050), "bhd": (0.001, 1), "usd": (0.001, None)}
"""By currency: what is no amount of it, in its major and its minor unit."""
NEAREST = {"kwd": ("1.230", "1230"), "isk": ("11.00", "1100")}
"""To those, in both units."""
UNKNOWN = ("xyz", "zzz", "btc", "hrk")
WORDS = ("price", "amount", "currency", "deposit", "fee", "cost")

ENTRIES = {
    "POST /api/admin/rooms/": {"price_per_slot", "currency"},
    "PUT /api/admin/rooms/{room_id}/": {"price_per_slot", "currency"},
    "PATCH /api/admin/rooms/{room_id}/": {"price_per_slot", "currency"},
    "POST /api/admin/services/": {"price_cents", "currency"},
    "PUT /api/admin/services/{service_id}/": {"price_cents"},
    "POST /api/payment-intent/": {"amount", "currency"},
    "POST /api/v1/drf/services/": {"price_cents", "currency"},
    "PATCH /api/v1/drf/services/{service_id}/": {"price_cents"},
}
"""Every operation whose body has a price, an amount or a currency."""


def money_fields(described: Mapping[str, Any]) -> Iterator[str]:
    media = described.get("requestBody", {}).get("content", {}).get("application/json")
    reference = media and media["schema"].get("$ref")
    fields = description()["components"]["schemas"][reference.rsplit("/", 1)[1]]["properties"] if reference else {}
    yield from (name for name, one in fields.items() if any(word in name for word in WORDS) and set(one) - {"default"})


def money_entries() -> dict[str, set[str]]:
    found = {f"{method} {path}": set(money_fields(one)) for method, path, one in operations()}
    return {name: fields for name, fields in found.items() if fields}


def entries(*fields: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, example of a body) of the operations that take all of these for something new."""
    for method, path, described in operations():
        if "{" not in path and set(fields) <= ENTRIES.get(f"{method} {path}", set()):
            yield method, path, example_of(described)


def refused(answer: httpx.Response) -> list[str]:
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.text
    return [problem["field"] for problem in answer.json()["errors"]]


def test_the_routes_that_take_money_are_these() -> None:
    assert money_entries() == ENTRIES, "a route takes a price or a currency that these tests do not know"


def test_a_currency_that_payments_cannot_be_made_in_is_refused_everywhere(staff: Client, record_property: Any) -> None:
    asked = [
        staff.request(method, path, json={**body, "currency": code})
        for method, path, body in entries("currency")
        for code in UNKNOWN
    ]
    record_property(FIGURE, f"currencies: {len(asked)} bodies refused on {len(asked) // len(UNKNOWN)} routes")
    assert [refused(answer) for answer in asked] == [["currency"]] * len(asked)
    assert len(asked) == 4 * len(UNKNOWN)


@pytest.mark.parametrize("currency", UNFIT)
def test_a_price_that_its_currency_has_no_amount_for_is_refused_at_entry(staff: Client, currency: str) -> None:
    major, minor = UNFIT[currency]
    for field, price in (("price_per_slot", major), ("amount", major), ("price_cents", minor)):
        for method, path, body in entries(field, "currency") if price is not None else ():
            answer = staff.request(method, path, json={**body, field: price, "currency": currency})
            assert refused(answer) == [field], (method, path)


@pytest.mark.parametrize("currency", ["kwd", "isk"])
def test_a_price_cannot_be_changed_to_one_that_its_currency_has_no_amount_for(staff: Client, currency: str) -> None:
    major, minor = UNFIT[currency]
    assert minor is not None
    room = new_room(staff, price_per_slot=100, currency=currency)
    desk = staff.post("/api/admin/services/", json={"name": f"In {currency}", "currency": currency}).json()["data"][
        "id"
    ]
    sold = staff.post(f"{BASE}/services/", json={"name": "S", "duration_minutes": 60, "currency": currency}).json()[
        "id"
    ]
    in_major, in_minor = NEAREST[currency]
    for method, path, field, price, nearest in (
        ("PUT", f"/api/admin/rooms/{room}/", "price_per_slot", major, in_major),
        ("PATCH", f"/api/admin/rooms/{room}/", "price_per_slot", major, in_major),
        ("PUT", f"/api/admin/services/{desk}/", "price_cents", minor, in_minor),
        ("PATCH", f"{BASE}/services/{sold}/", "price_cents", minor, in_minor),
    ):
        answer = staff.request(method, path, json={field: price})
        assert refused(answer) == [field], path
        hint = f"This amount cannot be charged in {currency}; the nearest that can is {nearest}"
        assert answer.json()["errors"][0]["message"] == hint, path


@pytest.mark.parametrize(("currency", "minor"), [("usd", 30), ("eur", 10), ("jpy", 20), ("gbp", 29), ("huf", 17_499)])
def test_what_is_always_paid_as_a_whole_is_refused_at_entry_below_the_least(
    market: Market, currency: str, minor: int
) -> None:
    """A session or a seat may cost less: a credit or a package may pay for it."""
    price = {"currency": currency, "price_cents": minor}
    single = market.service(market.practitioner(), **price)
    for whole in (
        {"booking_type": "course"},
        {"booking_type": "package", "service_ids": [single]},
        {"booking_type": "bundle", "service_ids": [single], "credits": 1, "valid_days": 1},
    ):
        assert refused(market.desk.post(f"{BASE}/services/", json={"name": "Cheap", **whole, **price})) == [
            "price_cents"
        ]


def test_slots_that_cost_less_than_can_be_charged_are_sold_together(staff: Client, stack: Stack) -> None:
    room = new_room(staff, price_per_slot=0.30)
    with signed_in(stack) as person:
        one = book_room(person, room, end_time="09:30:00")
        assert (one.status_code, one.json()["code"]) == (409, "not_chargeable"), one.text
        assert execute(stack, "SELECT count(*) FROM booking WHERE details->>'room_id' = %s", str(room)) == [(0,)]
        two = book_room(person, room)
        assert (two.status_code, two.json()["status"], two.json()["total_amount"]) == (201, "pending", 0.6)
        person.delete(f"/api/bookings/{two.json()['id']}/").raise_for_status()


@pytest.mark.parametrize(("price", "currency"), [(0.02, "usd"), (0.01, "eur"), (2, "jpy")])
def test_a_room_whose_whole_day_costs_less_than_can_be_charged_is_refused_at_entry(
    staff: Client, price: float, currency: str
) -> None:
    body = {"name": "Cheap", "capacity": 1, "price_per_slot": price, "currency": currency}
    assert refused(staff.post("/api/admin/rooms/", json=body)) == ["price_per_slot"]


def test_a_room_that_an_older_release_priced_can_be_changed_otherwise(staff: Client, stack: Stack) -> None:
    for price, currency in ((2, "usd"), (1_234, "kwd"), (5_000, "xyz")):
        room = new_room(staff)
        execute(stack, "UPDATE room SET price_minor = %s, currency = %s WHERE id = %s", price, currency, room)
        shown = staff.put(f"/api/admin/rooms/{room}/", json={"name": "Renamed"})
        assert (shown.status_code, shown.json()["currency"]) == (200, currency), shown.text
        assert refused(staff.put(f"/api/admin/rooms/{room}/", json={"price_per_slot": 0.001})) == ["price_per_slot"]
        with signed_in(stack) as person:
            assert book_room(person, room, end_time="09:30:00").json()["code"] == "not_chargeable"


def test_a_free_room_stays_free(staff: Client, stack: Stack) -> None:
    with signed_in(stack) as person:
        answer = book_room(person, new_room(staff, price_per_slot=0, currency="kwd"))
        assert (answer.status_code, answer.json()["status"]) == (201, "confirmed")


@pytest.mark.parametrize(("price", "currency"), [(30, "usd"), (10, "eur"), (20, "jpy"), (1_234, "kwd"), (5_000, "xyz")])
def test_what_an_older_release_priced_is_shown_and_sold_to_nobody(market: Market, price: int, currency: str) -> None:
    """Each kind of purchase, and the waiting list, whose offers would be holds."""
    practitioner, talk, session = workshop(market, capacity=1)
    single = market.service(practitioner)
    course = market.service(practitioner, booking_type="course")
    market.session(practitioner, course)
    package = market.service(practitioner, booking_type="package", service_ids=[single])
    bundle = market.service(practitioner, booking_type="bundle", service_ids=[single], credits=2, valid_days=30)
    made(take_seat(market.person().client, talk, session))
    sold = [single, talk, course, package, bundle]
    execute(
        market.stack, "UPDATE service SET price_cents = %s, currency = %s WHERE id = ANY(%s)", price, currency, sold
    )
    client = market.person().client
    for service in sold:
        shown = client.get(f"{BASE}/services/{service}/").json()
        assert (shown["price_cents"], shown["currency"]) == (price, currency)
        assert market.desk.patch(f"{BASE}/services/{service}/", json={"name": "Renamed"}).status_code == 200
    answers = [
        book(client, single, practitioner, 9),
        take_seat(client, talk, market.session(practitioner, talk)),
        client.post(f"{BOOKINGS}create-course/", json={"service_id": course}),
        client.post(f"{BOOKINGS}create-package/", json={"service_id": package}),
        client.post(f"{BOOKINGS}create-bundle/", json={"service_id": bundle}),
        client.post(f"{BASE}/sessions/{session}/waiting-list/"),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(409, "not_chargeable")] * 6
    assert client.get(BOOKINGS).json()["count"] == 0


def test_a_credit_still_pays_for_what_is_too_cheap_to_be_charged(market: Market) -> None:
    practitioner = market.practitioner()
    single = market.service(practitioner)
    bundle = market.service(practitioner, booking_type="bundle", service_ids=[single], credits=1, valid_days=3660)
    client = market.person().client
    made(client.post(f"{BOOKINGS}create-bundle/", json={"service_id": bundle}))
    execute(market.stack, "UPDATE service SET price_cents = 30 WHERE id = %s", single)
    booking = made(client.post(BOOKINGS, json={"practitioner_id": practitioner.id, "service_id": single, **at(9)}))
    assert (booking["status"], booking["payment_status"]) == ("confirmed", "not_required")
