"""When a practitioner can give a session: the rule that slot lists and decisions share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from core.domain.marketplace.schedules import is_open, starts
from core.domain.marketplace.values import MarketService, Practitioner
from core.domain.refusals import Refusal
from core.domain.resources.local_time import Span, day_bounds, local


def rule_against(
    practitioner: Practitioner, starts_at: datetime, ends_at: datetime, now: datetime, *, allow_past: bool
) -> Refusal | None:
    """Why the practitioner's rules forbid a session, whatever is booked; None if they allow it."""
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


def slots(
    practitioner: Practitioner,
    service: MarketService,
    within: Span,
    taken: Iterable[Span],
    now: datetime,
    *,
    allow_past: bool,
) -> Iterator[Span]:
    """Grid sessions that begin inside an interval and could be booked at this moment, in order.

    `taken` is what the practitioner's claims cover; they never overlap. Buffers are added to what is taken, once,
    instead of to every session; then one walk along both finds what is free.
    """
    before, after = practitioner.buffers
    busy = sorted((starts_at - after, ends_at + before) for starts_at, ends_at in taken)
    soonest = now + timedelta(minutes=practitioner.notice_minutes)
    latest = now + timedelta(days=practitioner.horizon_days)
    n = 0
    for starts_at, ends_at in _grid(practitioner, service, within):
        if starts_at <= now:
            if not allow_past:
                continue
        elif starts_at < soonest:
            continue
        elif starts_at > latest:
            return
        while n < len(busy) and busy[n][1] <= starts_at:
            n += 1
        if n == len(busy) or ends_at <= busy[n][0]:
            yield starts_at, ends_at


def _grid(practitioner: Practitioner, service: MarketService, within: Span) -> Iterator[Span]:
    first, last = (local(moment, practitioner.zone).date() for moment in within)
    schedule, zone_name = practitioner.schedule, practitioner.zone
    minutes, step_minutes = service.minutes, service.step_minutes
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = starts(schedule, date.fromordinal(ordinal), minutes, step_minutes, zone_name)
        if day and within[0] <= day[0][0] and day[-1][0] < within[1]:
            yield from day
        else:
            yield from (one for one in day if within[0] <= one[0] < within[1])


def days_as_seen(first: date, days: int, viewer_zone: str) -> Span:
    """The interval of some days of the viewer's calendar."""
    starts_at, _ = day_bounds(first, viewer_zone)
    _, ends_at = day_bounds(first + timedelta(days=days - 1), viewer_zone)
    return starts_at, ends_at
