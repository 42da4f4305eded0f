"""Keeping local days and times when the rules of a zone change: the same wall time, at another instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo

from core.domain.resources.local_time import WHOLE_DAY, Span, day_bounds, instant, local
from core.domain.resources.time_zones import zone


def instant_at_wall_time(day: date, at: time, zone_name: str, present: datetime) -> datetime | None:
    """The instant of a local time by the present rules; None where the clocks skip it.

    It is `present` if that shows the time, as `present` may be the second of two equal times.
    """
    return present if wall(present, zone_name) == (day, at) else instant(day, at, zone_name)


def kept(at: datetime, before: tzinfo, zone_name: str) -> datetime | None:
    """The instant at which the wall time that `at` had by the rules `before` is now; None where the clocks skip it."""
    wall = at.astimezone(before)
    found = wall.replace(tzinfo=zone(zone_name)).astimezone(UTC)
    shown = local(found, zone_name)
    return found if shown.replace(tzinfo=None) == wall.replace(tzinfo=None) else None


def span_of_days(
    first_day: date, starts: time | None, last_day: date, ends: time | None, zone_name: str, present: Span
) -> tuple[datetime | None, datetime | None]:
    """A closure's ends; without times they are those of its days."""
    begins = (
        instant_at_wall_time(first_day, starts, zone_name, present[0])
        if starts
        else day_bounds(first_day, zone_name)[0]
    )
    over = instant_at_wall_time(last_day, ends, zone_name, present[1]) if ends else day_bounds(last_day, zone_name)[1]
    return begins, over


def wall(at: datetime, zone_name: str) -> tuple[date, time]:
    """The local day and time of an instant, to the second."""
    shown = local(at, zone_name)
    return shown.date(), _to_the_second(shown.time())


def days_of_span(span: Span, zone_name: str) -> tuple[date, time | None, date, time | None]:
    """A closure's first day and time, last day and time, as `span_of_days` takes them."""
    first_day, starts = wall(span[0], zone_name)
    last_day, ends = wall(span[1], zone_name)
    from_midnight = span[0] == day_bounds(first_day, zone_name)[0]
    if span[1] == day_bounds(last_day, zone_name)[0]:
        return first_day, None if from_midnight else starts, last_day - WHOLE_DAY, None
    return first_day, None if from_midnight else starts, last_day, ends


def _to_the_second(at: time) -> time:
    return at.replace(microsecond=0, fold=0)
