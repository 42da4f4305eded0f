"""What a slot list offers can be booked, and a grid start that it does not offer cannot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.events import BookingPlaced
from core.domain.resources.free_slots import Slot, Taken, free_days, free_slots
from core.domain.resources.local_time import Hours, Span, day_bounds, instant, since_1970_us
from core.domain.values import Claim, Resource, Rules
from tests.support.clock_changes import ZONE_YEARS, transition_days
from tests.support.values import counting_ids, decided, envelope, place, rules, state, user


def test_the_zones_really_change_their_clocks_in_those_years() -> None:
    assert {zone for zone in ZONE_YEARS if len(transition_days(zone)) < 8} == {"UTC"}


@st.composite
def hours_of_a_day(draw: st.DrawFn) -> Hours:
    opens = draw(st.integers(0, 23))
    return Hours(opens * 60, draw(st.integers(opens + 1, 24)) * 60, draw(st.frozensets(st.integers(0, 6), max_size=2)))


def accepted(
    bound: Rules, desk: Resource, minutes: int, day: date, claims: Sequence[Claim], now: datetime
) -> list[Slot]:
    """The grid starts of a day that the engine books, each asked for alone."""
    found = []
    for minute in range(bound.hours.opens_minute, 1440, minutes):
        at = time(minute // 60, minute % 60)
        known = state(rules_=bound, resources=[desk], users=[user()], claims=claims)
        *_, last = decided(known, envelope(place(day, at)), now, counting_ids())
        if isinstance(last, BookingPlaced):
            found.append(Slot(at, last.booking.starts_at, last.booking.ends_at))
    return found


@pytest.mark.parametrize("zone", ZONE_YEARS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_slots_on_offer_are_exactly_the_grid_starts_that_decide_accepts(zone: str, data: st.DataObject) -> None:
    desk = Resource(1, "desk", "desk", zone)
    day = data.draw(st.sampled_from(transition_days(zone)), "day")
    hours = data.draw(hours_of_a_day(), "hours")
    minutes = data.draw(st.sampled_from([1440, 480, 150, 120, 90, 60, 45, 30, 20]), "minutes")
    starts, ends = day_bounds(day, zone)
    moments = st.datetimes((starts - timedelta(hours=3)).replace(tzinfo=None), (ends + timedelta(hours=3)).replace(tzinfo=None))  # fmt: skip
    now = data.draw(moments, "now").replace(tzinfo=UTC)
    lengths = st.integers(1, 300)
    whose = st.sampled_from([(None, None), (7, None), (None, 3)])  # somebody unknown's, a booking's, a closure's
    claims = [
        Claim(1, at.replace(tzinfo=UTC), at.replace(tzinfo=UTC) + timedelta(minutes=length), *of)
        for at, length, of in data.draw(st.lists(st.tuples(moments, lengths, whose), max_size=3), "claims")
    ]
    bound = rules(
        hours=hours, duration_minutes=minutes, allow_past=data.draw(st.booleans(), "allow_past"), desk_id=desk.id
    )

    offered = free_slots(bound, desk, minutes, day, claims, now)

    assert offered == accepted(bound, desk, minutes, day, claims, now)
    assert all(starts <= slot.starts_at and slot.ends_at <= ends for slot in offered)


@pytest.mark.parametrize("zone", ZONE_YEARS)
def test_on_every_day_around_every_change_of_the_clocks_the_offer_is_what_decide_accepts(zone: str) -> None:
    desk = Resource(1, "desk", "desk", zone)
    for day in transition_days(zone):
        starts, ends = day_bounds(day, zone)
        middle = starts + (ends - starts) / 2
        off_the_grid = Claim(1, middle - timedelta(minutes=17), middle + timedelta(minutes=11), 7)
        for opens, closes, minutes in ((0, 24, 60), (0, 24, 90), (9, 17, 60), (1, 4, 30), (22, 24, 45)):
            bound = rules(hours=Hours(opens * 60, closes * 60, frozenset()), duration_minutes=minutes, desk_id=desk.id)
            for claims, now in (([], starts - timedelta(days=2)), ([off_the_grid], starts + timedelta(hours=2))):
                offered = free_slots(bound, desk, minutes, day, claims, now)
                assert offered == accepted(bound, desk, minutes, day, claims, now), (day, opens, closes, minutes, now)


TIMES = st.tuples(st.integers(-300, 6000), st.integers(1, 2000))


def disjoint(starts: datetime, times: Sequence[tuple[int, int]]) -> list[Span]:
    """Minutes after a moment and lengths as times in order, without those that overlap one before them."""
    found: list[Span] = []
    for after, length in sorted(times):
        begins = starts + timedelta(minutes=after)
        if not found or found[-1][1] <= begins:
            found.append((begins, begins + timedelta(minutes=length)))
    return found


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "UTC"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_run_of_days_counts_what_each_days_list_offers(zone: str, data: st.DataObject) -> None:
    desk = Resource(1, "desk", "desk", zone)
    first = data.draw(st.sampled_from(transition_days(zone)), "first day")
    days = [first + timedelta(days=n) for n in range(4)]
    minutes = data.draw(st.sampled_from([7, 30, 60, 90, 480]), "minutes")
    bound = rules(
        hours=data.draw(hours_of_a_day(), "hours"),
        duration_minutes=minutes,
        desk_id=desk.id,
        allow_past=data.draw(st.booleans(), "allow_past"),
    )
    starts, _ = day_bounds(first, zone)
    now = starts + timedelta(minutes=data.draw(st.integers(-60, 5000), "now"))
    kinds = [
        disjoint(starts, data.draw(st.lists(TIMES, max_size=6), name)) for name in ("bookings", "sessions", "closures")
    ]
    taken = Taken(*([(since_1970_us(begins), since_1970_us(ends)) for begins, ends in spans] for spans in kinds))
    claims = [Claim(1, *span, None) for spans in kinds for span in spans]

    counted = list(free_days(bound, desk, minutes, days, taken, since_1970_us(now)))

    for day, booked, free in counted:
        begins, ends = day_bounds(day, zone)
        assert booked == sum(begins <= starts_at < ends for starts_at, _ in kinds[0])
        assert free == len(free_slots(bound, desk, minutes, day, claims, now)), day
    assert [day for day, _, _ in counted] == days


@pytest.mark.parametrize("zone", ZONE_YEARS)
def test_a_local_time_is_its_first_instant_and_one_that_the_clocks_skip_is_none(zone: str) -> None:
    tz = ZoneInfo(zone)
    for day in transition_days(zone):
        noon = datetime.combine(day, time(12), UTC)
        around = [noon + timedelta(minutes=minute) for minute in range(-2880, 2880)]
        first: dict[datetime, datetime] = {}
        for moment in around:
            first.setdefault(moment.astimezone(tz).replace(tzinfo=None, fold=0), moment)
        for minute in range(0, 1440, 15):
            at = time(minute // 60, minute % 60)
            assert instant(day, at, zone) == first.get(datetime.combine(day, at))
