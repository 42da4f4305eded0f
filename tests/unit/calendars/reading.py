"""Calendar files as two libraries read them that know nothing of each other."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count

import icalendar
import vobject

Span = tuple[datetime, datetime]
_NAMES = count()


def by_icalendar(file: bytes) -> dict[str, Span]:
    """In UTC, by UID. It knows zones by their names."""
    events = icalendar.Calendar.from_ical(file).walk("VEVENT")
    return {str(event["UID"]): (_utc(event.decoded("DTSTART")), _utc(event.decoded("DTEND"))) for event in events}


def by_the_files_own_rules(file: bytes) -> dict[str, Span]:
    """icalendar's once more, with zones renamed: it has nothing but the file's VTIMEZONE to know them by."""
    return by_icalendar(_renamed(file))


def by_vobject(file: bytes) -> dict[str, Span]:
    """It reads each VTIMEZONE with dateutil, and keeps the first of a name for all files: so none has one twice."""
    found = vobject.readOne(_renamed(file).decode())
    return {event.uid.value: (_utc(event.dtstart.value), _utc(event.dtend.value)) for event in found.vevent_list}


READERS = (by_icalendar, by_the_files_own_rules, by_vobject)


def _renamed(file: bytes) -> bytes:
    name = f"Renamed {next(_NAMES)} ".encode()
    return file.replace(b"TZID:", b"TZID:" + name).replace(b"TZID=", b"TZID=" + name)


def _utc(found: date | datetime) -> datetime:
    assert isinstance(found, datetime)
    assert found.tzinfo is not None
    return found.astimezone(UTC)
