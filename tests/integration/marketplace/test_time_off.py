"""Practitioners keep their own time off and staff anyone's; nobody can be booked in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clients.marketplace import BASE, Market, Person

CHECK, BOOKINGS = f"{BASE}/bookings/check-availability/", f"{BASE}/bookings/"
DAY = "2034-03-15"
"""A Wednesday."""


def off(practitioner: Person) -> str:
    return f"{BASE}/practitioners/{practitioner.id}/time-off/"


def hours_on_offer(client: Person, practitioner: Person, service: int, day: str = DAY) -> list[int]:
    asked = {"practitioner_id": practitioner.id, "service_id": service, "date": day}
    found = client.client.post(CHECK, json=asked).raise_for_status().json()["available_slots"]
    return [int(slot["start_time"][11:13]) for slot in found]


def session(practitioner: Person, service: int, hour: int) -> dict[str, Any]:
    times = {"start_time": f"{DAY}T{hour:02}:00:00Z", "end_time": f"{DAY}T{hour + 1:02}:00:00Z"}
    return {"practitioner_id": practitioner.id, "service_id": service, **times}


def test_time_off_takes_the_time_from_all_who_would_book_and_gives_it_back(market: Market) -> None:
    practitioner, client = market.practitioner(), market.person()
    service = market.service(practitioner)
    before = client.client.post(BOOKINGS, json=session(practitioner, service, 14)).json()["id"]
    afternoon = {"start_date": DAY, "start": "12:00", "end": "16:00", "reason": "Dentist"}
    taken = practitioner.client.post(off(practitioner), json=afternoon)
    assert taken.status_code == 201, taken.text
    shown = taken.json()
    assert {name: shown[name] for name in (*afternoon, "end_date")} == {**afternoon, "end_date": DAY}
    assert (shown["start_time"], shown["end_time"]) == (f"{DAY}T12:00:00Z", f"{DAY}T16:00:00Z")
    assert [one["id"] for one in shown["bookings_in_the_way"]] == [before]
    assert shown["bookings_in_the_way_count"] == 1
    assert hours_on_offer(client, practitioner, service) == [9, 10, 11, 16]
    assert client.client.post(BOOKINGS, json=session(practitioner, service, 12)).json()["code"] == "slot_taken"
    assert client.client.get(f"{BOOKINGS}{before}/").json()["status"] == "confirmed", "what was there keeps its time"
    assert client.client.delete(f"{BOOKINGS}{before}/").status_code == 200
    assert client.client.post(BOOKINGS, json=session(practitioner, service, 14)).json()["code"] == "slot_taken"
    assert practitioner.client.delete(f"{off(practitioner)}{shown['id']}/").json()["success"]
    assert hours_on_offer(client, practitioner, service) == [9, 10, 11, 12, 13, 14, 15, 16]
    assert practitioner.client.delete(f"{off(practitioner)}{shown['id']}/").status_code == 404


def test_staff_keep_anybodys_and_nobody_else_sees_it(market: Market) -> None:
    practitioner, other, client = market.practitioner(), market.practitioner(), market.person()
    days = [{"start_date": f"2034-0{month}-01", "end_date": f"2034-0{month}-07"} for month in (5, 3, 4)]
    made = [market.desk.post(off(practitioner), json=day).json()["id"] for day in days]
    first = practitioner.client.get(off(practitioner), params={"page_size": 2}).json()
    assert ([one["id"] for one in first["results"]], first["count"]) == ([made[1], made[2]], 3)
    assert [one["id"] for one in practitioner.client.get(first["next"]).json()["results"]] == [made[0]]
    past = {"start_date": "2024-03-15"}
    assert practitioner.client.post(off(practitioner), json=past).status_code == 201
    assert practitioner.client.get(off(practitioner)).json()["count"] == 4
    assert practitioner.client.get(off(practitioner), params={"is_upcoming": "true"}).json()["count"] == 3
    for outsider in (other, client):
        answers = (
            outsider.client.get(off(practitioner)),
            outsider.client.post(off(practitioner), json=past),
            outsider.client.delete(f"{off(practitioner)}{made[0]}/"),
        )
        assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert other.client.delete(f"{off(other)}{made[0]}/").status_code == 404, "it is not theirs by that path either"
    assert market.desk.get(f"{BASE}/practitioners/1000000/time-off/").status_code == 404
    assert market.desk.delete(f"{off(practitioner)}{made[0]}/").json()["success"]


def test_a_day_off_is_the_practitioners_day_however_long_it_is(market: Market) -> None:
    practitioner = market.practitioner(time_zone="America/New_York")
    autumn = practitioner.client.post(off(practitioner), json={"start_date": "2034-11-05"}).json()
    assert (autumn["start_time"], autumn["end_time"]) == ("2034-11-05T04:00:00Z", "2034-11-06T05:00:00Z")
    for field, day in (("start", "2034-03-12"), ("end", "2034-03-11")):
        sent = {"start_date": day, "end_date": "2034-03-12", field: "02:30"}
        skipped = practitioner.client.post(off(practitioner), json=sent).json()
        assert (skipped["code"], [one["field"] for one in skipped["errors"]]) == ("local_time_skipped", [field])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "start_date"),
        ({"start_date": "15/03/2034"}, "start_date"),
        ({"start_date": DAY, "end_date": "2034-03-14"}, "end_date"),
        ({"start_date": DAY, "end_date": "2036-03-15"}, "end_date"),
        ({"start_date": DAY, "start": "noon"}, "start"),
        ({"start_date": DAY, "start": "12:00", "end": "12:00"}, "end"),
        ({"start_date": DAY, "reason": "<b>"}, "reason"),
        ({"start_date": DAY, "colour": "red"}, "colour"),
    ],
)
def test_time_off_that_makes_no_sense_is_refused_by_field(market: Market, body: dict[str, Any], field: str) -> None:
    answer = market.desk.post(f"{BASE}/practitioners/1/time-off/", json=body)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])


def test_time_off_that_overlaps_another_is_refused(market: Market) -> None:
    practitioner = market.practitioner()
    assert (
        practitioner.client.post(off(practitioner), json={"start_date": DAY, "end_date": "2034-03-17"}).status_code
        == 201
    )
    again = practitioner.client.post(off(practitioner), json={"start_date": "2034-03-17"})
    assert (again.status_code, again.json()["code"]) == (409, "already_closed")
