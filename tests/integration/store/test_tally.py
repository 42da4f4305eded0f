"""The tally of bookings: exact before, while and after what was appended is folded in."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from core.domain.bookings.status import Status
from core.domain.resources.local_time import local
from core.store.lists import tally
from core.wire.vocabulary import APPOINTMENTS_STATUS
from tests.support.engine.lanes import Pipeline
from tests.support.repeating import repeating

SQL_BOOKING = """
INSERT INTO booking (public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date,
                     local_time, duration_minutes, status, payment_status, command_id, created_at, updated_at,
                     hold_expires_at)
SELECT gen_random_uuid(), 'rooms', 1, 'Room', 1, now(), now() + interval '1 hour', %s, '09:00', 60, %s, 'none',
       gen_random_uuid(), now(), now(), now()
FROM generate_series(1, %s)
"""
MONDAY = date(2025, 10, 20)


@pytest.fixture
def people(pipeline: Pipeline) -> Pipeline:
    pipeline.connection.execute("INSERT INTO user_account (id, username, username_key) VALUES (1, 'u', 'u')")
    return pipeline


def book(pipeline: Pipeline, day: date, status: str = "confirmed", count: int = 1) -> None:
    pipeline.connection.execute(SQL_BOOKING, (day, status, count))


def counted(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    found = pipeline.rows(
        "SELECT local_date, listed_as, sum(bookings)::int FROM booking_count GROUP BY 1, 2"
        " HAVING sum(bookings) <> 0 ORDER BY 1, 2"
    )
    truth = pipeline.rows(
        "SELECT local_date, listed_as, count(*)::int FROM booking WHERE listed_as IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert found == truth
    return found


def test_a_booking_is_listed_under_the_word_that_clients_read(people: Pipeline) -> None:
    for status in Status:
        book(people, MONDAY, status.value)
    words = dict(people.rows("SELECT status, listed_as FROM booking"))
    assert words == {s.value: None if s is Status.DRAFT else APPOINTMENTS_STATUS[s] for s in Status}
    people.connection.execute("UPDATE booking SET deleted_at = now()")
    assert people.rows("SELECT DISTINCT listed_as FROM booking") == [(None,)]
    assert counted(people) == []


def test_the_tally_is_exact_through_every_kind_of_change_and_after_folding(people: Pipeline) -> None:
    tuesday = MONDAY + timedelta(days=1)
    book(people, MONDAY, count=5)
    book(people, tuesday, "completed", count=2)
    book(people, tuesday, "draft")
    assert counted(people) == [(MONDAY, "upcoming", 5), (tuesday, "completed", 2)]
    assert tally.fold(people.connection) == 2
    steps = (
        "UPDATE booking SET status = 'cancelled' WHERE id IN (SELECT min(id) FROM booking)",
        "UPDATE booking SET local_date = local_date + 1 WHERE id IN (SELECT min(id) + 1 FROM booking)",
        "UPDATE booking SET status = 'held' WHERE status = 'draft'",
        "UPDATE booking SET deleted_at = now() WHERE status = 'completed'",
        "UPDATE booking SET notes = 'no news'",
        "DELETE FROM booking WHERE id IN (SELECT min(id) + 2 FROM booking)",
    )
    for step in steps:
        people.connection.execute(step.encode())
        counted(people)
    assert counted(people) == [(MONDAY, "cancelled", 1), (MONDAY, "upcoming", 2), (tuesday, "upcoming", 2)]
    tally.fold(people.connection)
    assert people.rows("SELECT FROM booking_tally_change") == []
    assert len(counted(people)) == 3


def test_folding_in_two_places_at_once_counts_nothing_twice(people: Pipeline) -> None:
    days = [MONDAY + timedelta(days=n) for n in range(30)]
    with repeating(*(partial(tally.fold, people.connect()) for _ in range(2))):
        for _ in range(5):
            for day in days:
                book(people, day, count=3)
            counted(people)
    assert {row[2] for row in counted(people)} == {15}


async def test_days_of_the_statistics_are_the_desks(people: Pipeline) -> None:
    """An hour before or after midnight somewhere, it is another day there."""
    people.connection.execute("UPDATE resource SET zone = 'Pacific/Kiritimati'")
    today = local(people.row("SELECT clock_timestamp()")[0], "Pacific/Kiritimati").date()
    monday = today - timedelta(days=today.weekday())
    book(people, today, "completed")
    for day in (monday - timedelta(days=1), monday, monday + timedelta(days=6), monday + timedelta(days=7)):
        book(people, day)
    async with await psycopg.AsyncConnection.connect(people.url, autocommit=True) as connection:
        found = await tally.stats(connection)
    assert (found.total_bookings, found.upcoming_bookings, found.completed_bookings) == (5, 4, 1)
    assert (found.week_bookings, found.today_bookings) == (3, 1 + (today in {monday, monday + timedelta(days=6)}))
    days = [today, monday - timedelta(days=1), monday, monday + timedelta(days=6), monday + timedelta(days=7)]
    assert found.month_bookings == sum((day.year, day.month) == (today.year, today.month) for day in days)
