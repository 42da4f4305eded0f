"""`GET /api/bookings/{id}.ics`: who may read it, what it says, and what becomes of it when the booking changes."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

from core.identity.demo_accounts import AGENT_KEY
from tests.integration.calendars.conftest import HOUR, LATER, booked, events
from tests.support.clients.callers import execute
from tests.support.clients.marketplace import BASE, Market
from tests.support.processes.stack import Stack


def test_a_booking_is_read_as_a_file_and_its_tag_is_enough_until_it_changes(
    stack: Stack, guest: httpx.Client, room: int
) -> None:
    id_ = booked(guest, room, special_requests="Two; chairs,\nplease")["id"]
    file = guest.get(f"/api/bookings/{id_}.ics")
    assert file.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert file.headers["Content-Disposition"] == f'attachment; filename="booking-{id_}.ics"'
    assert file.headers["Cache-Control"] == "private, no-cache"
    (event,) = events(file)
    ((uuid, starts_at),) = execute(stack, "SELECT public_uuid, starts_at FROM booking WHERE id = %s", id_)
    assert (str(event["UID"]), event.DTSTART.astimezone(UTC)) == (str(uuid), starts_at.astimezone(UTC))
    assert (str(event["SUMMARY"]), str(event["STATUS"])) == ("The Blue, Room; 1", "CONFIRMED")
    assert str(event["DESCRIPTION"]) == "Two; chairs,\nplease"

    known = {"If-None-Match": file.headers["ETag"]}
    unchanged = guest.get(f"/api/bookings/{id_}.ics", headers=known)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["ETag"] == file.headers["ETag"]
    assert guest.delete(f"/api/bookings/{id_}/").status_code == 200
    (cancelled,) = events(guest.get(f"/api/bookings/{id_}.ics", headers=known))
    assert (str(cancelled["STATUS"]), str(cancelled["UID"])) == ("CANCELLED", str(uuid))
    assert cancelled.sequence > event.sequence


def test_it_is_read_by_whoever_may_read_the_booking(
    stack: Stack, market: Market, guest: httpx.Client, staff: httpx.Client, room: int
) -> None:
    id_ = booked(guest, room)["id"]
    assert len(events(staff.get(f"/api/bookings/{id_}.ics/"))) == 1
    other = market.person().client.get(f"/api/bookings/{id_}.ics")
    unknown = guest.get("/api/bookings/999999999.ics")
    assert other.status_code == unknown.status_code == 404
    assert other.json() == unknown.json()
    assert httpx.get(f"{stack.api_url}/api/bookings/{id_}.ics").status_code == 401
    agent = {"Authorization": f"Token {AGENT_KEY}"}
    assert httpx.get(f"{stack.api_url}/api/bookings/{id_}.ics", headers=agent).status_code == 403


def test_a_practitioner_reads_who_comes_and_what_has_no_time_has_no_file(market: Market) -> None:
    doctor, client = market.practitioner(), market.person()
    service = market.service(doctor)
    body = {"service_id": service, "practitioner_id": doctor.id, **HOUR}
    id_ = market.made("/bookings/", body, by=client.client)
    (event,) = events(doctor.client.get(f"/api/bookings/{id_}.ics"))
    before = event.sequence
    assert str(event["SUMMARY"]).endswith(f": {_username(market, client.user_id)}")

    moved = client.client.post(f"{BASE}/bookings/{id_}/reschedule/", json=LATER)
    assert moved.status_code == 200, moved.text
    (event,) = events(client.client.get(f"/api/bookings/{id_}.ics"))
    assert event.sequence > before
    assert datetime.fromisoformat(LATER["start_time"]) == event.DTSTART

    package = market.service(doctor, booking_type="package", service_ids=[service])
    answer = client.client.post(f"{BASE}/bookings/create-package/", json={"service_id": package})
    assert answer.status_code == 201, answer.text
    refused = client.client.get(f"/api/bookings/{answer.json()['id']}.ics")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_time_yet")


def _username(market: Market, user_id: int) -> str:
    ((name,),) = execute(market.stack, "SELECT username FROM user_account WHERE id = %s", user_id)
    return str(name)


def test_every_contract_s_bookings_have_files(staff: httpx.Client, stack: Stack) -> None:
    """Of whatever the demo and other tests have made."""
    rows = execute(stack, "SELECT DISTINCT ON (contract) contract, id FROM booking WHERE deleted_at IS NULL")
    assert {contract for contract, _ in rows} >= {"rooms"}
    for _, id_ in rows:
        assert staff.get(f"/api/bookings/{id_}.ics").status_code in {200, 409}
