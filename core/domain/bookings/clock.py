"""What the clock does to bookings: they begin, and they are over.

Only those of rooms and the marketplace, and none whose end was past already when it was made.
Bookings of the other contracts change status only when a person asks for it.
"""

from __future__ import annotations

from datetime import datetime

from core.domain.bookings.changes import with_status
from core.domain.bookings.holds import due_needs, due_weight
from core.domain.bookings.status import Status
from core.domain.command_handler import AlsoLoaded, Handler
from core.domain.commands import ENGINE, Envelope, MoveOn
from core.domain.events import BookingChanged, Event, NothingDue
from core.domain.ids import Ids
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.state import State
from core.domain.values import Booking

MOVED_BY_THE_CLOCK = frozenset({"rooms", "marketplace"})


def move_on(state: State, _envelope: Envelope, command: MoveOn, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    named = (state.bookings.get(id_) for id_ in command.booking_ids)
    moved = (moved_on(booking, now) for booking in named if booking is not None and not _is_cancelling(state, booking))
    return tuple(change for change in moved if change is not None) or (NothingDue(),)


def moved_on(booking: Booking, now: datetime) -> BookingChanged | None:
    """The booking's change at this moment, if the clock changes it."""
    if booking.contract not in MOVED_BY_THE_CLOCK or booking.ends_at <= booking.created_at or _follows(booking):
        return None
    match booking.status:
        case Status.CONFIRMED | Status.IN_PROGRESS if booking.ends_at <= now:
            return with_status(booking, Status.COMPLETED, ENGINE, now, "ended")
        case Status.CONFIRMED if booking.starts_at <= now:
            return with_status(booking, Status.IN_PROGRESS, ENGINE, now, "began")
        case _:
            return None


def _is_cancelling(state: State, booking: Booking) -> bool:
    """Whether a step of its session's cancellation will cancel it; its start may be past before that."""
    return booking.status is Status.CONFIRMED and state.market.is_session_cancelled(booking)


def _follows(booking: Booking) -> bool:
    """A course begins and ends with its parts (`core.domain.marketplace.purchases.purchase_parts`)."""
    return isinstance(booking.details, MarketDetails) and booking.details.kind is Kind.COURSE


HANDLERS = (Handler(MoveOn, move_on, due_needs, weight=due_weight, also_loaded=AlsoLoaded.PURCHASES),)
