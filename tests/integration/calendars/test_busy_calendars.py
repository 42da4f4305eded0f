"""Calendars that resources follow, through the API of a running stack: closed, opened again, kept secret, by role."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from core.domain.resources.local_time import Span
from ops.processes import DELIVERIES, PIPELINE
from tests.conftest import new_stack
from tests.support.calendar_server import CalendarServer, calendar_of, calendar_server
from tests.support.clients.callers import execute
from tests.support.clients.marketplace import BASE, Market, Person
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

STAFFS, OWN = "/api/admin/busy-calendars/", "/api/busy-calendars/"
DAY = (datetime.now(UTC) + timedelta(days=20)).replace(hour=0, minute=0, second=0, microsecond=0)


def hours(first: int, last: int) -> Span:
    return DAY + timedelta(hours=first), DAY + timedelta(hours=last)


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """With a delivery worker, which the session's has not: it would begin to plan mails there."""
    one = new_stack(postgres, tmp_path_factory.mktemp("calendars"), processes=(*PIPELINE, DELIVERIES))
    try:
        yield one.start()
    finally:
        one.close()
        postgres.drop_database(one.database_url)


@pytest.fixture(scope="module")
def server() -> Iterator[CalendarServer]:
    with calendar_server() as one:
        yield one


@pytest.fixture
def doctor(market: Market) -> Person:
    return market.practitioner()


def followed(client: httpx.Client, url: str, base: str = OWN, **more: Any) -> int:
    answer = client.post(base, json={"url": url, **more})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["data"]["id"])


def state(client: httpx.Client, calendar: int, base: str = OWN) -> dict[str, Any]:
    answer = client.get(f"{base}{calendar}/")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def until(client: httpx.Client, calendar: int, wanted: str, base: str = OWN) -> dict[str, Any]:
    """The state once the calendar was fetched and its closures are in line."""

    def is_so() -> bool:
        found = state(client, calendar, base)
        return bool(found["state"] == wanted and found["is_closed"])

    wait_until(is_so, f"the calendar is {wanted}")
    return state(client, calendar, base)


def fetch(stack: Stack, client: httpx.Client, calendar: int) -> None:
    execute(stack, "UPDATE busy_calendar SET tried_at = tried_at - interval '1 minute' WHERE id = %s", calendar)
    before = state(client, calendar)["tried_at"]
    answer = client.post(f"{OWN}{calendar}/fetch/")
    assert answer.status_code == 202, answer.text
    wait_until(lambda: state(client, calendar)["tried_at"] > before and not leased(stack, calendar), "it is fetched")


def leased(stack: Stack, calendar: int) -> bool:
    return bool(execute(stack, "SELECT lease IS NOT NULL FROM busy_calendar WHERE id = %s", calendar)[0][0])


def free(market: Market, doctor: Person, service: int, hour: int) -> bool:
    """Whether a client could book this hour; the booking is made."""
    starts, ends = hours(hour, hour + 1)
    body = {
        "service_id": service,
        "practitioner_id": doctor.id,
        "start_time": starts.isoformat(),
        "end_time": ends.isoformat(),
    }
    answer = market.person().client.post(f"{BASE}/bookings/", json=body)
    assert answer.status_code in {201, 409}, answer.text
    return answer.status_code == 201


def test_a_practitioners_calendar_closes_their_time_until_it_says_something_else(
    stack: Stack, market: Market, doctor: Person, server: CalendarServer
) -> None:
    service = market.service(doctor)
    assert free(market, doctor, service, 10)
    url = server.new(calendar_of(hours(9, 12), hours(14, 15)))
    calendar = followed(doctor.client, url, label="Private")
    found = until(doctor.client, calendar, "followed")
    assert (found["busy_times"], found["label"], found["failures"]) == (2, "Private", 0)
    assert found["next_busy_from"].startswith(f"{DAY:%Y-%m-%d}T09:00")
    assert [free(market, doctor, service, hour) for hour in (11, 14, 15)] == [False, False, True]
    time_off = doctor.client.get(f"{BASE}/practitioners/{doctor.id}/time-off/").json()["results"]
    assert [one["kind"] for one in time_off] == ["busy", "busy"]
    refused = doctor.client.delete(f"{BASE}/practitioners/{doctor.id}/time-off/{time_off[0]['id']}/")
    assert (refused.status_code, refused.json()["code"]) == (409, "busy_in_calendar")
    server.say(url, calendar_of(hours(9, 12)))
    fetch(stack, doctor.client, calendar)
    until(doctor.client, calendar, "followed")
    assert free(market, doctor, service, 14)
    assert doctor.client.delete(f"{OWN}{calendar}/").status_code == 200
    wait_until(lambda: execute(stack, "SELECT id FROM busy_calendar WHERE id = %s", calendar) == [], "it is gone")
    assert free(market, doctor, service, 11)


def test_a_calendar_that_fails_says_so_and_its_last_times_stay_closed(
    stack: Stack, market: Market, doctor: Person, server: CalendarServer
) -> None:
    service = market.service(doctor)
    url = server.new(calendar_of(hours(9, 12)))
    calendar = followed(doctor.client, url)
    until(doctor.client, calendar, "followed")
    server.say(url, b"<html>Sign in again</html>")
    fetch(stack, doctor.client, calendar)
    found = until(doctor.client, calendar, "failing")
    assert found["answer"] == "it is no calendar file (iCalendar)"
    assert found["failing_since"] > found["fetched_at"]
    assert not free(market, doctor, service, 11)
    execute(stack, "UPDATE busy_calendar SET tried_at = clock_timestamp() + interval '1 hour' WHERE id = %s", calendar)
    for client, base in ((doctor.client, OWN), (market.desk, STAFFS)):
        refused = client.post(f"{base}{calendar}/fetch/")
        assert (refused.status_code, refused.json()["code"]) == (409, "just_fetched")


