"""When a practitioner can be booked: windows of the week less the breaks, in local time.

A session lies whole inside one open stretch of its local start day; what a change of the clocks does to a stretch
is the same for every contract (`core.domain.resources.local_time.within_hours`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

from msgspec import Struct

from core.domain.resources.local_time import MINUTES_PER_DAY, Hours, Span, instant, local, within_hours

WINDOWS_MAX = 100
"""Windows, and breaks, of one practitioner's week."""
_NEVER_OFF: frozenset[int] = frozenset()


class Window(Struct, frozen=True, array_like=True, order=True):
    """A stretch of one weekday. Minutes count from local midnight; 1440 is the end of the day."""

    weekday: int
    """0 is Monday."""
    opens_minute: int
    closes_minute: int


class Schedule(Struct, frozen=True):
    """Hashable, so that days which many practitioners have in common are computed once."""

    hours: tuple[Window, ...]
    breaks: tuple[Window, ...] = ()

    def stretches(self, weekday: int) -> tuple[Hours, ...]:
        """Open without a pause, in order. Windows that meet are one."""
        return _stretches(self, weekday)


def is_sound(windows: Iterable[Window]) -> bool:
    """Whether every window is a stretch of a day, and none overlaps another."""
    ordered = sorted(windows)
    one_by_one = all(
        0 <= w.weekday <= 6 and 0 <= w.opens_minute < w.closes_minute <= MINUTES_PER_DAY  # noqa: PLR2004 - Sunday
        for w in ordered
    )
    return one_by_one and not any(
        a.weekday == b.weekday and b.opens_minute < a.closes_minute for a, b in pairwise(ordered)
    )


@lru_cache(maxsize=4096)
def _stretches(schedule: Schedule, weekday: int) -> tuple[Hours, ...]:
    open_now: list[tuple[int, int]] = []
    for window in (w for w in sorted(schedule.hours) if w.weekday == weekday):
        if open_now and open_now[-1][1] == window.opens_minute:
            open_now[-1] = (open_now[-1][0], window.closes_minute)
        else:
            open_now.append((window.opens_minute, window.closes_minute))
    for pause in (w for w in schedule.breaks if w.weekday == weekday):
        open_now = [piece for stretch in open_now for piece in _less(stretch, pause)]
    return tuple(Hours(opens, closes, _NEVER_OFF) for opens, closes in open_now)


def _less(stretch: tuple[int, int], pause: Window) -> Iterator[tuple[int, int]]:
    opens, closes = stretch
    if pause.closes_minute <= opens or closes <= pause.opens_minute:
        yield stretch
        return
    if opens < pause.opens_minute:
        yield opens, pause.opens_minute
    if pause.closes_minute < closes:
        yield pause.closes_minute, closes


def is_open(schedule: Schedule, starts_at: datetime, ends_at: datetime, zone_name: str) -> bool:
    weekday = local(starts_at, zone_name).weekday()
    return any(within_hours(starts_at, ends_at, hours, zone_name) for hours in schedule.stretches(weekday))


@lru_cache(maxsize=16_384)
def starts(schedule: Schedule, day: date, minutes: int, step_minutes: int, zone_name: str) -> tuple[Span, ...]:
    """A local day's grid, in order: (start, end) of each session whole inside an open stretch.

    Starts step from the opening of each stretch. Cached, as the same few weeks are asked for again and again, and
    computing local times is slow.
    """
    found = []
    for hours in schedule.stretches(day.weekday()):
        for minute in range(hours.opens_minute, hours.closes_minute, step_minutes):
            starts_at = instant(day, time(minute // 60, minute % 60), zone_name)
            if starts_at is None:
                continue
            ends_at = starts_at + timedelta(minutes=minutes)
            if within_hours(starts_at, ends_at, hours, zone_name):
                found.append((starts_at, ends_at))
    return tuple(found)
