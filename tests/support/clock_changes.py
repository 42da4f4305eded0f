"""Every change of every zone's clocks in some years; zones with the same rules are walked once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from core.domain.resources.time_zones import ZONES

YEARS = range(2024, 2038)
LOOK = timedelta(days=2)
"""No zone changes its clocks twice within so long, but Morocco's, which are a month apart."""
SECOND = timedelta(seconds=1)


@cache
def different_zones() -> dict[str, list[str]]:
    """One zone of each set of rules, with all that have the same."""
    package = files("tzdata").joinpath("zoneinfo")
    by_rules: dict[bytes, list[str]] = {}
    for name in sorted(ZONES):
        by_rules.setdefault(package.joinpath(name).read_bytes(), []).append(name)
    return {names[0]: names for names in by_rules.values()}


@cache
def clock_changes(zone: str) -> tuple[datetime, ...]:
    """The first instants of new offsets."""
    return tuple(_transitions(ZoneInfo(zone)))


def _transitions(tz: ZoneInfo) -> Iterator[datetime]:
    before, end = datetime(YEARS[0], 1, 1, tzinfo=UTC), datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC)
    was = tz.utcoffset(before.astimezone(tz))
    while before < end:
        after = before + LOOK
        now = tz.utcoffset(after.astimezone(tz))
        if now != was:
            yield _between(tz, before, after)
        before, was = after, now


def _between(tz: ZoneInfo, before: datetime, after: datetime) -> datetime:
    was = tz.utcoffset(before.astimezone(tz))
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        before, after = (middle, after) if tz.utcoffset(middle.astimezone(tz)) == was else (before, middle)
    return after


ZONE_YEARS = {
    # zone: years in which it changed its clocks, some at midnight, some by half an hour, some no longer
    "Europe/Berlin": range(2024, 2028),
    "America/New_York": range(2024, 2028),
    "Australia/Lord_Howe": range(2024, 2028),
    "Africa/Cairo": range(2023, 2028),
    "America/Sao_Paulo": range(2015, 2020),
    "Asia/Tehran": range(2019, 2023),
    "Africa/Casablanca": range(2024, 2028),
    "Pacific/Apia": range(2010, 2013),  # it left out a whole day, 30 December 2011
    "America/St_Johns": range(2004, 2008),  # at one minute past midnight
    "UTC": range(2025, 2026),
}


@lru_cache
def transition_days(zone: str) -> tuple[date, ...]:
    """The days around every change of a zone's clocks in its years."""
    tz, found = ZoneInfo(zone), set()
    for year in ZONE_YEARS[zone]:
        day = datetime(year, 1, 1, tzinfo=UTC)
        while day.year == year:
            after = day + timedelta(days=1)
            if day.astimezone(tz).utcoffset() != after.astimezone(tz).utcoffset():
                middle = day.astimezone(tz).date()
                found |= {middle + timedelta(days=n) for n in (-1, 0, 1, 2)}
            day = after
    return tuple(sorted(found)) or (date(2025, 10, 20),)
