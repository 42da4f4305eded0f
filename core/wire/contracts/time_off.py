"""A practitioner's time off as they and staff read it, and the bookings in its way.

An answer is kept for as long as outcomes are, so it says nothing of people but their ids.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from core.domain.events import ResourceClosed
from core.domain.resources.closures import SHOWN_IN_THE_WAY
from core.domain.state import State
from core.domain.values import Booking, Closure
from core.wire.vocabulary import MARKET_STATUS, Day, Instant, MarketStatus


class TimeOff(Struct, frozen=True, kw_only=True):
    """Dates and clock times are local to the practitioner; one that is null is the beginning or end of its day."""

    id: int
    start_date: Day
    start: str | None
    end_date: Day
    """Inclusive."""
    end: str | None
    start_time: Instant
    end_time: Instant
    reason: str
    created_at: Instant


class AppointmentInTheWay(Struct, frozen=True, kw_only=True):
    id: int
    user_id: int
    start_time: Instant
    end_time: Instant
    status: MarketStatus


class TimeOffMade(TimeOff, frozen=True, kw_only=True):
    """Bookings that are in it keep their time until somebody cancels or moves them; the first hundred are shown."""

    bookings_in_the_way: list[AppointmentInTheWay]
    bookings_in_the_way_count: int


def shown(closure: Closure) -> TimeOff:
    return TimeOff(**_shown(closure))


def made(event: ResourceClosed, state: State) -> TimeOffMade:
    first = event.in_the_way[:SHOWN_IN_THE_WAY]
    known = (state.bookings.get(id_) or state.shown_only.get(id_) for id_ in first)
    return TimeOffMade(
        **_shown(event.closure),
        bookings_in_the_way=[_in_the_way(booking) for booking in known if booking is not None],
        bookings_in_the_way_count=len(event.in_the_way),
    )


def _shown(closure: Closure) -> dict[str, Any]:
    return {
        "id": closure.id,
        "start_date": closure.first_day.isoformat(),
        "start": closure.starts.isoformat("minutes") if closure.starts else None,
        "end_date": closure.last_day.isoformat(),
        "end": closure.ends.isoformat("minutes") if closure.ends else None,
        "start_time": closure.starts_at,
        "end_time": closure.ends_at,
        "reason": closure.reason,
        "created_at": closure.created_at,
    }


def _in_the_way(booking: Booking) -> AppointmentInTheWay:
    return AppointmentInTheWay(
        id=booking.id,
        user_id=booking.user_id,
        start_time=booking.starts_at,
        end_time=booking.ends_at,
        status=MARKET_STATUS[booking.status],
    )
