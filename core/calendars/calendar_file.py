"""A VCALENDAR of entries: one booking's file, a mail's part, or what a subscription reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from enum import StrEnum

from icalendar import Calendar, vDuration, vText
from msgspec import Struct

from core.calendars.event_component import CalendarEntry, event_component, plain
from core.calendars.zone_component import is_utc, zone_component
from core.domain.resources.time_zones import zone
from core.release import VERSION

MEDIA_TYPE = "text/calendar"
PRODID = f"-//Holdfast//Holdfast {VERSION}//EN"
PART_ENTRIES = 25
"""In one part of a file: writing them takes some milliseconds."""
END = b"END:VCALENDAR\r\n"


class Method(StrEnum):
    """What a receiver is to do with the entries (iTIP, RFC 5546). A file that is only read has none."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"


class Subscription(Struct, frozen=True):
    """What a calendar that is read again and again says about itself."""

    name: str
    refreshed: timedelta
    """How often a client should ask (RFC 7986, 5.7; `X-PUBLISHED-TTL` for Outlook)."""
    description: str = ""


def calendar_file(
    entries: Sequence[CalendarEntry], *, method: Method | None = None, subscription: Subscription | None = None
) -> bytes:
    return b"".join(calendar_parts(entries, method=method, subscription=subscription))


def calendar_parts(
    entries: Sequence[CalendarEntry], *, method: Method | None = None, subscription: Subscription | None = None
) -> Iterator[bytes]:
    """The same in parts, for a server that has other things to do between them."""
    yield _beginning(entries, method, subscription).to_ical().removesuffix(END)
    for begins in range(0, len(entries), PART_ENTRIES):
        yield b"".join(event_component(entry).to_ical() for entry in entries[begins : begins + PART_ENTRIES])
    yield END


def _beginning(entries: Sequence[CalendarEntry], method: Method | None, subscription: Subscription | None) -> Calendar:
    found = Calendar()
    found.add("PRODID", PRODID)
    found.add("VERSION", "2.0")
    found.add("CALSCALE", "GREGORIAN")
    if method is not None:
        found.add("METHOD", method.value)
    if subscription is not None:
        _describe(found, subscription)
    for name, (first, last) in sorted(_years_by_zone(entries).items()):
        found.add_component(zone_component(name, first, last))
    return found


def _describe(found: Calendar, subscription: Subscription) -> None:
    """`NAME` is RFC 7986's. The library takes it and what begins with `X-` for no text unless it is told so."""
    for name in ("NAME", "X-WR-CALNAME"):
        found.add(name, vText(plain(subscription.name)))
    if subscription.description:
        for name in ("DESCRIPTION", "X-WR-CALDESC"):
            found.add(name, vText(plain(subscription.description)))
    found.add("REFRESH-INTERVAL", subscription.refreshed, parameters={"VALUE": "DURATION"})
    found.add("X-PUBLISHED-TTL", vDuration(subscription.refreshed))


def _years_by_zone(entries: Sequence[CalendarEntry]) -> dict[str, tuple[int, int]]:
    """The first and last year of the entries in each zone that is written with its name."""
    found: dict[str, tuple[int, int]] = {}
    for entry in entries:
        if not is_utc(entry.zone):
            name = zone(entry.zone).key
            first, last = found.get(name, (entry.starts_at.year, entry.ends_at.year))
            found[name] = min(first, entry.starts_at.year), max(last, entry.ends_at.year)
    return found
