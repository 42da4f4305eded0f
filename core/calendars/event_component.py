"""A booking as an entry of a calendar, and that entry as a VEVENT (RFC 5545, 3.6.1). The library escapes and folds."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from icalendar import Event, vCalAddress, vText
from msgspec import Struct

from core.calendars.zone_component import is_utc
from core.domain.bookings.status import RELEASED, Status
from core.domain.resources.time_zones import zone
from core.domain.values import Booking


class EntryStatus(StrEnum):
    """RFC 5545, 3.8.1.11."""

    TENTATIVE = "TENTATIVE"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


UNCERTAIN = frozenset({Status.DRAFT, Status.HELD})
"""Bookings that end by themselves unless they are paid for."""


class Person(Struct, frozen=True):
    name: str
    address: str
    """Of mail."""


class CalendarEntry(Struct, frozen=True, kw_only=True):
    """What calendars are told about a booking."""

    uid: UUID
    """The booking's `public_uuid`: the same in every file, so calendars know an entry again."""
    sequence: int
    """Rises with each change. Calendars ignore what is older than what they have."""
    status: EntryStatus
    starts_at: datetime
    ends_at: datetime
    zone: str
    """Of what is booked."""
    created_at: datetime
    changed_at: datetime
    summary: str
    location: str = ""
    description: str = ""
    organizer: Person | None = None
    attendees: tuple[Person, ...] = ()


def entry_of(
    booking: Booking,
    *,
    zone: str,
    summary: str,
    location: str = "",
    description: str = "",
    organizer: Person | None = None,
    attendees: tuple[Person, ...] = (),
    is_deleted: bool = False,
) -> CalendarEntry:
    """`zone` is that of its resource. A deleted booking is a cancelled entry, whatever its status."""
    return CalendarEntry(
        uid=booking.public_uuid,
        sequence=booking.version,
        status=EntryStatus.CANCELLED if is_deleted else status_of(booking.status),
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        zone=zone,
        created_at=booking.created_at,
        changed_at=booking.updated_at,
        summary=summary,
        location=location,
        description=description,
        organizer=organizer,
        attendees=attendees,
    )


def status_of(status: Status) -> EntryStatus:
    if status in RELEASED:
        return EntryStatus.CANCELLED
    return EntryStatus.TENTATIVE if status in UNCERTAIN else EntryStatus.CONFIRMED


def event_component(entry: CalendarEntry) -> Event:
    """DTSTAMP is the moment of the last change (RFC 5545, 3.8.7.2), so the same booking gives the same bytes."""
    event = Event()
    event.add("UID", str(entry.uid))
    event.add("DTSTAMP", entry.changed_at.astimezone(UTC))
    event.add("CREATED", entry.created_at.astimezone(UTC))
    event.add("LAST-MODIFIED", entry.changed_at.astimezone(UTC))
    event.add("SEQUENCE", entry.sequence)
    event.add("STATUS", entry.status.value)
    event.add("TRANSP", "TRANSPARENT" if entry.status is EntryStatus.CANCELLED else "OPAQUE")
    event.add("DTSTART", shown_at(entry.starts_at, entry.zone))
    event.add("DTEND", shown_at(entry.ends_at, entry.zone))
    event.add("SUMMARY", plain(entry.summary))
    if entry.location:
        event.add("LOCATION", plain(entry.location))
    if entry.description:
        event.add("DESCRIPTION", plain(entry.description))
    if entry.organizer is not None:
        event.add("ORGANIZER", _address(entry.organizer))
    for person in entry.attendees:
        event.add("ATTENDEE", _address(person, ROLE="REQ-PARTICIPANT", PARTSTAT="ACCEPTED", RSVP="FALSE"))
    return event


def shown_at(instant: datetime, zone_name: str) -> datetime:
    """An instant as the file writes it: in the zone, but in UTC where that zone's clocks show the same time twice.

    A file cannot say which of the two is meant, and clients disagree about it.
    """
    if is_utc(zone_name):
        return instant.astimezone(UTC)
    local = instant.astimezone(zone(zone_name))
    is_shown_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return instant.astimezone(UTC) if is_shown_twice else local


def plain(text: str) -> str:
    """Without control characters, which RFC 5545 forbids (3.1, `CONTROL`), but for tabs and ends of lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter for letter in lines if letter in "\n\t" or unicodedata.category(letter) != "Cc")


def _address(person: Person, **parameters: str) -> vCalAddress:
    """A parameter cannot carry quotes or ends of lines."""
    found = vCalAddress(f"mailto:{person.address}")
    name = " ".join(plain(person.name).replace('"', "'").split())
    if name:
        found.params["CN"] = vText(name)
    for parameter, value in parameters.items():
        found.params[parameter] = vText(value)
    return found
