"""A database that has been in use for long: 1,000,000 bookings and 100,000 users, by COPY, indexes afterwards.

Skewed as real ones are: half of all bookings are for one service, one user in a hundred thousand
has every fiftieth of them, most are over, few were cancelled. What is to come holds claims.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import LiteralString
from uuid import UUID

from msgspec import Struct

from core.store.connections.database import Connection
from tests.benchmarks.stack import Say
from tests.benchmarks.tables.copy_in import copy, filling


class Size(Struct, frozen=True):
    bookings: int = 1_000_000
    users: int = 100_000


FIRST_USER = 1001
BUSY_USER = FIRST_USER
"""Every fiftieth booking is theirs."""
FIRST_ID = 1001
"""Of the bookings."""
RESOURCES = 199
FIRST_RESOURCE = 1000
"""Beside the desk, whose id is 1: each takes eight bookings a day."""
SLOTS_A_DAY = 8
PAST_DAYS = 400
COMMON_SERVICE = "Consultation"
COUNTRIES = (("Egypt", "EG"), ("USA", "US"), ("Canada", "CA"), ("Germany", "DE"))
HOUR = timedelta(hours=1)
TABLES = ["booking", "claim", "user_account"]
COPY_USERS: LiteralString = """
COPY user_account (id, username, username_key, phone, phone_key, first_name, last_name, email, email_key, gender,
                   country, country_code, is_active, is_staff, date_joined) FROM STDIN
"""
COPY_BOOKINGS: LiteralString = """
COPY booking (id, public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date, local_time,
              duration_minutes, status, payment_status, notes, command_id, created_at, updated_at, details) FROM STDIN
"""
COPY_CLAIMS: LiteralString = "COPY claim (resource_id, booking_id, during) FROM STDIN"


def fill(database_url: str, say: Say, size: Size, *, folded: bool = True) -> None:
    """Fill a migrated database with the demo data in it. Without `folded`, one of 0.1.0."""
    today = datetime.now(UTC).date()
    with filling(database_url, say, TABLES, folded=folded) as connection:
        _resources(connection)
        for name, statement, rows in (
            (f"{size.users:,} users", COPY_USERS, users(size)),
            (f"{size.bookings:,} bookings", COPY_BOOKINGS, bookings(size, today)),
            ("the claims of what is to come", COPY_CLAIMS, claims(size, today)),
        ):
            say(f"copying {name}")
            copy(connection, statement, rows)


def service_of(number: int) -> str:
    """The name of a booking's service."""
    return COMMON_SERVICE if number % 2 else f"Bench service {number % (RESOURCES + 1)}"


def users(size: Size) -> Iterator[str]:
    for n in range(size.users):
        id_, phone = FIRST_USER + n, f"+2010{n:08}"
        country, code = COUNTRIES[n % len(COUNTRIES)]
        joined = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=7 * n)
        yield "\t".join((
            str(id_), f"person{n}", f"person{n}", phone, phone, f"First{n % 997}", f"Last{n % 4999}",
            f"person{n}@example.com", f"person{n}@example.com", ("male", "female")[n % 2], country, code,
            "f" if n % 50 == 0 else "t", "t" if n % 1000 == 0 else "f", joined.isoformat(),
        ))  # fmt: skip


def bookings(size: Size, today: date) -> Iterator[str]:
    for n in range(size.bookings):
        resource_id, starts_at = _place(n, today)
        user_id = BUSY_USER if n % 50 == 0 else FIRST_USER + n * 7919 % size.users
        created = starts_at - timedelta(days=14)
        yield "\t".join((
            str(FIRST_ID + n), str(UUID(int=n)), "appointments", str(user_id), service_of(n), str(resource_id),
            starts_at.isoformat(), (starts_at + HOUR).isoformat(), starts_at.date().isoformat(),
            starts_at.time().isoformat(), "60", _status(n, starts_at.date(), today), "none", "", str(UUID(int=n)),
            created.isoformat(), created.isoformat(), _details(n),
        ))  # fmt: skip


def claims(size: Size, today: date) -> Iterator[str]:
    for n in range(size.bookings):
        resource_id, starts_at = _place(n, today)
        if _status(n, starts_at.date(), today) == "confirmed":
            during = f'["{starts_at.isoformat()}","{(starts_at + HOUR).isoformat()}")'
            yield f"{resource_id}\t{FIRST_ID + n}\t{during}"


def _place(number: int, today: date) -> tuple[int, datetime]:
    """(resource, start) of a booking: every resource is full, day after day."""
    slot, which = divmod(number, RESOURCES + 1)
    day, hour = divmod(slot, SLOTS_A_DAY)
    starts_at = datetime.combine(today + timedelta(days=day - PAST_DAYS), time(9 + hour), UTC)
    return (1 if which == 0 else FIRST_RESOURCE + which), starts_at


def _details(number: int) -> str:
    """Every tenth booking was made for a time slot of one of three categories."""
    return "\\N" if number % 10 else f'{{"type": "time_slot", "category_id": {1 + number // 10 % 3}}}'


def _status(number: int, day: date, today: date) -> str:
    if number % 97 == 0:
        return "cancelled"
    return "confirmed" if day >= today else "completed"


def _resources(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO resource (id, kind, name, zone) SELECT %s + n, 'service', 'Bench ' || n, 'UTC'"
        " FROM generate_series(1, %s) AS n",
        (FIRST_RESOURCE, RESOURCES),
    )
    connection.execute(
        "INSERT INTO category (id, name, name_key, resource_id) SELECT n, 'Cat ' || n, 'cat ' || n, 1"
        " FROM generate_series(1, 3) AS n ON CONFLICT DO NOTHING"
    )
