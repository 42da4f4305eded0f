"""The marketplace of `tests.benchmarks.tables.market` in its tables: 1,000,000 bookings of 500 practitioners, by COPY."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import LiteralString
from uuid import UUID

from core.domain.names import folded
from core.store.connections.database import Connection
from tests.benchmarks.stack import Say
from tests.benchmarks.tables.copy_in import copy, filling
from tests.benchmarks.tables.market import (
    AFTER,
    BEFORE,
    BUSY_PRACTITIONER,
    FIRST,
    FIRST_CLIENT,
    MINUTES,
    PRACTITIONERS_A_SERVICE,
    PRICES,
    RARE_WORD,
    SEATS,
    SESSION_LENGTH,
    WORDS,
    WORKSHOP,
    ZONES,
    Booked,
    MarketSize,
    booked,
    days_off,
    is_off,
    weeks,
    workshop,
)

TABLES = ["booking", "claim", "user_account", "marketplace_booking", "service_session", "closure"]
COPY_CLIENTS: LiteralString = """
COPY user_account (id, username, username_key, first_name, last_name, email, email_key, date_joined) FROM STDIN
"""
COPY_SESSIONS: LiteralString = """
COPY service_session (id, service_id, practitioner_id, starts_at, ends_at, capacity, seats_taken) FROM STDIN
"""
COPY_BOOKINGS: LiteralString = """
COPY booking (id, public_uuid, contract, user_id, service_id, service_name, resource_id, starts_at, ends_at, local_date,
              local_time, duration_minutes, status, payment_status, command_id, created_at, updated_at, price_minor,
              hold_expires_at, details) FROM STDIN
"""
COPY_LISTED: LiteralString = """
COPY marketplace_booking (booking_id, user_id, practitioner_id, service_id, session_id, kind, status, payment_status,
                          starts_at, ends_at, price_minor, created_at, words) FROM STDIN
"""
COPY_CLAIMS: LiteralString = "COPY claim (resource_id, booking_id, session_id, closure_id, during) FROM STDIN"
COPY_CLOSURES: LiteralString = (
    "COPY closure (id, resource_id, first_day, last_day, during, reason, created_at) FROM STDIN"
)

SQL_CATALOGUE = f"""
INSERT INTO user_account (id, username, username_key, is_practitioner)
SELECT {FIRST} + n, 'practitioner' || n, 'practitioner' || n, true FROM generate_series(0, %(practitioners)s - 1) AS n;
INSERT INTO resource (id, kind, name, zone)
SELECT {FIRST} + n, 'practitioner', 'Practitioner ' || n, (ARRAY['{ZONES[0]}', '{ZONES[1]}'])[1 + n %% 2]
FROM generate_series(0, %(practitioners)s - 1) AS n;
INSERT INTO practitioner (id, user_id, resource_id, name, name_key, hours, breaks, buffer_before_minutes, buffer_after_minutes,
                          notice_minutes, horizon_days)
SELECT {FIRST} + n, {FIRST} + n, {FIRST} + n, 'First' || n %% 97 || ' Last' || n,
       'first' || n %% 97 || ' last' || n,
       (SELECT jsonb_agg(jsonb_build_array(day, 540, 1020)) FROM generate_series(0, 4) AS day),
       (SELECT jsonb_agg(jsonb_build_array(day, 720, 780)) FROM generate_series(0, 4) AS day), 5, 10, 120, 90
FROM generate_series(0, %(practitioners)s - 1) AS n;
INSERT INTO service (id, name, name_key, is_named, resource_id, duration_minutes, slot_step_minutes, price_cents)
SELECT {FIRST} + n, 'Session ' || n, 'session ' || n, false, 1, {MINUTES}, 15, 6000
FROM generate_series(0, (%(practitioners)s - 1) / {PRACTITIONERS_A_SERVICE}) AS n;
INSERT INTO service (id, name, name_key, is_named, resource_id, kind) VALUES
    ({FIRST} + 900, 'Workshop', 'workshop', false, 1, 'workshop'),
    ({FIRST} + 901, 'Course', 'course', false, 1, 'course'),
    ({FIRST} + 902, 'Package', 'package', false, 1, 'package');
