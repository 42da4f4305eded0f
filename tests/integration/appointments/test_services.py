"""Services as staff keep them: at the desk, with a resource of their own, or sharing one."""

from __future__ import annotations

import pytest

from tests.support.clients.http_client import Client, agent_booking
from tests.support.wait import wait_until

SERVICES = "/api/admin/services/"
DAY = "2097-05-20"


def slots(client: Client, service: str) -> list[str]:
    found = client.get("/api/booking/smart-available-slots/", params={"date": DAY, "service": service}).json()
    return [slot["time"] for slot in found["available_slots"]]


def test_a_service_of_its_own_takes_nobodys_time_and_two_that_share_take_each_others(
    client: Client, staff: Client
) -> None:
    sent = {
        "name": "Own Massage",
        "description": "Long",
        "duration_minutes": 120,
        "price_cents": 6000,
        "own_resource": True,
    }
    answer = staff.post(SERVICES, json=sent)
    assert answer.status_code == 201, answer.text
    own = answer.json()["data"]
    assert own == {
        "id": own["id"],
        "name": "Own Massage",
        "description": "Long",
        "duration_minutes": 120,
        "price_cents": 6000,
        "currency": "usd",
        "is_active": True,
        "resource_id": own["resource_id"],
        "resource_kind": "service",
        "time_zone": "UTC",
    }
    shared = staff.post(SERVICES, json={"name": "Shared Massage", "resource_id": own["resource_id"]}).json()["data"]
    public = {one["name"]: one for one in client.get("/api/services/", params={"limit": 500}).json()["data"]}
    assert (public["Own Massage"]["duration_minutes"], public["Shared Massage"]["duration_minutes"]) == (120, 60)

    body = agent_booking(service_name="own massage", booking_date=DAY, booking_time="09:00")
    wait_until(lambda: slots(client, "Own Massage") == ["09:00", "11:00", "13:00", "15:00"], "the service is offered")
    made = client.book(body).json()
    assert made["data"]["booking"]["service_name"] == "Own Massage"
    assert slots(client, "Shared Massage") == ["11:00", "12:00", "13:00", "14:00", "15:00", "16:00"]
    assert client.book({**body, "service_name": "Shared Massage", "booking_time": "10:30"}).status_code == 409
    assert client.book({**body, "service_name": "At the desk"}).status_code == 201

    for id_ in (own["id"], shared["id"]):
        assert staff.delete(f"{SERVICES}{id_}/").json()["data"]["is_active"] is False
    assert "Own Massage" not in [
        one["name"] for one in client.get("/api/services/", params={"limit": 500}).json()["data"]
    ]
    refused = client.book({**body, "booking_time": "16:00"})
    assert (refused.status_code, refused.json()["code"]) == (409, "service_inactive")


def test_a_change_keeps_what_is_not_sent_and_refuses_what_cannot_change(client: Client, staff: Client) -> None:
    made = staff.post(SERVICES, json={"name": "Changing"}).json()["data"]
    path = f"{SERVICES}{made['id']}/"
    changed = staff.put(path, json={**made, "duration_minutes": 30, "name": "Changed"}).json()["data"]
    assert changed == {**made, "duration_minutes": 30, "name": "Changed"}
    assert staff.put(path, json={"duration_minutes": None}).json()["data"]["duration_minutes"] is None
    refused = staff.put(path, json={"id": 1, "currency": "eur", "resource_kind": "room", "time_zone": "UTC"})
    assert [one["field"] for one in refused.json()["errors"]] == ["id", "currency", "resource_kind"]
    assert staff.put(path, json={"name": "LEGAL consultation"}).json()["code"] == "service_exists"
    assert staff.get(path).json()["data"] == {**changed, "duration_minutes": None}
    staff.delete(path)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"name": "legal CONSULTATION"}, 409, "name"),
        ({"name": "<b>"}, 400, "name"),
        ({"name": "x", "duration_minutes": 0}, 400, "duration_minutes"),
        ({"name": "x", "price_cents": -1}, 400, "price_cents"),
        ({"name": "x", "resource_id": 2**62}, 400, "resource_id"),
        ({"name": "x", "resource_id": 1, "own_resource": True}, 400, "resource_id"),
        ({"name": "x", "time_zone": "Europe/Berlin"}, 400, "time_zone"),
        ({"name": "x", "own_resource": True, "time_zone": "Mars/Olympus"}, 400, "time_zone"),
        ({"name": "x", "odd": 1}, 400, "odd"),
        ({}, 400, "name"),
    ],
)
def test_what_cannot_be_a_service_is_refused_by_field(
    staff: Client, body: dict[str, object], status: int, field: str
) -> None:
    answer = staff.post(SERVICES, json=body)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (status, [field])


def test_a_service_that_is_none_is_a_404(client: Client, staff: Client) -> None:
    for id_ in (999_999, 2**70):
        assert staff.get(f"{SERVICES}{id_}/").status_code == staff.delete(f"{SERVICES}{id_}/").status_code == 404
    assert client.get(SERVICES).status_code == 401
    listed = staff.get(SERVICES, params={"limit": 1}).json()
    assert (len(listed["data"]), listed["limit"], listed["offset"]) == (1, 1, 0)
