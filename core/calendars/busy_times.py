"""Busy times from somebody else's calendar file (RFC 5545): each time that it takes, recurrences expanded over a window.

`recurring-ical-events` expands RRULE, RDATE, EXDATE and RECURRENCE-ID. What a file says of time that is not busy
(`TRANSP:TRANSPARENT`, `STATUS:CANCELLED`, an entry without length) is left out. Files that people name are
read in a process apart (`core.busy_calendars.reading`): a rule can be made to take hours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import recurring_ical_events
from icalendar import Calendar, Component
from msgspec import Struct

from core.domain.resources.busy_times import merged
from core.domain.resources.local_time import Span, day_bounds
from core.domain.resources.time_zones import zone

EVENTS_MAX = 10_000
"""In one file."""
TIMES_MAX = 5_000
"""Of one calendar, once those that touch are one."""
A_DAY = timedelta(days=1)
FREE_OF_MICROSOFT = frozenset({"FREE", "WORKINGELSEWHERE"})


class BadCalendarError(Exception):
    """A file cannot be used; its words say why and quote nothing of it."""


class BusyTimes(Struct, frozen=True):
    """What a calendar takes within a window."""

    times: list[Span]
    """In their order; those that touch are one."""
    by_uid: dict[UUID, list[Span]]
    """Those whose UID has the form of ours: they may be bookings that come back."""
    unread: int
    """Entries that could not be read."""


def read_busy_times(file: bytes, zone_name: str, window: Span) -> BusyTimes:
    """`zone_name` is the resource's: what has no zone of its own (whole days, floating times) is meant in it.

    Raises `BadCalendarError`.
    """
    calendars = _parsed(file)
    events, unread = _events(calendars, window)
    found: defaultdict[UUID | None, list[Span]] = defaultdict(list)
    for event in events:
        span = _span(event, zone_name)
        if span is not None and _is_busy(event):
            found[_our_form(str(event.get("UID", "")))].append(span)
    found[None] += _free_busy(calendars, zone_name)
    others = merged(_within(found.pop(None), window))
    if len(others) > TIMES_MAX:
        raise BadCalendarError(f"it has more than {TIMES_MAX:,} busy times")
    own = {uid: _within(spans, window) for uid, spans in found.items() if uid is not None}
    return BusyTimes(others, {uid: spans for uid, spans in own.items() if spans}, unread)


def _parsed(file: bytes) -> Sequence[Component]:
    text = file.decode("utf-8-sig", "replace")
    if not text.lstrip()[:15].upper().startswith("BEGIN:VCALENDAR"):
        raise BadCalendarError("it is no calendar file (iCalendar)")
    if not text.rstrip()[-13:].upper().endswith("END:VCALENDAR"):
        raise BadCalendarError("it ends too early: its last line is not END:VCALENDAR")
    if text.upper().count("BEGIN:VEVENT") > EVENTS_MAX:
        raise BadCalendarError(f"it has more than {EVENTS_MAX:,} entries")
    try:
        return Calendar.from_ical(text, multiple=True)
    except Exception:  # noqa: BLE001 - the library raises whatever it trips over
        raise BadCalendarError("it cannot be read: it is not well-formed") from None


class _Query(recurring_ical_events.CalendarQuery):  # type: ignore[misc]  # it ships no types
    """A series of entries that cannot be read costs the others nothing."""

    suppressed_errors: ClassVar[list[type[Exception]]] = [Exception]


def _events(calendars: Iterable[Component], window: Span) -> tuple[list[Component], int]:
    """Every occurrence around the window, and how many series could not be read."""
    found: list[Component] = []
    unread = 0
    for calendar in calendars:
        try:
            query = recurring_ical_events.of(calendar, skip_bad_series=True, calendar_query=_Query)
        except Exception:  # noqa: BLE001 - as above
            raise BadCalendarError("it cannot be read: its calendar is not well-formed") from None
        unread += len({str(one.get("UID", id(one))) for one in calendar.walk("VEVENT")}) - len(query.series)
        for series in query.series:
            try:
                occurrences = series.between(window[0] - A_DAY, window[1] + A_DAY)
                found += [one.as_component(False) for one in occurrences]
            except Exception:  # noqa: BLE001 - as above
                unread += 1
    if unread and not found:
        raise BadCalendarError("none of its entries can be read")
    return found, unread


def _is_busy(event: Component) -> bool:
    if str(event.get("TRANSP", "")).upper() == "TRANSPARENT" or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return False
    return str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper() not in FREE_OF_MICROSOFT


def _span(event: Component, zone_name: str) -> Span | None:
    """None for an entry that takes no time."""
    first: Any = event["DTSTART"]
    last: Any = event["DTEND"]
    starts_at, ends_at = _instant(first.dt, zone_name), _instant(last.dt, zone_name)
    return (starts_at, ends_at) if starts_at < ends_at else None


def _instant(at: date | datetime, zone_name: str) -> datetime:
    """To the second. A day is its beginning."""
    if not isinstance(at, datetime):
        return day_bounds(at, zone_name)[0]
    aware = at if at.tzinfo is not None else at.replace(tzinfo=zone(zone_name))
    return aware.astimezone(UTC).replace(microsecond=0)


def _free_busy(calendars: Iterable[Component], zone_name: str) -> Iterator[Span]:
    """Of files that publish their busy times alone (RFC 5545, 3.6.4)."""
    for component in (one for calendar in calendars for one in calendar.walk("VFREEBUSY")):
        values: Any = component.get("FREEBUSY", [])
        for value in values if isinstance(values, list) else [values]:
            if str(value.params.get("FBTYPE", "BUSY")).upper() != "FREE":
                starts_at = _instant(value.start, zone_name)
                ends_at = _instant(value.end, zone_name)
                if starts_at < ends_at:
                    yield starts_at, ends_at


def _within(spans: Iterable[Span], window: Span) -> list[Span]:
    """Those that touch the window. What is under way keeps its start, what goes on behind the window ends with it."""
    return [
        (starts_at, min(ends_at, window[1])) for starts_at, ends_at in spans if _touches(starts_at, ends_at, window)
    ]


def _touches(starts_at: datetime, ends_at: datetime, window: Span) -> bool:
    return ends_at > window[0] and starts_at < window[1]


def _our_form(uid: str) -> UUID | None:
    try:
        return UUID(uid)
    except ValueError:
        return None
