"""A month of a busy desk: 50,000 bookings of twenty resources, of which 200 are on the day that is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from msgspec import Struct

from tests.benchmarks.stack import Say
from tests.benchmarks.tables.big_tables import (
    COPY_BOOKINGS,
    COPY_CLAIMS,
    COPY_USERS,
    FIRST_ID,
    FIRST_USER,
    TABLES,
    Size,
    users,
)
from tests.benchmarks.tables.copy_in import copy, filling

BOOKINGS, ON_THE_DAY, DAYS = 50_000, 200, 30
RESOURCES = 20
FIRST_RESOURCE = 1001
PEOPLE = 5_000
SQL_RESOURCES = """
INSERT INTO resource (id, kind, name, zone)
SELECT %s + n, 'service', 'Chair ' || n + 1, 'UTC' FROM generate_series(0, %s - 1) AS n
"""


class Booked(Struct, frozen=True):
    number: int
    resource_id: int
    starts_at: datetime
    minutes: int


def fill(database_url: str, say: Say, day: date) -> None:
    """`day` has the 200; the days after it share the others."""
    with filling(database_url, say, TABLES) as connection:
        connection.execute(SQL_RESOURCES.encode(), (FIRST_RESOURCE, RESOURCES))
        say(f"copying {BOOKINGS:,} bookings, {ON_THE_DAY} of them on {day}")
        copy(connection, COPY_USERS, users(Size(users=PEOPLE)))
        copy(connection, COPY_BOOKINGS, map(_row, month(day)))
        copy(connection, COPY_CLAIMS, map(_claim, month(day)))


def month(day: date) -> Iterator[Booked]:
    """Ten an hour and more on each resource, but for the day itself, which has ten of 40 minutes on each."""
    for number in range(BOOKINGS):
        if number < ON_THE_DAY:
            which, chair = divmod(number, RESOURCES)
            starts_at, minutes = datetime.combine(day, time(8 + which), UTC), 40
        else:
            which, chair = divmod(number - ON_THE_DAY, RESOURCES)
            at, later = divmod(which, DAYS - 1)
            starts_at = datetime.combine(day + timedelta(days=1 + later), time(), UTC) + timedelta(minutes=10 * at)
            minutes = 10
        yield Booked(number, FIRST_RESOURCE + chair, starts_at, minutes)


def _row(one: Booked) -> str:
    at, ends = one.starts_at, one.starts_at + timedelta(minutes=one.minutes)
    id_, user = FIRST_ID + one.number, FIRST_USER + one.number * 7919 % PEOPLE
    made = (at - timedelta(days=14)).isoformat()
    return "\t".join((
        str(id_), str(UUID(int=id_)), "appointments", str(user), "Haircut", str(one.resource_id), at.isoformat(),
        ends.isoformat(), at.date().isoformat(), at.time().isoformat(), str(one.minutes), "confirmed", "none", "",
        str(UUID(int=id_)), made, made, "\\N",
    ))  # fmt: skip


def _claim(one: Booked) -> str:
    ends = one.starts_at + timedelta(minutes=one.minutes)
    return f'{one.resource_id}\t{FIRST_ID + one.number}\t["{one.starts_at.isoformat()}","{ends.isoformat()}")'
