"""A zone that local days were worked out with is kept as long as one of them lies ahead."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from core.store.inbox.lane_batches import LANE_SPACE, SQL_HOLD_LANES
from tests.support.clients.callers import execute
from tests.support.clients.marketplace import BASE, Market, Person
from tests.support.clients.time_slots import new_category
from tests.support.wait import wait_until

BERLIN, TOKYO = "Europe/Berlin", "Asia/Tokyo"


def change(practitioner: Person, zone: str) -> Any:
    return practitioner.client.patch(f"{BASE}/practitioners/{practitioner.id}/", json={"time_zone": zone, "bio": zone})


def booked(market: Market, practitioner: Person) -> tuple[str, Person]:
    client = market.person()
    times = {"start_time": "2035-03-05T10:00:00Z", "end_time": "2035-03-05T11:00:00Z"}
    service = market.service(practitioner)
    answer = client.client.post(
        f"{BASE}/bookings/", json={"service_id": service, "practitioner_id": practitioner.id, **times}
    )
    assert answer.status_code == 201, answer.text
    return f"{BASE}/bookings/{answer.json()['id']}/", client


def with_session(market: Market, practitioner: Person) -> tuple[str, Person]:
    service = market.service(practitioner, booking_type="workshop", price_cents=0)
    return f"{BASE}/sessions/{market.session(practitioner, service)}/", practitioner


def with_time_off(_: Market, practitioner: Person) -> tuple[str, Person]:
    path = f"{BASE}/practitioners/{practitioner.id}/time-off/"
    answer = practitioner.client.post(path, json={"start_date": "2040-05-05"})
    assert answer.status_code == 201, answer.text
    return f"{path}{answer.json()['id']}/", practitioner


@pytest.mark.parametrize("what", [booked, with_session, with_time_off])
def test_a_practitioners_zone_is_read_only_as_long_as_something_lies_ahead(market: Market, what: Any) -> None:
    practitioner = market.practitioner()
    assert change(practitioner, BERLIN).json()["time_zone"] == BERLIN, "nothing lies ahead"
    path, who = what(market, practitioner)
    refused = change(practitioner, TOKYO)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert refused.json()["errors"] == [
        {"field": "time_zone", "message": "time_zone cannot be changed while bookings, sessions or time off lie ahead"}
    ]
    kept = practitioner.client.get(f"{BASE}/practitioners/{practitioner.id}/").json()
    assert (kept["time_zone"], kept["bio"]) == (BERLIN, BERLIN), "nothing else has changed either"
    assert change(practitioner, BERLIN).status_code == 200, "the zone that it has may be sent"
    assert who.client.delete(path).status_code == 200
    assert change(practitioner, TOKYO).json()["time_zone"] == TOKYO


def test_a_zone_waits_for_lanes_at_work(market: Market) -> None:
    """A lane that has read the old zone takes its time before anybody asks whether time is taken."""
    practitioner = market.practitioner()
    answers: list[Any] = []
    patching = threading.Thread(target=lambda: answers.append(change(practitioner, TOKYO)))
    with psycopg.connect(market.stack.database_url) as lane:
        lane.execute(SQL_HOLD_LANES, (LANE_SPACE,))
        patching.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = %s::oid"
        wait_until(lambda: execute(market.stack, waiting, LANE_SPACE) == [(1,)], "the change waits for the lanes")
        lane.execute(
            "INSERT INTO claim (resource_id, during)"
            " SELECT resource_id, tstzrange('2041-01-01', '2041-01-02') FROM practitioner WHERE id = %s",
            (practitioner.id,),
        )
    patching.join()
    assert (answers[0].status_code, answers[0].json()["errors"][0]["field"]) == (400, "time_zone")


@pytest.mark.parametrize("kind", ["desk", "service", "room", "practitioner", "category"])
def test_the_database_keeps_the_zone_of_every_kind_of_resource(market: Market, kind: str) -> None:
    with psycopg.connect(market.stack.database_url) as connection:  # rolled back in the end
        (resource,) = connection.execute(
            "INSERT INTO resource (kind, name, zone) VALUES (%s, 'Zones kept', 'UTC')"
            " ON CONFLICT (kind) WHERE kind = 'desk' DO UPDATE SET name = resource.name RETURNING id",
            (kind,),
        ).fetchone() or (0,)
        claim = "INSERT INTO claim (resource_id, during) VALUES (%s, tstzrange(%s, %s))"
        connection.execute(claim, (resource, "2001-01-01", "2001-01-02"))
        change_zone = "UPDATE resource SET zone = %s WHERE id = %s"
        if kind != "desk":
            connection.execute(change_zone, (BERLIN, resource))  # what is over does not keep it
        connection.execute(claim, (resource, "2199-01-01", "2199-01-02"))
        with pytest.raises(psycopg.errors.CheckViolation, match="its zone cannot change"):
            connection.execute(change_zone, (TOKYO, resource))
        connection.rollback()


def test_a_category_keeps_its_zone_when_it_takes_another_resource(market: Market) -> None:
    """Its time slots are listed by its days, and its bookings have theirs."""
    berlin, also_berlin, tokyo = (new_category(market.desk, time_zone=zone) for zone in (BERLIN, BERLIN, TOKYO))
    resource = {id_: read(market, id_)["resource_id"] for id_ in (berlin, also_berlin, tokyo)}
    refused = market.desk.put(f"/api/admin/categories/{berlin}/", json={"resource_id": resource[tokyo]})
    assert (refused.status_code, refused.json()["errors"]) == (
        400,
        [
            {
                "field": "resource_id",
                "message": f"That resource's time zone is {TOKYO}, and a category keeps its own, {BERLIN}",
            }
        ],
    )
    taken = market.desk.put(f"/api/admin/categories/{berlin}/", json={"resource_id": resource[also_berlin]})
    assert (taken.status_code, taken.json()["time_zone"]) == (200, BERLIN)


def read(market: Market, category: int) -> Any:
    return market.desk.get(f"/api/admin/categories/{category}/").json()
