"""What a room's availability offers can be booked, and a slot that it does not offer cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.bookings.rooms import at_minute, room_slots, span
from core.domain.events import BookingPlaced
from core.domain.resources.local_time import Hours, day_bounds
from core.domain.values import Claim, Policy, Resource
from tests.support.clock_changes import ZONE_YEARS, transition_days
from tests.support.values import book_room, counting_ids, decided, envelope, room, state, user


@pytest.mark.parametrize("zone", ZONE_YEARS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_free_slots_are_exactly_those_that_a_booking_gets(zone: str, data: st.DataObject) -> None:
    resource = Resource(2, "room", "Room 1", zone)
    day = data.draw(st.sampled_from(transition_days(zone)), "day")
    slot = data.draw(st.sampled_from([15, 30, 45, 60, 90, 240]), "slot")
    opens = data.draw(st.integers(0, 1440 - slot), "opens")
    closes = data.draw(st.integers(opens + 1, 1440), "closes")
    one = room(
        slot_minutes=slot, hours=Hours(opens, closes, frozenset(data.draw(st.sets(st.integers(0, 6), max_size=1))))
    )
    starts, ends = day_bounds(day, zone)
    moments = st.datetimes((starts - timedelta(hours=3)).replace(tzinfo=None), (ends + timedelta(hours=3)).replace(tzinfo=None))  # fmt: skip
    now = data.draw(moments, "now").replace(tzinfo=UTC)
    claims = [
        Claim(2, at.replace(tzinfo=UTC), at.replace(tzinfo=UTC) + timedelta(minutes=length), None)
        for at, length in data.draw(st.lists(st.tuples(moments, st.integers(1, 300)), max_size=3), "claims")
    ]
    policy = Policy(allow_past=data.draw(st.booleans(), "allow_past"))

    offered = [s.starts for s in room_slots(one, resource, day, claims, now, allow_past=policy.allow_past) if s.is_free]

    accepted = []
    for minute in range(opens % slot, 1441 - slot, slot):
        known = state(resources=[resource], rooms=[one], users=[user()], claims=claims, policy=policy)
        wish = book_room(at_minute(minute), at_minute(minute + slot), date=day)
        *_, last = decided(known, envelope(wish, contract="rooms"), now, counting_ids())
        if isinstance(last, BookingPlaced):
            accepted.append(wish.starts)
    assert offered == accepted


def test_a_slot_that_ends_where_the_clocks_go_forward_can_be_booked() -> None:
    day = datetime(2026, 3, 29, tzinfo=UTC).date()  # 02:00 to 03:00 does not exist in Berlin
    assert span(day, 90, 120, "Europe/Berlin") == (
        datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    )
    assert span(day, 120, 150, "Europe/Berlin") is None
    assert span(day, 90, 150, "Europe/Berlin") is None


def test_a_day_ends_at_midnight() -> None:
    day = datetime(2026, 3, 28, tzinfo=UTC).date()
    interval = span(day, 23 * 60 + 30, 1440, "UTC")
    assert interval is not None
    assert interval[1] == datetime(2026, 3, 29, tzinfo=UTC)
