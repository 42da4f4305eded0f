"""The document's requests on the real stack: create, show, change, the verbs, notes and lists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support.clients.callers import PRACTITIONER, signed_in
from tests.support.clients.market_bookings import BOOKINGS, SOON, at, book, made
from tests.support.clients.marketplace import Market, Person
from tests.support.processes.stack import Stack


def test_the_documents_requests_as_written(stack: Stack) -> None:
    """On the demo data alone; the practitioner's and the client's side of one booking."""
    with signed_in(stack) as client, signed_in(stack, PRACTITIONER) as practitioner:
        body = {
            "practitioner_id": 1,
            "service_id": 2,
            "start_time": "2024-03-15T10:00:00Z",
            "end_time": "2024-03-15T11:00:00Z",
        }
        booking = made(client.post(BOOKINGS, json=body))
        one = f"{BOOKINGS}{booking['id']}/"
        assert booking["practitioner"] == {"id": 1, "name": "Dr. Smith", "email": "dr.smith@example.com"}
        assert booking["service"] == {
            "id": 2,
            "name": "60-minute Consultation",
            "duration_minutes": 60,
            "price_cents": 5000,
        }
        assert (booking["start_time"], booking["end_time"]) == (body["start_time"], body["end_time"])
        assert (booking["status"], booking["payment_status"]) == ("pending_payment", "unpaid")
        assert (booking["price_charged"], booking["child_bookings"], booking["notes"]) == ("50.00", [], [])
        assert client.get(one).json() == booking
        assert client.post(BOOKINGS, json=body).json()["detail"] == "Time slot not available"
        assert client.post(f"{one}confirm/").json()["code"] == "unpaid"
        assert client.post(f"{one}complete/").status_code == 403

        listed = client.get(f"{BOOKINGS}?status=pending_payment&is_upcoming=false&ordering=-start_time").json()
        assert booking["id"] in [row["id"] for row in listed["results"]]

        note = {"content": "Note content", "is_private": False}
        assert client.post(f"{one}notes/", json=note).status_code == 201
        private = {"content": "Between us", "is_private": True}
        assert client.post(f"{one}notes/", json=private).status_code == 403
        assert practitioner.post(f"{one}notes/", json=private).status_code == 201
        assert [found["content"] for found in client.get(f"{one}notes/").json()] == ["Note content"]
        assert len(practitioner.get(one).json()["notes"]) == 2

        cancelled = client.post(f"{one}cancel/", json={"reason": "Cancellation reason", "canceled_by": "client"})
        assert cancelled.json() == {"success": True, "message": "Booking canceled"}
        gone = client.get(one).json()
        assert (gone["status"], gone["canceled_by"], gone["cancellation_reason"]) == (
            "canceled",
            "client",
            "Cancellation reason",
        )
        assert client.post(f"{one}cancel/").status_code == 409
        again = made(client.post(BOOKINGS, json=body))
        assert client.delete(f"{BOOKINGS}{again['id']}/").json()["success"]


def test_a_free_session_is_confirmed_at_once_and_moves_with_its_place(market: Market) -> None:
    practitioner, client = market.practitioner(buffer_after_minutes=15), market.person().client
    service = market.service(practitioner)
    booking = made(book(client, service, practitioner, 9, title="Knee"))
    one = f"{BOOKINGS}{booking['id']}/"
    assert (booking["status"], booking["payment_status"], booking["can_be_rescheduled"]) == (
        "confirmed",
        "not_required",
        True,
    )
    assert client.post(f"{one}confirm/").status_code == 200
    assert book(client, service, practitioner, 10).json()["code"] == "slot_taken", "the buffer is taken too"
    moved = client.post(f"{one}reschedule/", json={**at(13), "reason": "Optional reason"})
    assert moved.json()["start_time"] == at(13)["start_time"]
    assert moved.json()["id"] == booking["id"]
    by_staffs_form = client.post(f"/api/bookings/{booking['id']}/move/", json={"start_time": at(14)["start_time"]})
    assert by_staffs_form.json()["start_time"] == at(14)["start_time"]
    assert client.post(f"{one}reschedule/", json=at(13)).status_code == 200
    other = made(book(client, service, practitioner, 9))
    refused = client.post(f"{one}reschedule/", json=at(9))
    assert refused.status_code == 409
    assert client.get(one).json()["start_time"] == at(13)["start_time"], "refused, the old time stands"
    amended = client.patch(one, json={"title": "Other knee", "timezone": "Europe/Berlin"}).json()
    assert (amended["title"], amended["timezone"]) == ("Other knee", "Europe/Berlin")
    assert client.patch(one, json={"meeting_url": "https://meet.example.com/1"}).status_code == 403
    assert practitioner.client.patch(one, json={"meeting_url": "https://meet.example.com/1"}).status_code == 200
    assert practitioner.client.post(f"{one}complete/").json()["code"] == "not_begun"
    other_client = market.person().client
    for answer in (other_client.get(one), other_client.post(f"{one}cancel/"), other_client.get(f"{one}notes/")):
        assert answer.status_code == 404
    assert client.put(one, json={}).status_code == 405
    assert other["id"] != booking["id"]


def test_a_session_takes_the_practitioner_and_a_room_or_neither(market: Market) -> None:
    first, second = market.practitioner(), market.practitioner()
    service = market.service(first, second)
    location = market.made("/locations/", {"name": "Practice"})
    market.made(f"/locations/{location}/rooms/", {"name": "Only room"})
    client = market.person().client
    booking = made(book(client, service, first, 9, location_id=location))
    assert booking["room"]["name"] == "Only room"
    assert book(client, service, second, 9, location_id=location).json()["code"] == "no_room_free"
    made(book(client, service, second, 9)), "the second practitioner was not taken by what was refused"


def test_any_practitioner_is_refused_only_when_none_is_free(market: Market) -> None:
    practitioners = [market.practitioner() for _ in range(3)]
    service = market.service(*practitioners)
    client = market.person().client
    found = [made(book(client, service, None, 9))["practitioner"]["id"] for _ in practitioners]
    assert sorted(found) == sorted(practitioner.id for practitioner in practitioners)
    assert book(client, service, None, 9).json()["code"] == "slot_taken"
    assert book(client, service, None, 8).json()["code"] == "outside_working_hours"


def test_a_practitioner_sees_appointments_and_own_bookings_and_a_client_their_own(market: Market) -> None:
    practitioner, colleague = market.practitioner(), market.practitioner()
    client = market.person()
    service, other = market.service(practitioner, name="Massage of the back"), market.service(colleague)
    appointment = made(book(client.client, service, practitioner, 9, description="Lower back"))["id"]
    personal = made(book(practitioner.client, other, colleague, 10))["id"]

    def ids(who: Person, **asked: Any) -> list[int]:
        answer = who.client.get(BOOKINGS, params=asked)
        assert answer.status_code == 200, answer.text
        assert answer.json()["count"] == len(answer.json()["results"])
        return [row["id"] for row in answer.json()["results"]]

    assert ids(practitioner) == [personal, appointment]
    assert ids(client) == [appointment]
    assert ids(colleague) == [personal]
    assert ids(practitioner, ordering="start_time") == [appointment, personal]
    assert ids(practitioner, practitioner_id=practitioner.id) == [appointment]
    assert ids(practitioner, service_id=other) == [personal]
    assert ids(practitioner, search="lower BACK") == [appointment]
    assert ids(practitioner, search="massage", status="confirmed") == [appointment]
    assert ids(practitioner, search="100%") == []
    assert ids(practitioner, status=["canceled", "completed"]) == []
    assert ids(practitioner, is_upcoming="true", booking_type="individual", payment_status="not_required") == [
        personal,
        appointment,
    ]
    day = SOON.date().isoformat()
    assert ids(practitioner, start_date=day, end_date=(SOON + timedelta(days=1)).date().isoformat()) == [
        personal,
        appointment,
    ]
    assert ids(practitioner, end_date=day) == []
    assert practitioner.client.get(BOOKINGS, params={"ordering": "name"}).status_code == 400


def test_what_cannot_be_booked_says_why(market: Market) -> None:
    practitioner = market.practitioner()
    service, client = market.service(practitioner), market.person().client
    too_long = {**at(9), "end_time": at(10)["end_time"]}
    codes: dict[str, dict[str, Any]] = {
        "wrong_duration": {**too_long},
        "service_not_found": {"service_id": 1_000_000},
        "practitioner_not_found": {"practitioner_id": 1},
        "location_not_found": {"location_id": 1_000_000},
        "outside_working_hours": at(20),
        "invalid": {"start_time": "2024-03-15T10:00:00"},
    }
    for code, change in codes.items():
        body = {"practitioner_id": practitioner.id, "service_id": service, **at(9), **change}
        assert client.post(BOOKINGS, json=body).json()["code"] == code, code
    assert client.post(BOOKINGS, json={"service_id": service}).json()["errors"][0]["field"] == "practitioner_id"
