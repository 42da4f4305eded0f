"""Local time, hours and the grid, by example; tests/property walks every transition."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from core.domain.resources.free_slots import free_slots
from core.domain.resources.local_time import Hours, day_bounds, grid, instant, within_hours
from core.domain.values import Claim, Resource
from tests.support.values import MONDAY, NINE_TO_FIVE, NOW, SUNDAY, rules

BERLIN = "Europe/Berlin"
FORWARD = date(2026, 3, 29)
BACK = date(2026, 10, 25)
ALL_DAY = Hours(0, 1440, frozenset())


def test_a_local_time_is_the_instant_its_zone_says() -> None:
    assert instant(MONDAY, time(14), BERLIN) == datetime(2025, 10, 20, 12, tzinfo=UTC)


def test_a_local_time_that_the_clocks_skip_does_not_exist() -> None:
    assert instant(FORWARD, time(2, 30), BERLIN) is None
    assert instant(FORWARD, time(3), BERLIN) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_local_time_that_happens_twice_means_the_first() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert instant(BACK, time(2, 30, fold=1), BERLIN) == first, "a clock that was read the second time says the same"
    assert instant(BACK, time(2, 30), BERLIN) == first


@pytest.mark.parametrize(("day", "hours"), [(MONDAY, 24), (FORWARD, 23), (BACK, 25)])
def test_a_local_day_is_as_long_as_its_clocks_make_it(day: date, hours: int) -> None:
    starts, ends = day_bounds(day, BERLIN)
    assert ends - starts == timedelta(hours=hours)


def test_a_day_without_midnight_starts_when_its_clocks_do() -> None:
    """Cairo's clocks go from Thursday 24:00 to Friday 01:00."""
    starts, ends = day_bounds(date(2025, 4, 25), "Africa/Cairo")
    assert (starts, ends - starts) == (datetime(2025, 4, 24, 22, tzinfo=UTC), timedelta(hours=23))


def test_the_last_hour_before_a_skipped_midnight_is_inside_a_day_that_closes_at_24() -> None:
    starts_at = datetime(2025, 4, 24, 21, tzinfo=UTC)
    assert within_hours(starts_at, starts_at + timedelta(hours=1), ALL_DAY, "Africa/Cairo")


def test_an_interval_that_runs_into_the_next_day_is_outside_hours() -> None:
    starts_at = datetime(2025, 10, 20, 23, 30, tzinfo=UTC)
    assert not within_hours(starts_at, starts_at + timedelta(hours=1), ALL_DAY, "UTC")


def test_the_grid_steps_by_the_duration_from_opening_and_ends_whole() -> None:
    starts = [at.isoformat("minutes") for at, _, _ in grid(MONDAY, 90, NINE_TO_FIVE, "UTC")]
    assert starts == ["09:00", "10:30", "12:00", "13:30", "15:00"]


def test_an_off_day_has_no_grid() -> None:
    assert list(grid(SUNDAY, 60, NINE_TO_FIVE, "UTC")) == []


def test_what_is_taken_or_past_is_not_on_offer() -> None:
    resource = Resource(1, "desk", "desk", "UTC")
    now = datetime(2025, 10, 20, 11, tzinfo=UTC)
    taken = Claim(1, datetime(2025, 10, 20, 13, 30, tzinfo=UTC), datetime(2025, 10, 20, 14, 30, tzinfo=UTC), 5)
    offered = free_slots(rules(), resource, 60, MONDAY, [taken], now)
    assert [slot.at.hour for slot in offered] == [12, 15, 16]


def test_an_untouched_day_offers_its_whole_grid() -> None:
    resource = Resource(1, "desk", "desk", "UTC")
    assert len(free_slots(rules(), resource, 60, MONDAY, [], NOW)) == 8
