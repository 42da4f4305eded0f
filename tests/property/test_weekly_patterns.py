"""A weekly pattern is true to the local clock, also on the days when it changes."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.commands import OfferWeekly
from core.domain.events import SkippedSlot, WhySkipped
from core.domain.resources.local_time import Hours, instant, local, within_hours
from core.domain.timeslots.weekly_pattern import MAX_SLOTS, Occurrence, count, occurrences
from tests.support.clock_changes import ZONE_YEARS, transition_days

DURATIONS = (5, 20, 30, 45, 60, 90, 120, 150, 480, 1440)


@st.composite
def patterns(draw: st.DrawFn, zone: str) -> OfferWeekly:
    """Around a change of the clocks; opening at odd minutes, closing as late as the end of the day."""
    first = draw(st.sampled_from(transition_days(zone))) - timedelta(days=draw(st.integers(0, 2)))
    opens = draw(st.integers(0, 1440 - 5))
    return OfferWeekly(
        category_id=1,
        first_day=first,
        last_day=first + timedelta(days=draw(st.integers(0, 8))),
        weekdays=tuple(sorted(draw(st.frozensets(st.integers(0, 6), min_size=1)))),
        opens_minute=opens,
        closes_minute=draw(st.integers(opens + 5, 1440)),
        duration_minutes=draw(st.sampled_from(DURATIONS)),
    )


def has_one_offset(day: date, zone: str) -> bool:
    """Whether no clock changes from the start of a day to the end of it."""
    starts, noon = (instant(day, at, zone) for at in (time(), time(12)))
    ends = instant(day + timedelta(days=1), time(), zone)
    return (
        None not in {starts, noon, ends}
        and len({local(at, zone).utcoffset() for at in (starts, noon, ends) if at}) == 1
    )


@pytest.mark.parametrize("zone", ZONE_YEARS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_start_of_the_wall_clock_is_made_or_named_and_none_overlaps(zone: str, data: st.DataObject) -> None:
    pattern = data.draw(patterns(zone))
    found = list(occurrences(pattern, zone))
    long = timedelta(minutes=pattern.duration_minutes)
    hours = Hours(pattern.opens_minute, pattern.closes_minute, frozenset())
    last = pattern.closes_minute - pattern.duration_minutes
    days = [pattern.first_day + timedelta(days=n) for n in range((pattern.last_day - pattern.first_day).days + 1)]

    assert len(found) == count(pattern)
    assert [(one.day, one.at) for one in found] == [
        (day, time(minute // 60, minute % 60))
        for day in days
        if day.weekday() in pattern.weekdays
        for minute in range(pattern.opens_minute, last + 1, pattern.duration_minutes)
    ]
    made = [one for one in found if isinstance(one, Occurrence)]
    assert all(one.ends_at <= following.starts_at for one, following in pairwise(made))
    for slot in made:
        assert slot.starts_at == instant(slot.day, slot.at, zone)
        assert slot.ends_at - slot.starts_at == long
        assert within_hours(slot.starts_at, slot.ends_at, hours, zone)

    ended: datetime | None = None
    for one in found:
        if isinstance(one, SkippedSlot):
            assert one.why is WhySkipped.CLOCK_CHANGE
            starts_at = instant(one.day, one.at, zone)
            collides = starts_at is not None and ended is not None and starts_at < ended
            assert starts_at is None or collides or not within_hours(starts_at, starts_at + long, hours, zone)
            assert not has_one_offset(one.day, zone)
        else:
            ended = one.ends_at


def test_a_pattern_is_bounded_where_its_size_is_asked() -> None:
    """A thousand slots, as the API counts them before anything is expanded."""
    pattern = OfferWeekly(1, date(2025, 1, 1), date(2025, 12, 31), tuple(range(7)), 0, 1440, 1)
    assert count(pattern) == 365 * 1440 > MAX_SLOTS
