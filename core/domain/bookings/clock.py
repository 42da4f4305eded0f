"""What the clock does to bookings: they begin, and they are over.

Only those of rooms and marketplace, and none whose end was past already when it was made;
appointments and agent bookings change status only when somebody says so (contracts page).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from core.domain.bookings.status import Status
from core.domain.bookings.transitions import with_status
from core.domain.commands import ENGINE
from core.domain.events import BookingChanged, Event, NothingDue
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.state import State
from core.domain.values import Booking

MOVED_BY_THE_CLOCK = frozenset({"rooms", "marketplace"})


def move_on(state: State, booking_ids: Iterable[int], now: datetime) -> tuple[Event, ...]:
    named = (state.bookings.get(id_) for id_ in booking_ids)
    moved = (moved_on(booking, now) for booking in named if booking is not None and not _is_called_off(state, booking))
    return tuple(change for change in moved if change is not None) or (NothingDue(),)


def moved_on(booking: Booking, now: datetime) -> BookingChanged | None:
    """Where the clock has brought a booking; None if it is there already."""
    if booking.contract not in MOVED_BY_THE_CLOCK or booking.ends_at <= booking.created_at or _follows(booking):
        return None
    match booking.status:
        case Status.CONFIRMED | Status.IN_PROGRESS if booking.ends_at <= now:
            return with_status(booking, Status.COMPLETED, ENGINE, now, "ended")
        case Status.CONFIRMED if booking.starts_at <= now:
            return with_status(booking, Status.IN_PROGRESS, ENGINE, now, "began")
        case _:
            return None


def _is_called_off(state: State, booking: Booking) -> bool:
    """Whether its session is being cancelled and its own turn has not come: it may start before that."""
    details = booking.details
    if not isinstance(details, MarketDetails) or details.session_id is None or booking.status is not Status.CONFIRMED:
        return False
    session = state.market.sessions.get(details.session_id)
    return session is not None and session.is_cancelled


def _follows(booking: Booking) -> bool:
    """A course begins and ends with its parts (core.domain.marketplace.purchases.purchase_parts)."""
    return isinstance(booking.details, MarketDetails) and booking.details.kind is Kind.COURSE
