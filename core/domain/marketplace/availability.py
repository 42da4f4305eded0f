"""Which sessions a practitioner could give: the one rule that slot lists and decisions share."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from operator import attrgetter

from core.domain.calendars import day_bounds, local
from core.domain.events import Refusal
from core.domain.marketplace.schedules import is_open, starts
from core.domain.marketplace.values import MarketService, Practitioner
from core.domain.values import Claim

Interval = tuple[datetime, datetime]

_ends_at = attrgetter("ends_at")


def why_not(
    practitioner: Practitioner, starts_at: datetime, ends_at: datetime, now: datetime, *, allow_past: bool
) -> Refusal | None:
    """Why the practitioner's rules forbid a session, whatever is booked; None if they do not."""
    if refusal := _out_of_time(practitioner, starts_at, now, allow_past=allow_past):
        return refusal
    if not is_open(practitioner.schedule, starts_at, ends_at, practitioner.zone):
        return Refusal.OUTSIDE_WORKING_HOURS
    return None


def _out_of_time(practitioner: Practitioner, starts_at: datetime, now: datetime, *, allow_past: bool) -> Refusal | None:
    if starts_at <= now:
        return None if allow_past else Refusal.IN_THE_PAST
    if starts_at < now + timedelta(minutes=practitioner.notice_minutes):
        return Refusal.TOO_SOON
    if starts_at > now + timedelta(days=practitioner.horizon_days):
        return Refusal.TOO_FAR_AHEAD
    return None


class Busy:
    """What is taken of one resource. Claims of a resource never overlap, so one look finds whether a time is free."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        self._claims = sorted(claims, key=_ends_at)

    def is_free(self, starts_at: datetime, ends_at: datetime) -> bool:
        first = bisect_right(self._claims, starts_at, key=_ends_at)
        return first == len(self._claims) or self._claims[first].starts_at >= ends_at


def slots(
    practitioner: Practitioner, service: MarketService, within: Interval, busy: Busy, now: datetime, *, allow_past: bool
) -> Iterator[Interval]:
    """Grid sessions that begin inside an interval and could be booked at this moment, in order."""
    first, last = (local(moment, practitioner.zone).date() for moment in within)
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        grid = starts(practitioner.schedule, day, service.minutes, service.step_minutes, practitioner.zone)
        for starts_at, ends_at in grid:
            if not within[0] <= starts_at < within[1]:
                continue
            if _out_of_time(practitioner, starts_at, now, allow_past=allow_past):
                continue
            if busy.is_free(*practitioner.claimed(starts_at, ends_at)):
                yield starts_at, ends_at


def days_as_seen(first: date, days: int, viewer_zone: str) -> Interval:
    """The interval of some days of the viewer's calendar."""
    starts_at, _ = day_bounds(first, viewer_zone)
    _, ends_at = day_bounds(first + timedelta(days=days - 1), viewer_zone)
    return starts_at, ends_at
