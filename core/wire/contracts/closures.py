"""A closure as staff read it, a practitioner's time off, and the bookings in the way of either.

An answer is kept as long as outcomes are, so it names people only by their ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from msgspec import Struct

from core.domain.events import ResourceClosed
from core.domain.resources.closures import SHOWN_IN_THE_WAY
from core.domain.state import State
from core.domain.values import Booking, Closure
from core.wire.answers import Done
from core.wire.contracts.admin_bookings import BookingLine, booking_line
from core.wire.vocabulary import MARKET_STATUS, Day, HourMinuteSecond, Instant, MarketStatus, Micros, micros


class ClosureKind(StrEnum):
    """Who closed it: somebody by hand, or a calendar that the resource follows (docs/busy-calendars.md)."""

    MADE = "made"
    BUSY = "busy"


class ResourceShown(Struct, frozen=True):
    id: int
    kind: str
    name: str
    zone: str


class ClosureShown(Struct, frozen=True, kw_only=True):
    """Dates and times are local to the resource; a time that is null is the beginning or end of its day."""

    id: int
    resource: ResourceShown
    start_date: Day
    start_time: HourMinuteSecond | None
    end_date: Day
    end_time: HourMinuteSecond | None
    starts_at: Micros
    ends_at: Micros
    reason: str
    created_at: Micros
    kind: ClosureKind
    busy_calendar_id: int | None
    """The calendar that says so; it cannot be opened by hand."""


class BookingInTheWay(BookingLine, frozen=True):
    """No more than the line: the answer is kept."""


class ClosureMade(Done, frozen=True, kw_only=True):
    """`bookings_in_the_way` has the first hundred; the closure's own page has them all."""

    message: str = "Resource closed"
    data: ClosureShown
    bookings_in_the_way: list[BookingInTheWay]
    bookings_in_the_way_count: int


class ClosureEnded(Done, frozen=True, kw_only=True):
    message: str = "Resource opened again"
    data: ClosureShown


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
    kind: ClosureKind


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


def closure_shown(closure: Closure) -> ClosureShown:
    resource = closure.resource
    return ClosureShown(
        id=closure.id,
        resource=ResourceShown(resource.id, resource.kind, resource.name, resource.zone),
        start_date=closure.first_day.isoformat(),
        start_time=closure.starts.isoformat("seconds") if closure.starts else None,
        end_date=closure.last_day.isoformat(),
        end_time=closure.ends.isoformat("seconds") if closure.ends else None,
        starts_at=micros(closure.starts_at),
        ends_at=micros(closure.ends_at),
        reason=closure.reason,
        created_at=micros(closure.created_at),
        kind=_kind(closure),
        busy_calendar_id=closure.calendar_id,
    )


def closure_made(event: ResourceClosed, state: State) -> ClosureMade:
    return ClosureMade(
        data=closure_shown(event.closure),
        bookings_in_the_way=[BookingInTheWay(**booking_line(booking)) for booking in _first_in_the_way(event, state)],
        bookings_in_the_way_count=len(event.in_the_way),
    )


def time_off_shown(closure: Closure) -> TimeOff:
    return TimeOff(**_time_off(closure))


def time_off_made(event: ResourceClosed, state: State) -> TimeOffMade:
    return TimeOffMade(
        **_time_off(event.closure),
        bookings_in_the_way=[_appointment(booking) for booking in _first_in_the_way(event, state)],
        bookings_in_the_way_count=len(event.in_the_way),
    )


def _first_in_the_way(event: ResourceClosed, state: State) -> Iterator[Booking]:
    for id_ in event.in_the_way[:SHOWN_IN_THE_WAY]:
        booking = state.bookings.get(id_) or state.shown_only.get(id_)
        if booking is not None:
            yield booking


def _time_off(closure: Closure) -> dict[str, Any]:
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
        "kind": _kind(closure),
    }


def _kind(closure: Closure) -> ClosureKind:
    return ClosureKind.MADE if closure.calendar_id is None else ClosureKind.BUSY


def _appointment(booking: Booking) -> AppointmentInTheWay:
    return AppointmentInTheWay(
        id=booking.id,
        user_id=booking.user_id,
        start_time=booking.starts_at,
        end_time=booking.ends_at,
        status=MARKET_STATUS[booking.status],
    )
