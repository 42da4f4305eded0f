"""A marketplace that has been in use for long: 1,000,000 bookings of 500 practitioners, by COPY.

The next weeks are as busy as a practice is: six of a day's seven places are taken, with buffers
around them, breaks between them, days off, workshops on Saturdays and holds that ran out. Half of
the practitioners live in Berlin, half in New York. Skewed as real ones are: the demo's user has
every fiftieth booking, the demo's practitioner every package; few bookings were missed or failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import count, islice
from typing import LiteralString
from uuid import UUID

from msgspec import Struct

from core.domain.calendars import instant
from core.store.database import Connection
from tests.benchmarks.copying import copy, filling
from tests.benchmarks.stack import Say


class MarketSize(Struct, frozen=True):
    bookings: int = 1_000_000
    clients: int = 100_000
    practitioners: int = 500

    @property
    def sessions(self) -> int:
        """Individual ones: seven tenths."""
        return self.bookings * 7 // 10

    @property
    def seats(self) -> int:
        """Of workshops: a quarter."""
        return self.bookings // 4

    @property
    def purchases(self) -> int:
        """Packages, bundles and courses."""
        return self.bookings - self.sessions - self.seats


BUSY_CLIENT, BUSY_PRACTITIONER = 1, 1
"""The demo's: every fiftieth booking is this user's, every purchase this practitioner's."""
FIRST = 300_001
"""Id of the first practitioner, of their resource and user, of the first service, session and booking."""
FIRST_CLIENT = 400_001
GIVERS = 50
"""Practitioners of each service."""
ZONES = ("Europe/Berlin", "America/New_York")
PLACES = tuple(time(hour) for hour in (9, 10, 11, 13, 14, 15, 16))
"""When a day's sessions begin, in the practitioner's zone."""
TAKEN_A_DAY = 6
MINUTES = 45
BEFORE, AFTER = timedelta(minutes=5), timedelta(minutes=10)
LENGTH = timedelta(minutes=MINUTES)
DAYS_AHEAD = 60
SEATS = 20
SESSION_LENGTH = timedelta(hours=2)
RARE_WORD = "kintsugi"
WORDS = ("knee", "back", "sleep", "stress", "voice", "posture", "breathing", "focus", "shoulder", "balance")
PRICES = (0, 4500, 6000, 9000, 12_000)

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
SELECT {FIRST} + n, 'giver' || n, 'giver' || n, true FROM generate_series(0, %(practitioners)s - 1) AS n;
INSERT INTO resource (id, kind, name, zone)
SELECT {FIRST} + n, 'practitioner', 'Giver ' || n, (ARRAY['{ZONES[0]}', '{ZONES[1]}'])[1 + n %% 2]
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
FROM generate_series(0, (%(practitioners)s - 1) / {GIVERS}) AS n;
INSERT INTO service (id, name, name_key, is_named, resource_id, kind) VALUES
    ({FIRST} + 900, 'Workshop', 'workshop', false, 1, 'workshop'),
    ({FIRST} + 901, 'Course', 'course', false, 1, 'course'),
    ({FIRST} + 902, 'Package', 'package', false, 1, 'package');
INSERT INTO service_practitioner (service_id, practitioner_id)
SELECT {FIRST} + n / {GIVERS}, {FIRST} + n FROM generate_series(0, %(practitioners)s - 1) AS n;
"""
WORKSHOP, COURSE, PACKAGE = FIRST + 900, FIRST + 901, FIRST + 902


class Booked(Struct, frozen=True):
    """One booking, before it is written into its tables."""

    id: int
    user_id: int
    practitioner: int
    """From 0; -1 is the demo's."""
    service_id: int
    service_name: str
    kind: str
    starts_at: datetime
    local_date: date
    local_time: time
    length: timedelta
    status: str
    session_id: int | None = None
    is_scheduled: bool = True

    @property
    def claims(self) -> bool:
        return self.kind == "individual" and self.status in {"held", "confirmed"}


