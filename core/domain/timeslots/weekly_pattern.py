"""Time slots by a weekly pattern, true to the local clock on the days when it changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from msgspec import Struct

from core.domain.commands import OfferWeekly
from core.domain.events import SkippedSlot, WhySkipped
from core.domain.resources.local_time import Hours, instant, within_hours

MAX_DAYS = 366
MAX_SLOTS = 1_000
"""Of one pattern."""


class Occurrence(Struct, frozen=True):
    """One interval of a pattern; `day` and `at` are local."""

    day: date
    at: time
    starts_at: datetime
    ends_at: datetime

    def skipped(self, why: WhySkipped) -> SkippedSlot:
        return SkippedSlot(self.day, self.at, why)


def days(first: date, last: date, weekdays: tuple[int, ...]) -> Iterator[date]:
    for n in range((last - first).days + 1):
        if (day := first + timedelta(days=n)).weekday() in weekdays:
            yield day


def count(pattern: OfferWeekly) -> int:
    """How many slots a pattern has where no clock changes."""
    return len(_starts(pattern)) * sum(1 for _ in days(pattern.first_day, pattern.last_day, pattern.weekdays))


def occurrences(pattern: OfferWeekly, zone_name: str) -> Iterator[Occurrence | SkippedSlot]:
    """Each interval of a pattern, in order; none overlaps another.

    A slot lasts its duration in real time. Where the clocks skip its start, where it would run
    past closing time or into the slot before it, that day does without it.
    """
    hours = Hours(pattern.opens_minute, pattern.closes_minute, frozenset())
    long = timedelta(minutes=pattern.duration_minutes)
    ended: datetime | None = None
    for day in days(pattern.first_day, pattern.last_day, pattern.weekdays):
        for at in _starts(pattern):
            starts_at = instant(day, at, zone_name)
            fits = starts_at is not None and (ended is None or ended <= starts_at)
            if starts_at is None or not fits or not within_hours(starts_at, starts_at + long, hours, zone_name):
                yield SkippedSlot(day, at, WhySkipped.CLOCK_CHANGE)
                continue
            ended = starts_at + long
            yield Occurrence(day, at, starts_at, ended)


def _starts(pattern: OfferWeekly) -> list[time]:
    last = pattern.closes_minute - pattern.duration_minutes
    return [time(m // 60, m % 60) for m in range(pattern.opens_minute, last + 1, pattern.duration_minutes)]
