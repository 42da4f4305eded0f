"""What the marketplace refuses that no flow runs into: every status that is described is served."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.support.clients.callers import execute
from tests.support.clients.market_bookings import BOOKINGS, book, made
from tests.support.clients.marketplace import BASE, Market, next_hours
from tests.support.engine.lanes import undecided

NOWHERE = 10**15


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_what_has_ended_is_not_ended_again_nor_moved(market: Market) -> None:
    practitioner, client = market.practitioner(), market.person().client
    booking = made(book(client, market.service(practitioner), practitioner, 9))["id"]
    assert client.delete(f"{BOOKINGS}{booking}/").status_code == 200
    assert told(client.delete(f"{BOOKINGS}{booking}/")) == (409, "invalid_transition")
    place = market.made("/locations/", {"name": "Elsewhere"})
    assert told(practitioner.client.patch(f"{BOOKINGS}{booking}/", json={"location_id": place})) == (409, "not_movable")
    assert told(practitioner.client.post(f"{BOOKINGS}{booking}/no-show/")) == (409, "invalid_transition")


def test_a_client_cancels_as_nobody_else_and_moves_only_in_time(market: Market) -> None:
    practitioner, client = market.practitioner(), market.person().client
    booking = made(book(client, market.service(practitioner), practitioner, 9))["id"]
    answer = client.post(f"{BOOKINGS}{booking}/cancel/", json={"canceled_by": "practitioner"})
    assert told(answer) == (400, "wrong_canceled_by")
    soon = "UPDATE booking SET created_at = clock_timestamp() - interval '9 days', starts_at = clock_timestamp() + %s WHERE id = %s"
    execute(market.stack, soon, timedelta(hours=2), booking)
    assert told(client.post(f"{BOOKINGS}{booking}/reschedule/", json=next_hours())) == (409, "too_late_to_move")


def test_notice_and_horizon_are_the_practitioners(market: Market) -> None:
    client, tomorrow = market.person().client, datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    far = market.practitioner(horizon_days=1)
    assert told(book(client, market.service(far), far, 9)) == (400, "too_far_ahead")
    week = [{"weekday": day, "start": "00:00", "end": "24:00"} for day in range(7)]
    slow = market.practitioner(hours=week, notice_minutes=7 * 24 * 60)
    starts = tomorrow + timedelta(days=1)
    wish = {
        "service_id": market.service(slow),
        "practitioner_id": slow.id,
        "start_time": starts.isoformat(),
        "end_time": (starts + timedelta(hours=1)).isoformat(),
    }
    assert told(client.post(BOOKINGS, json=wish)) == (400, "too_soon")


def test_sessions_are_opened_in_free_time_and_cancelled_once(market: Market) -> None:
    practitioner = market.practitioner()
    service = market.service(practitioner, booking_type="workshop")
    body: dict[str, Any] = {"service_id": service, "practitioner_id": practitioner.id, "capacity": 2, **next_hours()}
    session = market.made("/sessions/", body, by=practitioner.client)
    assert told(practitioner.client.post(f"{BASE}/sessions/", json=body)) == (409, "slot_taken")
    assert told(practitioner.client.post(f"{BASE}/sessions/", json={**body, "service_id": NOWHERE})) == (
        404,
        "service_not_found",
    )
    assert practitioner.client.delete(f"{BASE}/sessions/{session}/").status_code == 200
    assert told(practitioner.client.delete(f"{BASE}/sessions/{session}/")) == (409, "session_cancelled")
    wish = {"service_id": service, "service_session_id": session}
    assert told(market.person().client.post(BOOKINGS, json=wish)) == (409, "session_cancelled")


def test_nobody_holds_more_than_five_bundles_unpaid(market: Market) -> None:
    practitioner, client = market.practitioner(), market.person().client
    included = market.service(practitioner)
    bundle = market.service(
        practitioner, booking_type="bundle", service_ids=[included], credits=3, valid_days=30, price_cents=900
    )
    answers = [client.post(f"{BOOKINGS}create-bundle/", json={"service_id": bundle}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [201] * 5 + [409]
    assert told(answers[5]) == (409, "too_many_holds")


def test_a_room_is_of_one_location_and_a_booking_has_so_many_notes(market: Market) -> None:
    one, other = (market.made("/locations/", {"name": name}) for name in ("One", "Other"))
    room = market.desk.post(f"{BASE}/locations/{one}/rooms/", json={"name": "Blue"}).json()["rooms"][0]["id"]
    answer = market.desk.post(f"{BASE}/locations/{other}/rooms/", json={"resource_id": room})
    assert told(answer) == (409, "room_elsewhere")

    practitioner, client = market.practitioner(), market.person().client
    booking = made(book(client, market.service(practitioner), practitioner, 9))["id"]
    many = "INSERT INTO booking_note (booking_id, author_id, content) SELECT %s, %s, 'x' FROM generate_series(1, 500)"
    execute(market.stack, many, booking, practitioner.user_id)
    assert told(client.post(f"{BOOKINGS}{booking}/notes/", json={"content": "one more"})) == (409, "too_many_notes")


def test_how_it_went_is_the_practitioners_to_say_once_it_has_begun(market: Market) -> None:
    practitioner, client = market.practitioner(), market.person().client
    service = market.service(practitioner)
    for verb, word, hour in (("complete", "completed", 9), ("no-show", "no_show", 10)):
        booking = made(book(client, service, practitioner, hour))["id"]
        assert told(client.post(f"{BOOKINGS}{booking}/{verb}/")) == (403, "verb_forbidden")
        begun = "UPDATE booking SET starts_at = clock_timestamp() - interval '1 hour' WHERE id = %s"
        execute(market.stack, begun, booking)
        answer = practitioner.client.post(f"{BOOKINGS}{booking}/{verb}/")
        assert (answer.status_code, answer.json()["status"]) == (200, word)


def test_nobody_has_time_off_who_is_not_there(market: Market) -> None:
    day = {"start_date": "2034-03-15", "end_date": "2034-03-15"}
    assert told(market.desk.post(f"{BASE}/practitioners/{NOWHERE}/time-off/", json=day)) == (404, "not_found")


def told_after(market: Market, change: Callable[[], object], asked: httpx.Request, by: httpx.Client) -> tuple[int, str]:
    """How a command is refused that was accepted before `change` and is decided after it."""
    asked.headers["Prefer"] = "respond-async"
    with undecided(market.stack.database_url):
        accepted = by.send(asked)
        assert accepted.status_code == 202, accepted.text
        change()
    outcome = by.get(accepted.headers["Location"], headers={"Prefer": "wait=10"}).json()["response"]
    return outcome["status"], outcome["body"]["code"]


def test_a_session_that_begins_before_its_cancellation_is_decided_is_not_cancelled(market: Market) -> None:
    practitioner, client = market.practitioner(), market.person().client
    booking = made(book(client, market.service(practitioner), practitioner, 9))["id"]
    begin = "UPDATE booking SET created_at = created_at - interval '2 h', starts_at = created_at - interval '1 h' WHERE id = %s"
    cancelling = client.build_request("DELETE", f"{BOOKINGS}{booking}/")
    refused = told_after(market, lambda: execute(market.stack, begin, booking), cancelling, client)
    assert refused == (409, "already_begun")


def test_a_hold_that_lapses_before_its_move_is_decided_is_not_moved(market: Market) -> None:
    practitioner, client = market.practitioner(), market.person().client
    booking = made(book(client, market.service(practitioner, price_cents=5000), practitioner, 9))["id"]
    lapse = "UPDATE booking SET hold_expires_at = clock_timestamp() WHERE id = %s"
    moving = client.build_request("POST", f"{BOOKINGS}{booking}/reschedule/", json=next_hours())
    refused = told_after(market, lambda: execute(market.stack, lapse, booking), moving, client)
    assert refused == (409, "hold_ended")


def test_a_package_that_changes_before_its_purchase_is_decided_is_not_bought(market: Market) -> None:
    practitioner, client = market.practitioner(), market.person().client
    talk = market.service(practitioner)
    package = market.service(practitioner, booking_type="package", service_ids=[talk] * 2, price_cents=900)
    buying = client.build_request("POST", f"{BOOKINGS}create-package/", json={"service_id": package})
    one_less = {"service_ids": [talk]}
    refused = told_after(
        market, lambda: practitioner.client.patch(f"{BASE}/services/{package}/", json=one_less), buying, client
    )
    assert refused == (409, "changed_meanwhile")
