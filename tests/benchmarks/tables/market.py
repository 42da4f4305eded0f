"""A marketplace of a made-up size: who gives what and when, who booked it, and what became of it.

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

from msgspec import Struct

from core.domain.resources.local_time import instant


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
PRACTITIONERS_A_SERVICE = 50
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
    service = practitioner // PRACTITIONERS_A_SERVICE
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


def workshop(n: int, size: MarketSize, today: date) -> tuple[datetime, date]:
    """(start, local day) of a session, by its number."""
    week, practitioner = divmod(n, size.practitioners)
    saturday = today + timedelta(days=5 - today.weekday() + 7 * (6 - week))
    return _instant(saturday, time(10), _zone(practitioner)), saturday


def _seated(place: int, session: int, size: MarketSize) -> int:
    """Who has a seat: nobody has two of one session."""
    if place == 0 and session % (50 // (SEATS - 3)) == 0:
        return BUSY_CLIENT
    return FIRST_CLIENT + (session * (SEATS - 3) + place) * 7919 % size.clients


def _seat(number: int, size: MarketSize, n: int, today: date) -> Booked:
    place, session = divmod(n, weeks(size) * size.practitioners)
    starts_at, day = workshop(session, size, today)
    return Booked(
        id=FIRST + number,
        user_id=_seated(place, session, size),
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


def days_off(practitioner: int, today: date) -> tuple[date, date, str]:
    first = today + timedelta(days=3 + practitioner % 20)
    begins = _instant(first, time.min, _zone(practitioner))
    ends = _instant(first + timedelta(days=3), time.min, _zone(practitioner))
    return first, first + timedelta(days=2), f'["{begins}","{ends}")'
