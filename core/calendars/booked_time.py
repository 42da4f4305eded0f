"""What a calendar shows of a booking: with the words of its reader, or only that a time is booked."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from core.calendars.event_component import CalendarEntry, EntryStatus, status_of
from core.domain.bookings.status import Status

BOOKED = "Booked"
"""All that is said where no names were asked for."""


class BookedTime(Struct, frozen=True):
    """A booking, or a session with its seats."""

    public_uuid: UUID
    version: int
    status: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    updated_at: datetime
    zone: str
    what: str
    """The service, room or category by its name."""
    title: str
    """What its client calls it, if anything."""
    place: str
    person: str
    """Who booked it; empty for a session."""
    notes: str
    meeting_url: str

    @property
    def entry_status(self) -> EntryStatus:
        return status_of(Status(self.status))


def unnamed_entry(booked: BookedTime) -> CalendarEntry:
    """That the time is booked, and nothing else: no status either but that it no longer is."""
    status = booked.entry_status
    return _entry(booked, BOOKED, status=status if status is EntryStatus.CANCELLED else EntryStatus.CONFIRMED)


def own_entry(booked: BookedTime) -> CalendarEntry:
    """For the person who booked it."""
    return _entry(booked, booked.title or booked.what, place=booked.place, lines=(booked.notes, booked.meeting_url))


def named_entry(booked: BookedTime) -> CalendarEntry:
    """For who gives or keeps what is booked."""
    summary = ": ".join(filter(None, (booked.title or booked.what, booked.person)))
    return _entry(booked, summary, place=booked.place, lines=(booked.notes, booked.meeting_url))


def _entry(
    booked: BookedTime, summary: str, *, status: EntryStatus | None = None, place: str = "", lines: tuple[str, ...] = ()
) -> CalendarEntry:
    return CalendarEntry(
        uid=booked.public_uuid,
        sequence=booked.version,
        status=status or booked.entry_status,
        starts_at=booked.starts_at,
        ends_at=booked.ends_at,
        zone=booked.zone,
        created_at=booked.created_at,
        changed_at=booked.updated_at,
        summary=summary,
        location=place,
        description="\n".join(filter(None, lines)),
    )