INSERT INTO service_practitioner (service_id, practitioner_id)
SELECT {FIRST} + n / {PRACTITIONERS_A_SERVICE}, {FIRST} + n FROM generate_series(0, %(practitioners)s - 1) AS n;
"""


def fill_market(database_url: str, say: Say, size: MarketSize) -> None:
    """Fill a migrated database with the demo data in it."""
    now = datetime.now(UTC)
    with filling(database_url, say, TABLES) as connection:
        _catalogue(connection, size)
        with connection.transaction():  # at once: the sweep moves on what begins just now, and lists it
            for name, statement, rows in (
                (f"{size.clients:,} clients", COPY_CLIENTS, clients(size)),
                ("workshops", COPY_SESSIONS, sessions(size, now.date())),
                (
                    f"{size.bookings:,} bookings",
                    COPY_BOOKINGS,
                    (_booking(one, now) for one in booked(size, now.date())),
                ),
                ("what their lists show", COPY_LISTED, (_listed(one, now) for one in booked(size, now.date()))),
                ("days off", COPY_CLOSURES, closures(size, now.date())),
                ("the claims of what is to come", COPY_CLAIMS, claims(size, now.date())),
            ):
                say(f"copying {name}")
                copy(connection, statement, rows)


def _catalogue(connection: Connection, size: MarketSize) -> None:
    for statement in SQL_CATALOGUE.strip().split(";\n"):
        connection.execute(statement.encode(), {"practitioners": size.practitioners})


def clients(size: MarketSize) -> Iterator[str]:
    for n in range(size.clients):
        joined = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=7 * n)
        name = f"client{n}"
        yield f"{FIRST_CLIENT + n}\t{name}\t{name}\tFirst{n % 997}\tLast{n % 4999}\t{name}@example.com\t{name}@example.com\t{joined}"


def sessions(size: MarketSize, today: date) -> Iterator[str]:
    """A workshop of each practitioner each Saturday, the latest first; three seats of it are free."""
    for n in range(weeks(size) * size.practitioners):
        starts_at = workshop(n, size, today)[0]
        ends_at = starts_at + SESSION_LENGTH
        yield f"{FIRST + n}\t{WORKSHOP}\t{FIRST + n % size.practitioners}\t{starts_at}\t{ends_at}\t{SEATS}\t{SEATS - 3}"


def _resource(one: Booked) -> int:
    return FIRST + max(one.practitioner, 0)


def _payment(one: Booked) -> tuple[int, str]:
    """(price, payment status) of a booking."""
    price = PRICES[one.id // 7 % len(PRICES)]
    if price == 0:
        return 0, "none"
    if one.status in {"held", "draft"}:
        return price, "failed" if one.id % 7 == 0 else "pending"
    return price, "refunded" if one.status == "cancelled" else "succeeded"


def _created(one: Booked, now: datetime) -> datetime:
    """Up to a month before its start, and never in the future."""
    return min(one.starts_at, now) - timedelta(days=1 + one.id % 30, minutes=one.id % 1440)


def _title(one: Booked) -> str:
    return f"{WORDS[one.id % len(WORDS)]} {RARE_WORD if one.id % 40_009 == 0 else f'case{one.id % 5003}'}"


def _booking(one: Booked, now: datetime) -> str:
    price, payment = _payment(one)
    created, minutes = _created(one, now), int(one.length.total_seconds()) // 60
    hold = r"\N" if one.status != "held" else str(now + timedelta(hours=-1 if one.id % 100 == 0 else 6))
    session = "" if one.session_id is None else f', "session_id": {one.session_id}'
    scheduled = "" if one.is_scheduled else ', "is_scheduled": false'
    practitioner = BUSY_PRACTITIONER if one.practitioner < 0 else FIRST + one.practitioner
    practitioner_user = 3 if one.practitioner < 0 else FIRST + one.practitioner
    details = (
        f'{{"type": "market", "kind": "{one.kind}", "practitioner_id": {practitioner}, "practitioner_user_id": {practitioner_user}, '
        f'"title": "{_title(one)}", "buffer_before_minutes": 5, "buffer_after_minutes": 10{session}{scheduled}}}'
    )
    return "\t".join((
        str(one.id), str(UUID(int=one.id)), "marketplace", str(one.user_id), str(one.service_id), one.service_name,
        str(_resource(one)), str(one.starts_at), str(one.starts_at + one.length), str(one.local_date), str(one.local_time),
        str(minutes), one.status, payment, str(UUID(int=one.id)), str(created), str(created), str(price), hold, details,
    ))  # fmt: skip


def _listed(one: Booked, now: datetime) -> str:
    price, payment = _payment(one)
    practitioner = BUSY_PRACTITIONER if one.practitioner < 0 else FIRST + one.practitioner
    begins, ends = (str(one.starts_at), str(one.starts_at + one.length)) if one.is_scheduled else (r"\N", r"\N")
    return "\t".join((
        str(one.id), str(one.user_id), str(practitioner), str(one.service_id), str(one.session_id or r"\N"), one.kind,
        one.status, payment, begins, ends, str(price), str(_created(one, now)),
        folded(f"{_title(one)} {one.service_name}"),
    ))  # fmt: skip


def closures(size: MarketSize, today: date) -> Iterator[str]:
    for n in range(0, size.practitioners, 3):
        first, last, during = days_off(n, today)
        yield f"{FIRST + n}\t{FIRST + n}\t{first}\t{last}\t{during}\tholiday\t{today}"


def claims(size: MarketSize, today: date) -> Iterator[str]:
    """Of bookings with their buffers, of workshops on days that are not off, and of days off."""
    for one in islice(booked(size, today), size.sessions):
        if one.claims:
            during = f'["{one.starts_at - BEFORE}","{one.starts_at + one.length + AFTER}")'
            yield f"{_resource(one)}\t{one.id}\t\\N\t\\N\t{during}"
    for n in range(weeks(size) * size.practitioners):
        starts_at, day = workshop(n, size, today)
        if not is_off(n % size.practitioners, day, today):
            during = f'["{starts_at - BEFORE}","{starts_at + SESSION_LENGTH + AFTER}")'
            yield f"{FIRST + n % size.practitioners}\t\\N\t{FIRST + n}\t\\N\t{during}"
    for n in range(0, size.practitioners, 3):
        yield f"{FIRST + n}\t\\N\t\\N\t{FIRST + n}\t{days_off(n, today)[2]}"
