"""Local time, working hours and the slot grid of a resource.

Instants are aware datetimes in UTC; local dates and times belong to a resource's IANA zone.
A local time that a DST change skips does not exist (`None`); one that happens twice means the
first, unless the caller names an offset.

Python adds to and compares datetimes of one zone as its clocks show them, and those of two zones
as instants: both are meant below.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from msgspec import Struct

from core.domain.resources.time_zones import zone

MINUTES_PER_DAY = 24 * 60
INSTANTS_KEPT = 4096
"""The same hours of the same days are asked for often: a batch asks for each twice, to load it and to decide it."""
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
WHOLE_DAY = timedelta(days=1)


Span = tuple[datetime, datetime]
"""A start, and an end that is not part of it."""
SpanUs = tuple[int, int]
"""The same in microseconds since 1970, where hundreds are reckoned with: a datetime takes ten times as long."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MINUTE_US = MINUTE // MICROSECOND


def since_1970_us(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def at_us(us: int) -> datetime:
    """The opposite of `since_1970_us`."""
    return EPOCH + us * MICROSECOND


class Hours(Struct, frozen=True):
    """When a resource can be booked: minutes from local midnight, and the weekdays that are off."""

    opens_minute: int
    closes_minute: int
    """1440 means the end of the day."""
    off_days: frozenset[int]
    """Python weekdays: 0 is Monday, 6 is Sunday (the documents' `OFF_DAYS`)."""

    def is_off(self, day: date) -> bool:
        return day.weekday() in self.off_days


def instant(day: date, at: time, zone_name: str) -> datetime | None:
    """The UTC instant of a local time, the first of two; None where the local time does not exist."""
    return _instant(day, at.replace(fold=0) if at.fold else at, zone_name)


@lru_cache(maxsize=INSTANTS_KEPT)
def _instant(day: date, at: time, zone_name: str) -> datetime | None:
    tz = zone(zone_name)
    local = datetime.combine(day, at, tz)
    utc = local.astimezone(UTC)
    return utc if utc.astimezone(tz) == local else None


def local(at: datetime, zone_name: str) -> datetime:
    return at.astimezone(zone(zone_name))


def day_bounds(day: date, zone_name: str) -> Span:
    """First instant of a local day and of the next; 23 to 25 hours apart, whatever midnight does."""
    return _day_begins(day, zone_name), _day_begins(day + WHOLE_DAY, zone_name)


@lru_cache(maxsize=INSTANTS_KEPT)
def _day_begins(day: date, zone_name: str) -> datetime:
    """The first of two midnights; where the clocks skip midnight, the moment that they do."""
    tz = zone(zone_name)
    midnight = datetime.combine(day, time.min, tz)
    found, other = midnight.astimezone(UTC), midnight.replace(fold=1).astimezone(UTC)
    if other >= found:
        return found
    before, after = other, found  # in a gap the two readings lie on either side of the change
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        before, after = (middle, after) if middle.astimezone(tz).date() < day else (before, middle)
    return after


def within_hours(starts_at: datetime, ends_at: datetime, hours: Hours, zone_name: str) -> bool:
    """Whether the whole interval lies inside the working hours of its local start day.

    Its first moment shows opening time or later and its last one less than closing time, also
    where the clocks skip closing time; where closing time happens twice, the first one closes.
    """
    tz = zone(zone_name)
    first, last = starts_at.astimezone(tz), (ends_at - timedelta.resolution).astimezone(tz)
    midnight = datetime.combine(first.date(), time.min, tz)
    opens, closes = midnight + hours.opens_minute * MINUTE, midnight + hours.closes_minute * MINUTE
    shown_again = last.fold == 1  # the clocks went back: the first closing time may be over before it
    return opens <= first and last < closes and (not shown_again or ends_at <= closes)


def grid(day: date, duration_minutes: int, hours: Hours, zone_name: str) -> Iterator[tuple[time, datetime, datetime]]:
    """The day's grid: (local start, start, end) of each interval whole inside working hours.

    Starts step by the duration from opening time. Off days have an empty grid. Whether an interval
    fits is a question of instants: a day that gets an hour more has room for one that starts late.
    """
    if hours.is_off(day):
        return
    begins, ends = day_bounds(day, zone_name)
    starts = range(hours.opens_minute, hours.closes_minute, duration_minutes)
    length = timedelta(minutes=duration_minutes)
    if _is_plain(begins, ends, zone_name):
        for minute in starts:
            if minute + duration_minutes <= hours.closes_minute:
                starts_at = begins + timedelta(minutes=minute)
                yield time(minute // 60, minute % 60), starts_at, starts_at + length
        return
    for minute in starts:
        at = time(minute // 60, minute % 60)
        found = instant(day, at, zone_name)
        if found is not None and within_hours(found, found + length, hours, zone_name):
            yield at, found, found + length


def _is_plain(begins: datetime, ends: datetime, zone_name: str) -> bool:
    """Whether the clocks do not change on a day: its minutes are minutes since midnight."""
    return ends - begins == WHOLE_DAY and _offset(begins, zone_name) == _offset(ends, zone_name)


@lru_cache(maxsize=INSTANTS_KEPT)
def day_us(day: date, zone_name: str) -> tuple[int, int, bool]:
    """A day's bounds, and whether the clocks stay as they are."""
    begins, ends = day_bounds(day, zone_name)
    return since_1970_us(begins), since_1970_us(ends), _is_plain(begins, ends, zone_name)


def _offset(at: datetime, zone_name: str) -> timedelta | None:
    return local(at, zone_name).utcoffset()