def fill_market(database_url: str, say: Say, size: MarketSize) -> None:
    """Fill a migrated database with the demo data in it."""
    now = datetime.now(UTC)
    with filling(database_url, say, TABLES) as connection:
        _catalogue(connection, size)
        for name, statement, rows in (
            (f"{size.clients:,} clients", COPY_CLIENTS, clients(size)),
            ("workshops", COPY_SESSIONS, sessions(size, now.date())),
            (f"{size.bookings:,} bookings", COPY_BOOKINGS, (_booking(one, now) for one in booked(size, now.date()))),
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


def booked(size: MarketSize, today: date) -> Iterator[Booked]:
    """Every booking, the individual sessions first."""
    numbers = count()
    for n in range(size.sessions):
        day, slot, practitioner = _place(n, size, today)
        number = next(numbers)
        yield _session(number, size, practitioner, day, slot, today)
    for n in range(size.seats):
        yield _seat(next(numbers), size, n, today)
    for n in range(size.purchases):
        yield _purchase(next(numbers), size, n, today)


@lru_cache(maxsize=4)
def workdays(number: int, today: date) -> tuple[date, ...]:
    """The last so many, up to two months ahead."""
    ends = today + timedelta(days=DAYS_AHEAD)
    days = (ends - timedelta(days=n) for n in count())
    return tuple(islice((day for day in days if day.weekday() < 5), number))


def _place(n: int, size: MarketSize, today: date) -> tuple[date, time, int]:
    """(day, local start, practitioner) of an individual session: of each day another place stays free."""
    which, practitioner = divmod(n, size.practitioners)
    ordinal, taken = divmod(which, TAKEN_A_DAY)
    day = workdays(size.sessions // size.practitioners // TAKEN_A_DAY + 1, today)[ordinal]
    free = (ordinal * 3 + practitioner) % len(PLACES)
    return day, PLACES[taken + (taken >= free)], practitioner


@lru_cache(maxsize=100_000)
def _instant(day: date, at: time, zone: str) -> datetime:
    found = instant(day, at, zone)
    assert found is not None
    return found


def _zone(practitioner: int) -> str:
    return ZONES[practitioner % 2]


def _user(number: int, size: MarketSize) -> int:
    return BUSY_CLIENT if number % 50 == 0 else FIRST_CLIENT + number * 7919 % size.clients


def _session(number: int, size: MarketSize, practitioner: int, day: date, at: time, today: date) -> Booked:
    service = practitioner // GIVERS
    return Booked(
        id=FIRST + number,
        user_id=_user(number, size),
        practitioner=practitioner,
        service_id=FIRST + service,
        service_name=f"Session {service}",
        kind="individual",
        starts_at=_instant(day, at, _zone(practitioner)),
        local_date=day,
        local_time=at,
        length=LENGTH,
        status="cancelled" if is_off(practitioner, day, today) else _status(number, day, today),
    )


def _status(number: int, day: date, today: date) -> str:
    if number % 29 == 0:
        return "cancelled"
    if day > today:
        return "held" if number % 31 == 0 else "confirmed"
    return "no_show" if number % 5003 == 0 else "completed"


def is_off(practitioner: int, day: date, today: date) -> bool:
    """Every third practitioner takes three days off in the coming month."""
    return practitioner % 3 == 0 and 0 <= (day - today).days - 3 - practitioner % 20 < 3


def weeks(size: MarketSize) -> int:
    return max(1, size.seats // (size.practitioners * (SEATS - 3)))


def sessions(size: MarketSize, today: date) -> Iterator[str]:
    """A workshop of each practitioner each Saturday, the latest first; three seats of it are free."""
    for n in range(weeks(size) * size.practitioners):
        starts_at = _workshop(n, size, today)[0]
        ends_at = starts_at + SESSION_LENGTH
        yield f"{FIRST + n}\t{WORKSHOP}\t{FIRST + n % size.practitioners}\t{starts_at}\t{ends_at}\t{SEATS}\t{SEATS - 3}"


def _workshop(n: int, size: MarketSize, today: date) -> tuple[datetime, date]:
    """(start, local day) of a session, by its number."""
    week, practitioner = divmod(n, size.practitioners)
    saturday = today + timedelta(days=5 - today.weekday() + 7 * (6 - week))
    return _instant(saturday, time(10), _zone(practitioner)), saturday


def _seat(number: int, size: MarketSize, n: int, today: date) -> Booked:
    session = n % (weeks(size) * size.practitioners)
    starts_at, day = _workshop(session, size, today)
    return Booked(
        id=FIRST + number,
        user_id=_user(number, size),
        practitioner=session % size.practitioners,
        service_id=WORKSHOP,
        service_name="Workshop",
        kind="workshop",
        starts_at=starts_at,
        local_date=day,
        local_time=time(10),
        length=SESSION_LENGTH,
        status=_status(number, day, today),
        session_id=FIRST + session,
    )


def _purchase(number: int, size: MarketSize, n: int, today: date) -> Booked:
    day = today - timedelta(days=n % 500)
    return Booked(
        id=FIRST + number,
        user_id=_user(number, size),
        practitioner=-1,
        service_id=COURSE if n % 9 == 0 else PACKAGE,
        service_name="Course" if n % 9 == 0 else "Package",
        kind="course" if n % 9 == 0 else "package",
        starts_at=datetime.combine(day, time(12), UTC),
        local_date=day,
        local_time=time(12),
        length=timedelta(minutes=1),
        status="draft" if number % 1009 == 0 else "cancelled" if number % 29 == 0 else "confirmed",
        is_scheduled=n % 9 == 0,
    )


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
    giver = 3 if one.practitioner < 0 else FIRST + one.practitioner
    details = (
        f'{{"type": "market", "kind": "{one.kind}", "practitioner_id": {practitioner}, "practitioner_user_id": {giver}, '
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
        f"{_title(one)}  {one.service_name.lower()}",
    ))  # fmt: skip


def closures(size: MarketSize, today: date) -> Iterator[str]:
    for n in range(0, size.practitioners, 3):
        first, last, during = _off(n, today)
        yield f"{FIRST + n}\t{FIRST + n}\t{first}\t{last}\t{during}\tholiday\t{today}"


def _off(practitioner: int, today: date) -> tuple[date, date, str]:
    first = today + timedelta(days=3 + practitioner % 20)
    begins = _instant(first, time.min, _zone(practitioner))
    ends = _instant(first + timedelta(days=3), time.min, _zone(practitioner))
    return first, first + timedelta(days=2), f'["{begins}","{ends}")'


def claims(size: MarketSize, today: date) -> Iterator[str]:
    """Of bookings with their buffers, of workshops on days that are not off, and of days off."""
    for one in islice(booked(size, today), size.sessions):
        if one.claims:
            during = f'["{one.starts_at - BEFORE}","{one.starts_at + one.length + AFTER}")'
            yield f"{_resource(one)}\t{one.id}\t\\N\t\\N\t{during}"
    for n in range(weeks(size) * size.practitioners):
        starts_at, day = _workshop(n, size, today)
        if not is_off(n % size.practitioners, day, today):
            during = f'["{starts_at - BEFORE}","{starts_at + SESSION_LENGTH + AFTER}")'
            yield f"{FIRST + n % size.practitioners}\t\\N\t{FIRST + n}\t\\N\t{during}"
    for n in range(0, size.practitioners, 3):
        yield f"{FIRST + n}\t\\N\t\\N\t{FIRST + n}\t{_off(n, today)[2]}"
