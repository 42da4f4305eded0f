"""When a practitioner can be booked: schedules, breaks, buffers, notice, horizon."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.domain.marketplace.availability import days_as_seen, rule_against, slots
from core.domain.marketplace.schedules import Schedule, Window, is_sound
from core.domain.refusals import Refusal
from core.domain.values import Claim
from tests.support.clients.marketplace import market_service, practitioner

NOW = datetime(2024, 3, 1, tzinfo=UTC)
MONDAY = date(2024, 3, 4)


def hours_offered(day: date = MONDAY, claims: tuple[Claim, ...] = (), now: datetime = NOW, **changes: Any) -> list[int]:
    """UTC hours that begin a slot of a day, as somebody in UTC sees it."""
    found = slots(
        practitioner(**changes),
        market_service(),
        days_as_seen(day, 1, "UTC"),
        [(one.starts_at, one.ends_at) for one in claims],
        now,
        allow_past=False,
    )
    return [starts_at.hour for starts_at, _ in found]


def taken(hour: int, minutes: int = 60) -> Claim:
    starts_at = datetime(2024, 3, 4, hour, tzinfo=UTC)
    return Claim(101, starts_at, starts_at + timedelta(minutes=minutes), 7)


def test_a_day_is_offered_by_its_windows_in_steps_of_the_duration() -> None:
    assert hours_offered() == [9, 10, 11, 12, 13, 14, 15, 16]


def test_a_day_without_windows_offers_nothing() -> None:
    assert hours_offered(date(2024, 3, 3)) == []


def test_the_grid_begins_anew_after_a_break() -> None:
    schedule = Schedule((Window(0, 9 * 60, 17 * 60),), (Window(0, 12 * 60, 14 * 60),))
    assert hours_offered(schedule=schedule) == [9, 10, 11, 14, 15, 16]


def test_what_is_taken_is_not_offered() -> None:
    assert hours_offered(claims=(taken(10), taken(14, 30))) == [9, 11, 12, 13, 15, 16]


def test_buffers_need_the_time_around_a_session() -> None:
    assert hours_offered(claims=(taken(12),), buffer_before_minutes=10) == [9, 10, 11, 14, 15, 16]
    assert hours_offered(claims=(taken(12),), buffer_after_minutes=10) == [9, 10, 13, 14, 15, 16]


def test_notice_and_horizon_bound_what_is_offered() -> None:
    noon = datetime(2024, 3, 4, 12, tzinfo=UTC)
    assert hours_offered(now=noon, notice_minutes=90) == [14, 15, 16]
    assert hours_offered(now=noon - timedelta(days=2), horizon_days=2) == [9, 10, 11, 12]


def test_a_viewer_elsewhere_sees_the_slots_of_their_own_day() -> None:
    night_shift = Schedule(tuple(Window(day, 20 * 60, 24 * 60) for day in range(7)))
    within = days_as_seen(MONDAY, 1, "Pacific/Auckland")
    found = slots(practitioner(schedule=night_shift), market_service(), within, (), NOW, allow_past=False)
    assert [starts_at.isoformat() for starts_at, _ in found] == [
        f"2024-03-03T{hour}:00:00+00:00" for hour in (20, 21, 22, 23)
    ]


@pytest.mark.parametrize(
    ("starts_at", "refusal"),
    [
        (datetime(2024, 2, 26, 10, tzinfo=UTC), Refusal.IN_THE_PAST),
        (datetime(2024, 3, 1, 10, tzinfo=UTC), Refusal.TOO_SOON),
        (datetime(2024, 3, 4, 8, tzinfo=UTC), Refusal.OUTSIDE_WORKING_HOURS),
        (datetime(2024, 3, 4, 16, 30, tzinfo=UTC), Refusal.OUTSIDE_WORKING_HOURS),
        (datetime(2024, 3, 18, 9, tzinfo=UTC), Refusal.TOO_FAR_AHEAD),
        (datetime(2024, 3, 4, 9, 20, tzinfo=UTC), None),
    ],
)
def test_each_rule_refuses_in_its_own_words(starts_at: datetime, refusal: Refusal | None) -> None:
    busy = practitioner(notice_minutes=24 * 60, horizon_days=14)
    assert rule_against(busy, starts_at, starts_at + timedelta(hours=1), NOW, allow_past=False) == refusal


def test_overlapping_windows_are_not_sound() -> None:
    assert is_sound([Window(0, 0, 60), Window(0, 60, 120), Window(1, 0, 1440)])
    assert not is_sound([Window(0, 0, 61), Window(0, 60, 120)])
    assert not is_sound([Window(0, 60, 60)])
