"""One calendar at a time: asked as its server expects, bounded, guarded, and harmless whatever it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.busy_calendars import poller
from core.busy_calendars.poller import CalendarPoller
from core.domain.resources.local_time import Span
from core.outbound.client import GuardedClient, Limits
from core.sealed_secrets import calendar_box
from core.settings import from_environment
from core.store.calendars.busy_polls import any_due, lease_due
from core.store.connections.database import Connection
from tests.support.calendar_server import CalendarServer, calendar_of, calendar_server
from tests.support.processes.servers import stack_environment
from tests.support.wait import wait_until

AHEAD = (datetime.now(UTC) + timedelta(days=9)).replace(hour=0, minute=0, second=0, microsecond=0)
KILLED = """
from core.busy_calendars.poller import calendar_poller
from core.settings import from_environment
from core.store.calendars.busy_polls import lease_due
from core.store.connections.database import connect_lane
settings = from_environment()
def connections():
    return connect_lane(settings.database_url, "holdfast tests")
with connections() as connection:
    (due,) = lease_due(connection, 1)
calendar_poller(settings).poll(connections, due)
"""


def hours(first: int, last: int) -> Span:
    return AHEAD + timedelta(hours=first), AHEAD + timedelta(hours=last)


@pytest.fixture(scope="module")
def server() -> Iterator[CalendarServer]:
    with calendar_server() as one:
        yield one


class Followed:
    """A calendar that the desk follows, fetched by hand."""

    def __init__(self, connection: Connection, redis_url: str, url: str, *, loopback: bool = True) -> None:
        self.connection = connection
        self.url = url
        settings = from_environment(stack_environment("postgresql://nobody@localhost/none", redis_url))
        self.box = calendar_box(settings)
        client = GuardedClient(loopback=loopback, limits=Limits(read_s=2.0, total_s=4.0))
        self._poller = CalendarPoller(self.box, client, loopback=loopback, poll_s=900.0, kept_s=86_400.0)
        connection.execute(
            "INSERT INTO busy_calendar (resource_id, sealed_url, host) VALUES (1, %s, 'localhost')",
            (self.box.seal(url),),
        )

    def poll(self) -> str:
        self.connection.execute("UPDATE busy_calendar SET fetch_at = clock_timestamp()")
        (due,) = lease_due(self.connection, 1)
        return self._poller.poll(lambda: nullcontext(self.connection), due)

    def state(self, columns: str) -> tuple[Any, ...]:
        row = self.connection.execute(f"SELECT {columns} FROM busy_calendar".encode()).fetchone()
        assert row is not None
        return row

    def times(self) -> list[Span]:
        return self.connection.execute("SELECT starts_at, ends_at FROM busy_time ORDER BY 1").fetchall()


@pytest.fixture
def calendar(connection: Connection, redis_url: str, server: CalendarServer) -> Followed:
    return Followed(connection, redis_url, server.new(calendar_of(hours(9, 12))))


def test_a_calendar_that_has_not_changed_is_not_read_again(calendar: Followed, server: CalendarServer) -> None:
    assert [calendar.poll(), calendar.poll()] == ["read", "unchanged"]
    first, second = server.asked_of(calendar.url)
    assert "If-None-Match" not in first
    assert second["If-None-Match"].startswith('"')
    assert (calendar.times(), calendar.state("answer")) == ([hours(9, 12)], ("304: it has not changed",))


def test_it_is_read_whole_twice_a_day_as_the_horizon_moves_on(calendar: Followed, server: CalendarServer) -> None:
    calendar.poll()
    calendar.connection.execute("UPDATE busy_calendar SET read_at = read_at - interval '13 hours'")
    assert calendar.poll() == "read"
    assert "If-None-Match" not in server.asked_of(calendar.url)[1]


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"", 500, "500: the calendar was not sent"),
        (b"", 404, "404: the calendar was not sent"),
        (b"", 302, "302: redirects are not followed; enter the URL that it leads to"),
        (b"<html>", 200, "it is no calendar file (iCalendar)"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", 200, "it ends too early: its last line is not END:VCALENDAR"),
        (b"BEGIN:VCALENDAR\r\n" + b"x" * 5_000_000, 200, "it is larger than 4 MiB"),
    ],
    ids=["500", "404", "a redirect", "a page", "cut off", "huge"],
)
def test_what_cannot_be_used_is_told_and_the_last_times_stay(
    calendar: Followed, server: CalendarServer, body: bytes, status: int, why: str
) -> None:
    calendar.poll()
    server.say(calendar.url, body, status)
    assert calendar.poll() == "failed"
    assert calendar.state("answer, failures, failing_since IS NOT NULL, lease") == (why, 1, True, None)
    assert calendar.times() == [hours(9, 12)]


def test_pauses_grow_while_it_fails_and_one_answer_ends_it(calendar: Followed, server: CalendarServer) -> None:
    server.say(calendar.url, b"", 500)
    pauses = []
    for _ in range(7):
        calendar.poll()
        pauses.append(float(calendar.state("extract(epoch FROM fetch_at - clock_timestamp())")[0]))
    assert pauses[0] < 901
    assert 3 * 3_600 < pauses[-1] <= poller.PAUSE_LONGEST_S
    server.say(calendar.url, calendar_of())
    assert calendar.poll() == "read"
    assert calendar.state("failures, failing_since") == (0, None)


def test_addresses_that_are_not_of_the_internet_are_not_asked(
    connection: Connection, redis_url: str, server: CalendarServer
) -> None:
    calendar = Followed(connection, redis_url, server.new(calendar_of()), loopback=False)
    assert calendar.poll() == "failed"
    assert calendar.state("answer") == ("Its address is loopback. Use one of the public internet",)
    assert server.asked_of(calendar.url) == []


def test_a_url_that_another_key_sealed_is_told(calendar: Followed) -> None:
    calendar.connection.execute("UPDATE busy_calendar SET sealed_url = 'sealed with another key'")
    assert calendar.poll() == "failed"
    assert calendar.state("answer")[0].startswith("its URL was sealed with another HOLDFAST_SECRET_KEY")


def test_bookings_of_ours_that_come_back_are_left_out(calendar: Followed, server: CalendarServer) -> None:
    row = calendar.connection.execute(
        """INSERT INTO user_account (username, username_key) VALUES ('zoe', 'zoe') RETURNING id"""
    ).fetchone()
    assert row is not None
    uid = calendar.connection.execute(
        """INSERT INTO booking (public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date,
                                local_time, duration_minutes, status, payment_status, notes, version, created_at,
                                updated_at, command_id)
           VALUES (gen_random_uuid(), 'appointments', %s, 'Massage', 1, %s, %s, '2030-01-07', '10:00', 60, 'confirmed',
                   'none', '', 1, now(), now(), gen_random_uuid()) RETURNING public_uuid""",
        (row[0], *hours(14, 15)),
    ).fetchone()
    assert uid is not None
    ours = calendar_of(hours(14, 15)).replace(b"entry-0@example.com", str(uid[0]).encode())
    elsewhere = calendar_of(hours(16, 17)).replace(b"entry-0@example.com", b"11111111-2222-4333-8444-555555555555")
    server.say(calendar.url, ours + elsewhere)
    assert calendar.poll() == "read"
    assert calendar.times() == [hours(16, 17)]
    assert calendar.state("answer") == ("200: 1 busy times, 1 bookings of ours left out",)


def test_nothing_of_what_an_entry_is_about_is_kept(calendar: Followed) -> None:
    calendar.poll()
    rows = calendar.connection.execute(
        "SELECT to_jsonb(b)::text FROM busy_calendar b UNION ALL SELECT to_jsonb(t)::text FROM busy_time t"
    ).fetchall()
    kept = " ".join(row[0] for row in rows)
    assert "Mercy" not in kept
    assert calendar.url.split("/")[3] not in kept


def test_a_worker_killed_in_the_middle_loses_nothing(
    calendar: Followed, server: CalendarServer, database_url: str, redis_url: str
) -> None:
    calendar.poll()
    server.say(calendar.url, calendar_of(hours(14, 15)))
    held = server.hold(calendar.url)
    calendar.connection.execute("UPDATE busy_calendar SET fetch_at = clock_timestamp(), sync_at = NULL")
    environment = {**stack_environment(database_url, redis_url), "PATH": os.environ["PATH"]}
    worker = subprocess.Popen([sys.executable, "-c", KILLED], env=environment)
    try:
        wait_until(lambda: len(server.asked_of(calendar.url)) == 2, "the calendar is being fetched")
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    held.set()
    assert calendar.times() == [hours(9, 12)]
    assert not any_due(calendar.connection), "its lease holds for a while"
    assert calendar.poll() == "read"
    assert calendar.times() == [hours(14, 15)]
