"""A zone's rules for some years, as a VTIMEZONE (RFC 5545, 3.6.5).

The library's own `Timezone.from_tzid` dates a change to summer time by the clocks after it, an hour late: the RFC
asks for the clocks before it. So the changes are looked up here, and the library writes them.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard
from msgspec import Struct

from core.domain.resources.time_zones import zone

STEP = timedelta(days=1)
"""No zone changes its clocks twice in a day."""
SECOND = timedelta(seconds=1)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ZONES_KEPT = 256
YEARS_AROUND = 1
"""Before the first entry and after the last: a client that moves one still finds the rules."""


class Offset(Struct, frozen=True):
    """What a zone's clocks show at an instant."""

    utc: timedelta
    name: str
    is_daylight: bool


class ClockChange(Struct, frozen=True):
    at: datetime
    """In UTC."""
    before: Offset
    after: Offset

    @property
    def shown_before(self) -> datetime:
        """The time that the clocks would have shown without the change: how RFC 5545 dates it (3.6.5)."""
        return (self.at + self.before.utc).replace(tzinfo=None)


def is_utc(name: str) -> bool:
    """Whether it needs no VTIMEZONE, because times in it are written with a `Z`."""
    return zone(name).key in {"UTC", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"}


@lru_cache(maxsize=ZONES_KEPT)
def zone_component(name: str, first_year: int, last_year: int) -> Timezone:
    """The rules from the year before `first_year` to the year after `last_year`."""
    begins = datetime(first_year - YEARS_AROUND, 1, 1, tzinfo=UTC)
    ends = datetime(last_year + YEARS_AROUND + 1, 1, 1, tzinfo=UTC)
    first = offset_at(begins, zone(name))
    found = Timezone()
    found.add("TZID", zone(name).key)
    for changes in _alike([ClockChange(begins, first, first), *clock_changes(name, begins, ends)]):
        for observance in _observances(changes):
            found.add_component(observance)
    return found


def clock_changes(name: str, begins: datetime, ends: datetime) -> Iterator[ClockChange]:
    """The changes of a zone's clocks after the first instant and up to the second, in their order."""
    tz = zone(name)
    at, before = begins, offset_at(begins, tz)
    while at < ends:
        until = min(at + STEP, ends)
        after = offset_at(until, tz)
        if after != before:
            yield ClockChange(_first_with(after, at, until, tz), before, after)
        at, before = until, after


def offset_at(at: datetime, tz: tzinfo) -> Offset:
    local = at.astimezone(tz)
    return Offset(local.utcoffset() or timedelta(), local.tzname() or "", bool(local.dst()))


def _first_with(wanted: Offset, before: datetime, after: datetime, tz: tzinfo) -> datetime:
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        before, after = (before, middle) if offset_at(middle, tz) == wanted else (middle, after)
    return after


def _alike(changes: list[ClockChange]) -> list[list[ClockChange]]:
    """Those from the same clocks to the same clocks together: one observance each."""
    found: dict[tuple[Offset, Offset], list[ClockChange]] = {}
    for change in changes:
        found.setdefault((change.before, change.after), []).append(change)
    return list(found.values())


def _observances(changes: list[ClockChange]) -> list[TimezoneStandard | TimezoneDaylight]:
    """One with a yearly rule where the dates follow one, else one for each: some readers drop lists of dates."""
    rule = yearly_rule([change.shown_before for change in changes])
    if rule is None:
        return [_observance(change) for change in changes]
    found = _observance(changes[0])
    found.add("RRULE", rule)
    return [found]


def yearly_rule(starts: list[datetime]) -> dict[str, object] | None:
    """As RFC 5545's RRULE: the same weekday of a month, counted from its start or its end, year after year."""
    first = starts[0]
    same = {(start.month, start.weekday(), start.time()) for start in starts}
    years = [start.year for start in starts]
    if len(same) > 1 or len(starts) == 1 or years != list(range(years[0], years[-1] + 1)):
        return None
    for count in (_from_start, _from_end):
        places = {count(start) for start in starts}
        if len(places) == 1:
            return {"FREQ": "YEARLY", "BYMONTH": first.month, "BYDAY": f"{places.pop()}{WEEKDAYS[first.weekday()]}"}
    return None


def _from_start(at: datetime) -> int:
    return (at.day - 1) // 7 + 1


def _from_end(at: datetime) -> int:
    return -((monthrange(at.year, at.month)[1] - at.day) // 7 + 1)


def _observance(change: ClockChange) -> TimezoneStandard | TimezoneDaylight:
    found = TimezoneDaylight() if change.after.is_daylight else TimezoneStandard()
    found.DTSTART = change.shown_before
    found.TZOFFSETFROM = change.before.utc
    found.TZOFFSETTO = change.after.utc
    found.add("TZNAME", change.after.name)
    return found
