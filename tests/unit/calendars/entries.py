"""Entries of calendars, complete by default."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.calendars.event_component import CalendarEntry, EntryStatus
from tests.support.values import NOW

HOUR = timedelta(hours=1)


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
