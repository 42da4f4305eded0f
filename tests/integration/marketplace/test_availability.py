"""`check-availability` over HTTP, as the document asks it and across DST days of both zones."""

from __future__ import annotations

from datetime import date, timedelta

from tests.support.clients.callers import execute, signed_in
from tests.support.clients.marketplace import BASE, Market
from tests.support.processes.stack import Stack

BOOKINGS = f"{BASE}/bookings/"
CHECK = f"{BOOKINGS}check-availability/"


def test_the_documents_request_is_answered_with_the_days_sessions(stack: Stack) -> None:
    asked = {"practitioner_id": 1, "service_id": 2, "date": "2024-03-15", "timezone": "America/New_York"}
    with signed_in(stack) as client:
        answer = client.post(CHECK, json=asked)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert {name: body[name] for name in asked} == asked
    assert body["duration_minutes"] == 60
    assert body["available_slots"][0] == {
        "start_time": "2024-03-15T09:00:00Z",
        "end_time": "2024-03-15T10:00:00Z",
        "duration_minutes": 60,
        "is_available": True,
    }
    assert len(body["available_slots"]) == 8


def test_what_is_taken_in_any_contract_is_not_offered(stack: Stack, market: Market) -> None:
    person = market.practitioner()
    service = market.service(person)
    taken = "INSERT INTO claim (resource_id, during) SELECT resource_id, '[2100-01-04 10:30Z,2100-01-04 11:00Z)' FROM practitioner WHERE id = %s"
    execute(stack, taken, person.id)
    asked = {"practitioner_id": person.id, "service_id": service, "date": "2100-01-04"}
    # 2100 lies beyond the horizon of ten years: only the past and this decade are on offer
    assert person.client.post(CHECK, json=asked).json()["available_slots"] == []
    execute(
        stack,
        "UPDATE claim SET during = '[2024-03-14 10:30Z,2024-03-14 11:00Z)' WHERE resource_id = (SELECT resource_id FROM practitioner WHERE id = %s)",
        person.id,
    )
    found = person.client.post(CHECK, json={**asked, "date": "2024-03-14"}).json()["available_slots"]
    assert [slot["start_time"][11:13] for slot in found] == ["09", "11", "12", "13", "14", "15", "16"]


def test_the_many_form_has_exactly_the_slots_of_single_days(stack: Stack, market: Market) -> None:
    """Over the clock changes of New York (10 March 2024) and of the viewer in Berlin (31 March)."""
    zones = ("America/New_York", "Europe/Berlin", "Asia/Kolkata")
    practitioners = [market.practitioner(time_zone=zone, buffer_after_minutes=10) for zone in zones]
    service = market.service(*practitioners, slot_step_minutes=30)
    first = date(2024, 3, 8)
    body = {"service_id": service, "start_date": first.isoformat(), "days": 26, "timezone": "Europe/Berlin"}
    many = market.desk.post(f"{BASE}/availability/", json=body).json()
    assert [one["practitioner_id"] for one in many["practitioners"]] == [
        practitioner.id for practitioner in practitioners
    ]
    for practitioner, openings in zip(practitioners, many["practitioners"], strict=True):
        singly: list[str] = []
        for n in range(26):
            day = {"date": (first + timedelta(days=n)).isoformat(), "timezone": "Europe/Berlin"}
            found = market.desk.post(
                CHECK, json={"practitioner_id": practitioner.id, "service_id": service, **day}
            ).json()
            singly += [slot["start_time"] for slot in found["available_slots"]]
        assert openings["starts"] == singly
        assert len(singly) == len(set(singly)) == 26 * 15


def test_what_is_offered_on_a_day_that_lacks_an_hour_is_exactly_what_can_be_booked(market: Market) -> None:
    """New York's spring day, seen from Berlin: each hour of it is asked for, and those on offer are had."""
    night = [{"weekday": 6, "start": "00:00", "end": "06:00"}]
    practitioner, client = market.practitioner(time_zone="America/New_York", hours=night), market.person().client
    service = market.service(practitioner)
    asked = {
        "practitioner_id": practitioner.id,
        "service_id": service,
        "date": "2034-03-12",
        "timezone": "Europe/Berlin",
    }
    offered = [slot["start_time"] for slot in client.post(CHECK, json=asked).json()["available_slots"]]
    assert [start[11:13] for start in offered] == ["05", "06", "07", "08", "09"], "01:00 is followed by 03:00"
    whom = {"practitioner_id": practitioner.id, "service_id": service}
    hours = [(f"2034-03-12T{hour:02}:00:00Z", f"2034-03-12T{hour + 1:02}:00:00Z") for hour in range(23)]
    wishes = [{**whom, "start_time": starts, "end_time": ends} for starts, ends in hours]
    booked = [wish["start_time"] for wish in wishes if client.post(BOOKINGS, json=wish).status_code == 201]
    assert booked == offered
    assert client.post(CHECK, json=asked).json()["available_slots"] == []


def test_what_cannot_be_asked_is_refused(stack: Stack, market: Market) -> None:
    asked = {"practitioner_id": 1, "service_id": 2, "date": "2024-03-15", "timezone": "America/New_York"}
    other_practitioner = market.practitioner()
    with signed_in(stack) as client:
        codes = [
            client.post(CHECK, json={**asked, **change}).json()["code"]
            for change in (
                {"practitioner_id": other_practitioner.id},
                {"service_id": 1_000_000},
                {"date": "15/03/2024"},
                {"date": "1900-01-01"},
                {"timezone": "Mars/Olympus"},
                {"timezone": "\x00"},
            )
        ]
    assert codes == ["practitioner_not_found", "service_not_found", "invalid", "invalid", "invalid", "invalid"]
