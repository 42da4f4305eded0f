"""Lists know a resource's local day as its zone's clocks show it, wherever midnight repeats or rules have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.domain.resources.local_time import day_bounds, local
from core.domain.resources.time_zones import ZONES
from core.store.connections.database import API_LIMITS, connect
from core.store.sql.local_days import DAYS_BEGIN, DAYS_END, in_zones
from tests.conftest import FIGURE
from tests.support.clients.callers import execute
from tests.support.clients.http_client import Client
from tests.support.clients.marketplace import BASE, Market
from tests.support.clients.rooms import new_room
from tests.support.clients.time_slots import new_category, slots
from tests.support.clock_changes import clock_changes, different_zones
from tests.support.conformance.description import description, operations, path_with_unknown_ids
from tests.support.processes.stack import Stack

Record = Callable[[str, object], None]
CLOSURES = "/api/admin/closures/"
DAY = timedelta(days=1)
REPEATING = ["Atlantic/Azores", "America/Havana"]
"""Their clocks go back from 01:00 to 00:00."""
BAD_ZONES = ["posix/Europe/Berlin", "right/Europe/Berlin", "localtime", "posixrules"]
SQL_LISTED = f"""
SELECT s.n FROM unnest(%(names)s::text[], %(instants)s::timestamptz[]) WITH ORDINALITY AS s (zone, starts_at, n)
JOIN LATERAL (SELECT s.zone) AS r ON true WHERE s.starts_at >= {DAYS_BEGIN} AND s.starts_at < {DAYS_END}
"""


def repeats_midnight(zone: str) -> date:
    """A day ahead that has midnight twice."""
    shown = [local(change, zone) for change in clock_changes(zone)]
    (day,) = (at.date() for at in shown if (at.year, at.hour, at.minute, at.fold) == (2034, 0, 0, 1))
    return day


def test_postgresql_lists_on_each_day_what_python_says(database_url: str, record_property: Record) -> None:
    """On the days with the most changes of the clocks, in all zones together."""
    around = [
        (zone, change + timedelta(seconds=by))
        for zone in different_zones()
        for change in clock_changes(zone)
        for by in (-1, 0)
    ]
    shown = [at.astimezone(ZoneInfo(zone)).date() for zone, at in around]
    by_change = sorted({*shown}, key=shown.count)[-8:]
    asked = {"names": [zone for zone, _ in around], "instants": [at for _, at in around]}
    with connect(database_url, API_LIMITS, "holdfast tests") as connection:
        for day in by_change:
            values = {**asked, **in_zones(different_zones(), day, day)}
            rows = connection.execute(SQL_LISTED.encode(), values).fetchall()
            assert {row[0] for row in rows} == {n for n, on in enumerate(shown, 1) if on == day}, day
    record_property(FIGURE, f"{len(around):,} instants asked of PostgreSQL on {len(by_change)} days")


def test_a_slot_is_listed_on_its_day_where_the_rules_have_changed(staff: Client) -> None:
    """British Columbia keeps its summer time from 2026 on: an hour that older copies of the rules do not know."""
    category = new_category(staff, time_zone="America/Vancouver")
    sent = {"category": category, "start_time": "2027-01-15T23:30:00", "end_time": "2027-01-16T00:30:00"}
    made = staff.post("/api/admin/timeslots/", json=sent)
    assert made.status_code == 201, made.text
    assert made.json()["start_time"].startswith("2027-01-16T06:30")
    name = made.json()["category"]["name"]
    assert [one["id"] for one in slots(staff, date="2027-01-15", categories=name)] == [made.json()["id"]]
    assert slots(staff, date="2027-01-16", categories=name) == []


@pytest.mark.parametrize("zone", REPEATING)
def test_what_happens_at_the_first_of_two_midnights_is_listed_on_that_day(staff: Client, zone: str) -> None:
    day = repeats_midnight(zone)
    resource = staff.get(f"/api/admin/rooms/{new_room(staff, time_zone=zone)}/").json()["resource_id"]
    sent = {"resource_id": resource, "start_date": str(day), "start_time": "00:00", "end_time": "00:30"}
    closure = staff.post(CLOSURES, json=sent)
    assert closure.status_code == 201, closure.text
    assert datetime.fromisoformat(closure.json()["data"]["starts_at"]) == day_bounds(day, zone)[0]
    category = new_category(staff, time_zone=zone)
    at = {"start_time": f"{day}T00:15:00", "end_time": f"{day}T00:45:00", "category": category}
    slot = staff.post("/api/admin/timeslots/", json=at).json()
    name = slot["category"]["name"]
    for asked, found in ((day - DAY, False), (day, True), (day + DAY, False)):
        listed = staff.get(CLOSURES, params={"resource_id": resource, "date": str(asked)}).json()
        assert listed["total_count"] == len(listed["data"]) == found, (asked, listed)
        assert bool(slots(staff, date=str(asked), categories=name)) == found, asked


@pytest.mark.parametrize("zone", REPEATING)
def test_a_day_closed_whole_ends_at_the_next_days_first_midnight(staff: Client, zone: str) -> None:
    day = repeats_midnight(zone)
    resource = staff.get(f"/api/admin/rooms/{new_room(staff, time_zone=zone)}/").json()["resource_id"]
    assert staff.post(CLOSURES, json={"resource_id": resource, "start_date": str(day - DAY)}).status_code == 201
    on = {
        asked: staff.get(CLOSURES, params={"resource_id": resource, "date": str(asked)}).json()["total_count"]
        for asked in (day - 2 * DAY, day - DAY, day)
    }
    assert on == {day - 2 * DAY: 0, day - DAY: 1, day: 0}


@pytest.mark.parametrize("zone", REPEATING)
def test_lists_of_bookings_by_day_begin_at_the_viewers_first_midnight(market: Market, zone: str) -> None:
    day = repeats_midnight(zone)
    begins = day_bounds(day, zone)[0]
    week: dict[str, Any] = {"hours": [{"weekday": n, "start": "00:00", "end": "23:59"} for n in range(7)]}
    practitioner, client = market.practitioner(**week, time_zone=zone), market.person()
    session = {"service_id": market.service(practitioner, duration_minutes=30), "practitioner_id": practitioner.id}
    times = {"start_time": begins.strftime("%Y-%m-%dT%H:%M:%SZ"), "end_time": f"{begins + DAY / 48:%Y-%m-%dT%H:%M:%SZ}"}
    made = client.client.post(f"{BASE}/bookings/", json={**session, **times})
    assert made.status_code == 201, made.text
    for first, found in ((day - DAY, []), (day, [made.json()["id"]]), (day + DAY, [])):
        asked = {"start_date": str(first), "end_date": str(first + DAY), "timezone": zone}
        listed = client.client.get(f"{BASE}/bookings/", params=asked).json()["results"]
        assert [one["id"] for one in listed] == found, first


def zones_described() -> Iterator[tuple[str, str, str, str]]:
    """(method, path, "json" or "params", field) of every zone that a request can name."""
    for method, path, described in operations():
        where = path_with_unknown_ids(path, described)
        for one in described["parameters"]:
            if is_zone(one.get("schema", {})):
                yield method, where, "params", one["name"]
        schema = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        for name, field in resolved(schema).get("properties", {}).items():
            if is_zone(field):
                yield method, where, "json", name


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return description()["components"]["schemas"][name] if name else schema


def is_zone(schema: Mapping[str, Any]) -> bool:
    return schema.get("format") == "iana-time-zone" or any(map(is_zone, schema.get("anyOf", ())))


def test_every_request_that_names_a_zone_takes_only_those_of_the_list(staff: Client, record_property: Record) -> None:
    walked = list(zones_described())
    for method, path, where, name in walked:
        for zone in BAD_ZONES:
            sent: dict[str, Any] = {where: {name: zone}}
            answer = staff.request(method, path, **sent)
            assert answer.status_code == 400, (path, zone, answer.text)
            (told,) = (one["message"] for one in answer.json()["errors"] if one["field"] == name)
            assert "Europe/Berlin" in told
    assert len(walked) >= 10
    record_property(FIGURE, f"{len(walked)} fields, {len(BAD_ZONES)} names that are no zones; {len(ZONES)} that are")


def test_rows_that_hold_no_zone_break_no_list(stack: Stack, staff: Client, market: Market) -> None:
    """As earlier releases took them."""
    practitioner = market.practitioner()
    service = market.service(practitioner)
    room = new_room(staff)
    category = new_category(staff)
    name = "A service of an odd zone"
    assert staff.post("/api/admin/services/", json={"name": name, "own_resource": True}).status_code == 201
    resources = [
        execute(stack, f"SELECT resource_id FROM {table} WHERE {key} = %s", value)[0][0]
        for table, key, value in (
            ("practitioner", "id", practitioner.id), ("room", "id", room), ("category", "id", category), ("service", "name", name),
        )
    ]  # fmt: skip
    day = "2050-06-15"
    for resource, zone in zip(resources, BAD_ZONES, strict=True):
        execute(stack, "UPDATE resource SET zone = %s WHERE id = %s", zone, resource)
        closed = staff.post(CLOSURES, json={"resource_id": resource, "start_date": day})
        assert closed.status_code == 201, closed.text
    slot = {"category": category, "start_time": f"{day}T10:00:00", "end_time": f"{day}T11:00:00"}
    assert staff.post("/api/admin/timeslots/", json=slot).status_code == 201
    openings = {"service_id": service, "practitioner_id": practitioner.id, "date": day}
    answers = [
        staff.get(CLOSURES, params={"date": day}),
        staff.get("/api/timeslots/", params={"date": day}),
        staff.get("/api/booking/smart-available-slots/", params={"date": day, "service": name}),
        staff.get("/api/booking/calendar/", params={"year": 2050, "month": 6}),
        market.desk.get("/api/rooms/", params={}),
        market.desk.post(f"{BASE}/bookings/check-availability/", json=openings),
        market.desk.get(f"{BASE}/practitioners/{practitioner.id}/time-off/"),
        market.desk.get(f"{BASE}/practitioners/{practitioner.id}/"),
        staff.get("/api/admin/resources/"),
        staff.get("/api/admin/users/", params={"date_joined_from": "2026-01-01"}),
        staff.get("/api/admin/users/stats/"),
    ]
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers if answer.is_error]
    assert {one["resource"]["id"] for one in answers[0].json()["data"]} >= set(resources)
    assert [one["category"]["id"] for one in answers[1].json()] == [category]
