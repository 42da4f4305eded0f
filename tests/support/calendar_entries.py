"""Entries of calendars: complete by default, around changes of the clocks, and with texts that try to break out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from core.calendars.event_component import CalendarEntry, EntryStatus
from core.calendars.zone_component import clock_changes
from tests.support.clock_changes import ZONE_YEARS
from tests.support.values import NOW

HOUR = timedelta(hours=1)
ZONES = {
    **ZONE_YEARS,
    "America/Santiago": range(2026, 2030),  # southern, at midnight
    "Pacific/Chatham": range(2026, 2028),  # a quarter of an hour beside everybody else
    "Europe/Dublin": range(2026, 2028),  # where winter is the exception
    "America/Havana": range(2026, 2028),  # midnight twice
    "Asia/Kathmandu": range(2026, 2027),
}
MINUTES = timedelta(minutes=1)
AROUND = range(-150, 151, 30)
"""Starts in minutes around each change: before it, in the repeated hour or behind the gap, and after it."""
HOSTILE = {
    "ends of lines": "a\r\nSTATUS:CANCELLED\nb\rc",
    "an entry of its own": "x\nEND:VEVENT\nBEGIN:VEVENT\nUID:other",
    "separators": "a,b;c:d\\e\\n\\,f\\;g\\\\",
    "quotes": "\"a\"; 'b' ^n ^'",
    "long and of four octets": "😀" * 200,
    "joined by zero width": "👩‍👩‍👧‍👦" * 40,
    "right to left": "שלום مرحبا \u202eabc\u202c \u2066x\u2069 " * 9,
    "combining": "e\u0301" * 99,
    "separators of lines in Unicode": "a\u2028b\u2029c\u0085d",
    "control characters": "a\x00b\x07c\x1bd\x7fe\x0bf\x0cg",
    "blanks at the fold": "x" * 66 + " " * 20 + "y",
    "nothing but a blank": " ",
}
READ = {
    "ends of lines": "a\nSTATUS:CANCELLED\nb\nc",
    "separators of lines in Unicode": "a\u2028b\u2029cd",
    "control characters": "abcdefg",
}
"""As it is read again, where that differs."""


VIEWED = (
    ("Europe/Berlin", "America/New_York"),
    ("Australia/Lord_Howe", "Europe/Dublin"),
    ("America/Santiago", "Africa/Casablanca"),
)
"""The zone of what is booked, and that of somebody who subscribes to it and has something of their own."""


def entry(number: int = 1, starts_at: datetime = NOW, **changes: Any) -> CalendarEntry:
    given: dict[str, Any] = {
        "uid": UUID(int=number),
        "sequence": 1,
        "status": EntryStatus.CONFIRMED,
        "starts_at": starts_at,
        "ends_at": starts_at + HOUR,
        "zone": "Europe/Berlin",
        "created_at": NOW,
        "changed_at": NOW,
        "summary": "Booked",
    }
    return CalendarEntry(**{**given, **changes})


def entries_around_changes(zone_name: str) -> Iterator[CalendarEntry]:
    years = ZONES[zone_name][-2:]
    begins, ends = datetime(years[0], 1, 1, tzinfo=UTC), datetime(years[-1] + 1, 1, 1, tzinfo=UTC)
    instants = [change.at for change in clock_changes(zone_name, begins, ends)] or [begins]
    starts = (at + offset * MINUTES for at in instants for offset in AROUND)
    return (entry(number, at, zone=zone_name) for number, at in enumerate(starts))


def entries_of_a_subscription(booked_in: str, viewed_from: str) -> Iterator[CalendarEntry]:
    """Entries in both zones, each around the changes of its own clocks and of the other's."""
    around = [*entries_around_changes(booked_in), *entries_around_changes(viewed_from)]
    starts = sorted({one.starts_at for one in around})
    places = [(at, zone_name) for zone_name in (booked_in, viewed_from) for at in starts]
    return (entry(number, at, zone=zone_name) for number, (at, zone_name) in enumerate(places))
