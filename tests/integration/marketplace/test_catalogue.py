"""The marketplace's catalogue over HTTP: kept by practitioners for themselves and by staff, seen by everybody signed in."""

from __future__ import annotations

import pytest

from tests.support.clients.callers import PRACTITIONER, STAFF, signed_in
from tests.support.clients.marketplace import Market
from tests.support.processes.stack import Stack

BASE = "/api/v1/drf"


def test_the_demo_has_the_documents_practitioner_and_service(stack: Stack) -> None:
    with signed_in(stack, STAFF) as client:
        practitioner = client.get(f"{BASE}/practitioners/1/").json()
        service = client.get(f"{BASE}/services/2/").json()
    assert (practitioner["name"], practitioner["email"]) == ("Dr. Smith", "dr.smith@example.com")
    assert (service["name"], service["duration_minutes"], service["price_cents"]) == (
        "60-minute Consultation",
        60,
        5000,
    )
    assert service["practitioner_ids"] == [1]


def test_a_user_made_practitioner_keeps_their_own_week(stack: Stack, market: Market) -> None:
    person = market.practitioner()
    week = {
        "time_zone": "Europe/Berlin",
        "hours": [{"weekday": 0, "start": "09:00", "end": "17:00"}, {"weekday": 4, "start": "18:00", "end": "00:00"}],
        "breaks": [{"weekday": 0, "start": "12:00", "end": "13:00"}],
        "buffer_after_minutes": 15,
        "notice_minutes": 120,
        "horizon_days": 60,
    }
    changed = person.client.patch(f"{BASE}/practitioners/{person.id}/", json=week)
    assert changed.status_code == 200, changed.text
    shown = person.client.get(f"{BASE}/practitioners/{person.id}/").json()
    assert shown == changed.json()
    assert shown["hours"][1] == {"weekday": 4, "start": "18:00", "end": "24:00"}
    assert {name: shown[name] for name in week if name != "hours"} == {
        name: week[name] for name in week if name != "hours"
    }


def test_nobody_keeps_what_is_anothers(stack: Stack, market: Market) -> None:
    mine, other = market.practitioner(), market.practitioner()
    service = market.service(mine)
    with signed_in(stack) as client:
        assert client.patch(f"{BASE}/practitioners/{mine.id}/", json={"bio": "x"}).status_code == 403
        assert client.post(f"{BASE}/services/", json={"name": "Mine", "duration_minutes": 30}).status_code == 403
    assert other.client.patch(f"{BASE}/practitioners/{mine.id}/", json={"bio": "x"}).status_code == 403
    assert other.client.patch(f"{BASE}/services/{service}/", json={"price_cents": 1}).status_code == 403
    assert other.client.patch(f"{BASE}/services/2/", json={"price_cents": 1}).status_code == 403
    with signed_in(stack, STAFF) as desk:
        assert desk.patch(f"{BASE}/services/{service}/", json={"price_cents": 1}).json()["price_cents"] == 1
        assert desk.patch(f"{BASE}/practitioners/999999/", json={}).status_code == 404


def test_a_location_owns_rooms(stack: Stack, market: Market) -> None:
    person = market.practitioner()
    location = person.client.post(f"{BASE}/locations/", json={"name": "Practice", "address": "High Street 1"}).json()
    for name in ("Room 1", "Room 2"):
        added = person.client.post(f"{BASE}/locations/{location['id']}/rooms/", json={"name": name})
        assert added.status_code == 201, added.text
    rooms = added.json()["rooms"]
    assert [room["name"] for room in rooms] == ["Room 1", "Room 2"]
    left = person.client.delete(f"{BASE}/locations/{location['id']}/rooms/{rooms[0]['id']}/").json()
    assert [room["name"] for room in left["rooms"]] == ["Room 2"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"booking_type": "bundle", "service_ids": [2], "credits": 5}, "valid_days"),
        ({"booking_type": "package"}, "service_ids"),
        ({"booking_type": "package", "service_ids": [999_999]}, "service_ids"),
        ({"booking_type": "individual"}, "duration_minutes"),
        ({"duration_minutes": 60, "credits": 5}, "credits"),
        ({"duration_minutes": 60, "practitioner_ids": [999_999]}, "practitioner_ids"),
        ({"duration_minutes": 60, "price_cents": -1}, "price_cents"),
        ({"duration_minutes": 60, "colour": "red"}, "colour"),
    ],
)
def test_a_service_that_makes_no_sense_is_refused_by_field(stack: Stack, body: dict[str, object], field: str) -> None:
    with signed_in(stack, STAFF) as desk:
        answer = desk.post(f"{BASE}/services/", json={"name": "Odd", **body})
    assert answer.status_code == 400
    assert field in [problem["field"] for problem in answer.json()["errors"]]


def test_lists_have_pages_in_the_documents_style(stack: Stack, market: Market) -> None:
    person = market.practitioner()
    ids = [market.service(person) for _ in range(3)]
    asked = {"practitioner_id": person.id, "page_size": 2}
    first = person.client.get(f"{BASE}/services/", params=asked).json()
    assert (first["count"], [one["id"] for one in first["results"]], first["previous"]) == (3, ids[:2], None)
    second = person.client.get(first["next"]).json()
    assert ([one["id"] for one in second["results"]], second["next"]) == (ids[2:], None)
    assert person.client.get(second["previous"]).json() == first


def test_a_marketplace_service_is_not_among_the_named_ones(stack: Stack, market: Market) -> None:
    market.service(market.practitioner(), name="Unheard of")
    with signed_in(stack, PRACTITIONER) as client:
        names = [one["name"] for one in client.get("/api/services/", params={"limit": 500}).json()["data"]]
    assert "60-minute Consultation" in names
    assert "Unheard of" not in names
