"""What `check-availability` offers can be booked, and a grid start that it does not offer cannot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.commands import Actor, ActorKind
from core.domain.events import BookingPlaced
from core.domain.marketplace.availability import days_as_seen, slots
from core.domain.marketplace.commands import BookIndividual
from core.domain.marketplace.schedules import Schedule, Window, is_sound
from core.domain.marketplace.values import MarketService, Practitioner
from core.domain.resources.local_time import day_bounds, instant, local
from core.domain.values import Claim, Policy
from tests.support.clients.marketplace import market_service, market_state, practitioner
from tests.support.clock_changes import ZONE_YEARS, transition_days
from tests.support.values import decided, envelope

CLIENT = Actor(ActorKind.USER, 1)
QUARTER = 15
"""Minutes: all windows here begin and end on one."""


def windows(dice: Random, most: int) -> tuple[Window, ...]:
    """The same stretches on most days of the week, in quarters of an hour; some of them meet."""
    marks = sorted(dice.sample(range(97), 2 * most))
    pairs = [(a * 15, b * 15) for a, b in zip(marks[::2], marks[1::2], strict=True)]
    if dice.random() < 0.3:
        pairs = [(a, c) for a, b in pairs for a, c in ((a, (a + b) // 30 * 15), ((a + b) // 30 * 15, b)) if a < c]
    days = sorted(dice.sample(range(7), dice.choice([5, 7, 7])))
    found = tuple(Window(day, opens, closes) for day in days for opens, closes in pairs)
    assert is_sound(found)
    return found


def claims_around(dice: Random, day: date, resource_id: int) -> list[Claim]:
    """Claims of one resource, which never overlap."""
    begin = datetime.combine(day, time.min, UTC) - timedelta(hours=14)
    marks = sorted(dice.sample(range(2 * 96 + 40), 2 * dice.randint(0, 6)))
    pairs = zip(marks[::2], marks[1::2], strict=True)
    quarter = timedelta(minutes=15)
    return [
        Claim(resource_id, begin + a * quarter, begin + min(b, a + 8) * quarter, 1000 + n)
        for n, (a, b) in enumerate(pairs)
    ]


def grid(who: Practitioner, service: MarketService, within: tuple[datetime, datetime]) -> Iterator[datetime]:
    """Every start of the grid inside an interval, quarter by quarter, without the product's shortcuts."""
    day = local(within[0], who.zone).date() - timedelta(days=1)
    while day_bounds(day, who.zone)[0] < within[1] + timedelta(days=1):
        begun = None
        for minute in range(0, 1440, QUARTER):
            is_open = any(_holds(w, day, minute) for w in who.schedule.hours) and not any(
                _holds(w, day, minute) for w in who.schedule.breaks
            )
            begun = (minute if begun is None else begun) if is_open else None
            if begun is not None and (minute - begun) % service.step_minutes == 0:
                starts_at = instant(day, time(minute // 60, minute % 60), who.zone)
                if starts_at is not None and within[0] <= starts_at < within[1]:
                    yield starts_at
        day += timedelta(days=1)


def _holds(window: Window, day: date, minute: int) -> bool:
    return window.weekday == day.weekday() and window.opens_minute <= minute < window.closes_minute


def offered_and_booked(dice: Random, zone: str, viewer: str, day: date) -> tuple[list[datetime], list[datetime]]:
    """Of a day of the viewer's: what is on offer, and the starts of the grid that the engine books, each alone."""
    service = market_service(
        price_minor=0,
        duration_minutes=dice.choice([15, 30, 45, 60, 90]),
        slot_step_minutes=dice.choice([None, 15, 60]),
    )
    who = practitioner(
        zone=zone,
        schedule=Schedule(windows(dice, dice.randint(1, 3)), windows(dice, dice.randint(0, 2))),
        buffer_before_minutes=dice.choice([0, 10]),
        buffer_after_minutes=dice.choice([0, 30]),
        notice_minutes=dice.choice([0, 300]),
        horizon_days=dice.choice([365, 365, 9, 1]),
    )
    now = datetime.combine(day, time.min, UTC) + timedelta(hours=dice.choice([-200, -100, -30, -30, -8, 0, 12]))
    claims = claims_around(dice, day, who.resource_id)
    policy = Policy(allow_past=dice.choice([False, True]))
    within = days_as_seen(day, 1, viewer)
    found = slots(
        who, service, within, [(one.starts_at, one.ends_at) for one in claims], now, allow_past=policy.allow_past
    )
    booked = []
    for starts_at in grid(who, service, within):
        known = market_state(who, services=[service], claims=claims, policy=policy)
        wish = BookIndividual(1, service.id, starts_at, starts_at + timedelta(minutes=service.minutes), who.id)
        if isinstance(decided(known, envelope(wish, CLIENT), now)[-1], BookingPlaced):
            booked.append(starts_at)
    return [starts_at for starts_at, _ in found], booked


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_offered_is_what_the_engine_books(data: st.DataObject) -> None:
    zone, viewer = data.draw(st.sampled_from(sorted(ZONE_YEARS))), data.draw(st.sampled_from(sorted(ZONE_YEARS)))
    day = data.draw(st.sampled_from([*transition_days(zone), *transition_days(viewer)]))
    offered, booked = offered_and_booked(data.draw(st.randoms(use_true_random=False)), zone, viewer, day)
    assert offered == booked


@pytest.mark.parametrize("zone", ZONE_YEARS)
def test_on_every_day_around_every_change_of_either_ones_clocks_offered_is_what_the_engine_books(zone: str) -> None:
    """Each day of the zone's, and each of its viewers', once: every viewer gets another tenth."""
    busy_days = 0
    for n, viewer in enumerate(ZONE_YEARS):
        for day in (*transition_days(zone)[n :: len(ZONE_YEARS)], *transition_days(viewer)[n :: len(ZONE_YEARS)]):
            offered, booked = offered_and_booked(Random(f"{zone} {viewer} {day}"), zone, viewer, day)  # noqa: S311
            assert offered == booked, (zone, viewer, day)
            busy_days += bool(offered)
    assert busy_days > 10, "the weeks are rich enough to have something on offer"
