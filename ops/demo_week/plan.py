"""What stands in the demo's week: pure, by the day on which it begins.

The times that the contracts' documents and README.md book stay free on every day (`tests/unit/demo/test_week.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

DAYS = 7
DAYS_BEFORE = 2
SUNDAY, FRIDAY = 6, 4
DESK_TIMES = ("09:00", "11:00", "13:00", "15:00", "16:00")
"""An hour each: 10:00, 12:00 and 14:00 are what the documents book."""
DESK_SERVICES = ("Legal Consultation", "Document Review")
STUDIO, QUIET_ROOM = "Studio B", "Quiet Room C"
INTRODUCTION = "Introductory Call"
INTRODUCTION_MINUTES = 30
SMITH, JONES = "Dr. Smith", "Dr. Jones"


@dataclass(frozen=True, slots=True)
class Person:
    first_name: str
    last_name: str
    phone: str


PEOPLE = (
    Person("Amelia", "Hart", "+12025550141"),
    Person("Omar", "Haddad", "+12025550142"),
    Person("ليلى", "منصور", "+12025550143"),
    Person("Jürgen", "Großmann", "+12025550144"),
    Person("Yuki", "Tanaka", "+12025550145"),
    Person("Chloé", "Lefèvre", "+12025550146"),
    Person("Diego", "Núñez", "+12025550147"),
    Person("Priya", "Raman", "+12025550148"),
    Person("Sam", "O'Connor", "+12025550149"),
    Person("Ngozi", "Adeyemi", "+12025550150"),
)


@dataclass(frozen=True, slots=True)
class DeskBooking:
    day: date
    at: str
    person: Person
    service: str
    status: str = "upcoming"
    notes: str = ""


@dataclass(frozen=True, slots=True)
class RoomBooking:
    room: str
    day: date
    starts: str
    ends: str
    person: Person
    guests: int


@dataclass(frozen=True, slots=True)
class Introduction:
    """Half an hour with a practitioner, free of charge."""

    practitioner: str
    day: date
    at: str
    person: Person


def days_of(today: date) -> list[date]:
    return [today + timedelta(days=number - DAYS_BEFORE) for number in range(DAYS)]


def closed_day(today: date) -> date:
    """The quiet room's last day of the week. Its closure is made last, and shows that the week is there."""
    return days_of(today)[-1]


def is_over(closures: list[date], today: date) -> bool:
    """Whether no week is there that reaches today, by the days on which the quiet room is closed."""
    return all(day < today for day in closures)


def desk_bookings(today: date) -> Iterator[DeskBooking]:
    """Those of days before are over, or were cancelled; of each later day a time or two is free."""
    for number, day in enumerate(day for day in days_of(today) if day.weekday() != SUNDAY):
        for place, at in enumerate(DESK_TIMES[: 3 + (number + 1) % 3]):
            person = PEOPLE[(number * 3 + place) % len(PEOPLE)]
            service = DESK_SERVICES[(number + place) % len(DESK_SERVICES)]
            status = "upcoming" if day >= today else ("cancelled" if place == 1 else "completed")
            notes = "Brings a friend" if place == 1 else ""
            yield DeskBooking(day, at, person, service, status, notes)


def room_bookings(today: date) -> Iterator[RoomBooking]:
    """Of the two rooms that cost nothing. The conference room's mornings are what the documents book."""
    for number, day in enumerate(days_of(today)[:-1]):
        one, other = PEOPLE[number % len(PEOPLE)], PEOPLE[(number + 4) % len(PEOPLE)]
        yield RoomBooking(STUDIO, day, "09:30:00", "11:00:00", one, 4)
        yield RoomBooking(STUDIO, day, "14:00:00", "15:30:00", other, 6)
        if number % 2:
            yield RoomBooking(QUIET_ROOM, day, "10:00:00", "12:00:00", other, 1)


def introductions(today: date) -> Iterator[Introduction]:
    """Dr. Smith's hour from ten and afternoons are what the documents book."""
    for number, day in enumerate(day for day in days_of(today) if day.weekday() <= FRIDAY):
        yield Introduction(SMITH, day, "11:00", PEOPLE[number % len(PEOPLE)])
        yield Introduction(SMITH, day, "11:30", PEOPLE[(number + 5) % len(PEOPLE)])
        yield Introduction(JONES, day, "10:00", PEOPLE[(number + 2) % len(PEOPLE)])
        yield Introduction(JONES, day, "15:30", PEOPLE[(number + 7) % len(PEOPLE)])