def test_staff_let_any_resource_follow_a_calendar_and_see_all(
    market: Market, doctor: Person, server: CalendarServer
) -> None:
    (resource,) = execute(market.stack, "SELECT resource_id FROM practitioner WHERE id = %s", doctor.id)[0]
    calendar = followed(market.desk, server.new(calendar_of(hours(9, 12))), STAFFS, resource_id=resource)
    until(market.desk, calendar, "followed", STAFFS)
    closures = market.desk.get("/api/admin/closures/", params={"resource_id": resource}).json()["data"]
    assert [(one["kind"], one["busy_calendar_id"]) for one in closures] == [("busy", calendar)]
    listed = market.desk.get(STAFFS, params={"resource_id": resource}).json()
    assert ([one["id"] for one in listed["data"]], listed["total_count"]) == ([calendar], 1)
    assert [one["id"] for one in doctor.client.get(OWN).json()["data"]] == [calendar]
    assert market.desk.delete(f"{STAFFS}{calendar}/").status_code == 200
    assert market.desk.get(f"{STAFFS}{calendar}/").status_code == 404


def test_nobody_sees_or_changes_anothers_calendars(market: Market, doctor: Person, server: CalendarServer) -> None:
    calendar = followed(doctor.client, server.new(calendar_of()))
    other = market.practitioner().client
    answers = [
        other.get(f"{OWN}{calendar}/"),
        other.post(f"{OWN}{calendar}/fetch/"),
        other.delete(f"{OWN}{calendar}/"),
    ]
    assert [one.status_code for one in answers] == [404, 404, 404]
    assert other.get(OWN).json()["data"] == []
    guest = market.person().client
    assert [guest.get(OWN).status_code, guest.get(STAFFS).status_code] == [403, 403]
    assert doctor.client.get(STAFFS).status_code == 403


def test_the_url_is_in_no_answer_log_metric_audit_entry_or_table(
    stack: Stack, market: Market, server: CalendarServer
) -> None:
    url = server.new(calendar_of(hours(9, 12)))
    secret = url.split("/")[3]
    (resource,) = execute(stack, "SELECT id FROM resource WHERE kind = 'desk'")[0]
    answer = market.desk.post(STAFFS, json={"url": url, "resource_id": resource})
    calendar = answer.json()["data"]["id"]
    try:
        until(market.desk, calendar, "followed", STAFFS)
        assert (answer.json()["data"]["host"], answer.headers.get("Location")) == ("127.0.0.1", None)
        shown = (
            answer.text
            + market.desk.get(STAFFS).text
            + execute(stack, "SELECT coalesce(string_agg(to_jsonb(p)::text, ''), '') FROM audit_person p")[0][0]
        )
        logs = "".join(path.read_text(errors="replace") for path in stack.folder.rglob("*.log"))
        tables = execute(stack, "SELECT coalesce(string_agg(to_jsonb(b)::text, ''), '') FROM busy_calendar b")[0][0]
        audit = execute(stack, "SELECT coalesce(string_agg(to_jsonb(a)::text, ''), '') FROM audit_entry a")[0][0]
        assert "busy_calendar.created" in audit
        assert secret not in shown + logs + tables + audit
    finally:
        market.desk.delete(f"{STAFFS}{calendar}/")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "https://10.0.0.1/basic.ics"}, "url"),
        ({"url": "http://calendars.example.com/basic.ics"}, "url"),
        ({"url": "https://user:pw@calendars.example.com/basic.ics"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({}, "url"),
        ({"url": "https://calendars.example.com/basic.ics", "label": "x" * 5_000}, "label"),
        ({"url": "https://calendars.example.com/basic.ics", "key": 1}, "key"),
    ],
    ids=["private", "without TLS", "a password", "a file", "nothing", "a long label", "an unknown field"],
)
def test_what_cannot_be_followed_is_refused_at_once(market: Market, body: dict[str, Any], field: str) -> None:
    answer = market.desk.post(STAFFS, json=body)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, [field])


def test_an_unknown_resource_and_too_many_calendars_are_refused(
    stack: Stack, market: Market, doctor: Person, server: CalendarServer
) -> None:
    unknown = market.desk.post(STAFFS, json={"url": server.new(calendar_of()), "resource_id": 10**9})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "resource_not_found")
    execute(
        stack,
        """INSERT INTO busy_calendar (resource_id, sealed_url, host, fetch_at)
           SELECT p.resource_id, 'x', 'example.com', NULL FROM practitioner p, generate_series(1, 10) WHERE p.id = %s""",
        doctor.id,
    )
    (resource,) = execute(stack, "SELECT resource_id FROM practitioner WHERE id = %s", doctor.id)[0]
    for client, base, more in ((doctor.client, OWN, {}), (market.desk, STAFFS, {"resource_id": resource})):
        refused = client.post(base, json={"url": server.new(calendar_of()), **more})
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_busy_calendars")
    execute(stack, "DELETE FROM busy_calendar WHERE sealed_url = 'x'")
