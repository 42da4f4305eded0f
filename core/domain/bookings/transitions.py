"""A booking with_status from one status into another, with what follows from it for its time."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from core.domain.bookings.status import TAKES_TIME, Status
from core.domain.commands import Actor
from core.domain.events import BookingChanged
from core.domain.values import Booking


def with_status(booking: Booking, status: Status, actor: Actor, now: datetime, reason: str = "") -> BookingChanged:
    """The change as an event. Whether it is allowed is the caller's to know."""
    after = replace(booking, status=status, version=booking.version + 1, updated_at=now)
    freed = booking.status in TAKES_TIME and status not in TAKES_TIME
    return BookingChanged(after, booking.status, freed, actor.kind, reason)
