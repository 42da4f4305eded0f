"""Calendar files for ical.js to read: around every change of some zones' clocks, and with texts that try to break out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from core.calendars.calendar_file import calendar_file
from core.calendars.event_component import CalendarEntry
from tests.support.calendar_entries import (
    HOSTILE,
    READ,
    VIEWED,
    ZONES,
    entries_around_changes,
    entries_of_a_subscription,
    entry,
)


def cases() -> str:
    """As JSON: each file with what is to be read in it."""
    zones = [_case(name, list(entries_around_changes(name))) for name in ZONES]
    viewed = [_case(" from ".join(pair), list(entries_of_a_subscription(*pair))) for pair in VIEWED]
    texts = [_case(kind, [entry(summary=text)], summary=READ.get(kind, text)) for kind, text in HOSTILE.items()]
    return json.dumps([*zones, *viewed, *texts])


def _case(name: str, entries: Sequence[CalendarEntry], **changes: str) -> dict[str, Any]:
    return {
        "name": name,
        "file": calendar_file(entries).decode(),
        "meant": [{**_meant(one), **changes} for one in entries],
    }


def _meant(one: CalendarEntry) -> dict[str, Any]:
    return {
        "uid": str(one.uid),
        "starts": _written(one.starts_at),
        "ends": _written(one.ends_at),
        "summary": one.summary,
        "status": one.status.value,
        "sequence": one.sequence,
    }


def _written(at: datetime) -> str:
    """As JavaScript does."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
