"""What can be subscribed to, by whom, and how much of it a file shows. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from msgspec import Struct

LINKS_PER_USER_MAX = 50
"""That hold."""
PAST_DAYS = 7
FUTURE_DAYS = 400
ENTRIES_MAX = 1_000
"""In one file, from the earliest on."""
A_DAY = timedelta(days=1)
REFRESHED = timedelta(minutes=30)
"""How often a client is asked to look again."""


class LinkKind(StrEnum):
    """Whose bookings it shows."""

    USER = "user"
    PRACTITIONER = "practitioner"
    ROOM = "room"
    DESK = "desk"
    CATEGORY = "category"


class LinkRole(StrEnum):
    """What its maker was. The link ends when they are it no more."""

    USER = "user"
    PRACTITIONER = "practitioner"
    STAFF = "staff"


class HeldLink(Struct, frozen=True):
    """A link that holds, as a read needs it."""

    id: int
    kind: LinkKind
    role: LinkRole
    subject_id: int | None
    names: bool
    label: str


class Window(Struct, frozen=True):
    """The times that a file shows: what ends after the one and begins before the other."""

    begins: datetime
    ends: datetime
    first_day: date
    """In any zone: the earliest on which something in it began."""
    last_day_over: date
    """In any zone: the latest that can be over by now."""


def window_around(now: datetime) -> Window:
    """The same for a whole day, so that a file in which nothing was booked stays the same file."""
    today = datetime.combine(now.astimezone(UTC).date(), time.min, UTC)
    begins, ends = today - timedelta(days=PAST_DAYS), today + timedelta(days=FUTURE_DAYS)
    return Window(begins, ends, begins.date() - 2 * A_DAY, today.date() + 2 * A_DAY)
