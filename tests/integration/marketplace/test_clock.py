"""What the clock does: sessions begin and end by themselves, and what was bought as one with them."""

from __future__ import annotations

from tests.support.clients.market_bookings import BOOKINGS, at, book, course, made, pass_time, wait_status
from tests.support.clients.marketplace import Market


def test_a_session_begins_and_ends_by_the_clock_where_the_practitioner_does_not_say_so(market: Market) -> None:
    practitioner, client = market.practitioner(), market.person().client
    booking = made(book(client, market.service(practitioner), practitioner, 9))["id"]
    pass_time(market, booking)
    shown = wait_status(client, booking, "in_progress")
    assert (shown["can_be_canceled"], shown["can_be_rescheduled"]) == (False, False)
    refused = client.post(f"{BOOKINGS}{booking}/cancel/")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "This booking is in_progress and may become completed, no_show",
    )
    pass_time(market, booking, ended=True)
    wait_status(client, booking, "completed")


def test_a_course_begins_with_its_first_session_and_is_completed_by_its_last(market: Market) -> None:
    _, service, _ = course(market, (2, 2))
    client = market.person().client
    booking = made(client.post(f"{BOOKINGS}create-course/", json={"service_id": service}))
    first, last = (child["id"] for child in booking["child_bookings"])
    pass_time(market, first)
    wait_status(client, booking["id"], "in_progress")
    pass_time(market, first, ended=True)
    wait_status(client, first, "completed")
    assert client.get(f"{BOOKINGS}{booking['id']}/").json()["status"] == "in_progress", "a session is still to come"
    pass_time(market, last, ended=True)
    assert [child["status"] for child in wait_status(client, booking["id"], "completed")["child_bookings"]] == [
        "completed",
        "completed",
    ]


def test_a_package_is_completed_with_its_last_part_and_until_then_parts_can_still_be_scheduled(market: Market) -> None:
    practitioner = market.practitioner()
    talk = market.service(practitioner)
    package = market.service(practitioner, booking_type="package", service_ids=[talk] * 3, price_cents=0)
    client = market.person().client
    body = {"service_id": package, "schedule": [{"index": 0, "practitioner_id": practitioner.id, **at(9)}]}
    booking = made(client.post(f"{BOOKINGS}create-package/", json=body))
    first, second, third = (child["id"] for child in booking["child_bookings"])
    one = f"{BOOKINGS}{booking['id']}/"
    assert practitioner.client.post(f"{one}complete/").json()["code"] == "not_begun"
    pass_time(market, first, ended=True)
    wait_status(client, first, "completed")
    assert wait_status(client, booking["id"], "in_progress")["can_be_canceled"] is False
    scheduled = client.post(f"{BOOKINGS}{second}/reschedule/", json=at(10))
    assert (scheduled.status_code, scheduled.json()["status"]) == (200, "confirmed")
    assert client.delete(f"{BOOKINGS}{third}/").status_code == 200, "a part that is not wanted any more"
    pass_time(market, second, ended=True)
    states = [child["status"] for child in wait_status(client, booking["id"], "completed")["child_bookings"]]
    assert states == ["completed", "completed", "canceled"]
