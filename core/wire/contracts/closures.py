"""A closure as staff read it, and the bookings in its way.

An answer is kept for as long as outcomes are, so it says nothing of people but their ids.
"""

from __future__ import annotations

from msgspec import Struct

from core.domain.events import ResourceClosed
from core.domain.resources.closures import SHOWN_IN_THE_WAY
from core.domain.state import State
from core.domain.values import Booking, Closure
from core.wire.answers import Done
from core.wire.contracts.admin_bookings import BookingLine, booking_line
from core.wire.vocabulary import Day, HourMinuteSecond, Micros, micros


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


def shown(closure: Closure) -> ClosureShown:
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
    )


def made(event: ResourceClosed, state: State) -> ClosureMade:
    first = event.in_the_way[:SHOWN_IN_THE_WAY]
    known = (state.bookings.get(id_) or state.shown_only.get(id_) for id_ in first)
    return ClosureMade(
        data=shown(event.closure),
        bookings_in_the_way=[in_the_way(booking) for booking in known if booking is not None],
        bookings_in_the_way_count=len(event.in_the_way),
    )


def in_the_way(booking: Booking) -> BookingInTheWay:
    return BookingInTheWay(**booking_line(booking))
