"""The time that a booking takes of its resources."""

from __future__ import annotations

from datetime import timedelta

from core.domain.bookings.status import TAKES_TIME
from core.domain.marketplace.details import MarketDetails
from core.domain.values import Booking, Claim


def claims_of(booking: Booking) -> tuple[Claim, ...]:
    if booking.status not in TAKES_TIME:
        return ()
    if isinstance(booking.details, MarketDetails):
        return _session_claims(booking, booking.details)
    return (Claim(booking.resource_id, booking.starts_at, booking.ends_at, booking.id),)


def _session_claims(booking: Booking, details: MarketDetails) -> tuple[Claim, ...]:
    """The practitioner with the buffers around, and the room; whatever the booking's status.

    Seats of sessions are counted, not claimed, and a course or package has only the time of its parts.
    """
    if not details.takes_practitioner:
        return ()
    before = timedelta(minutes=details.buffer_before_minutes)
    after = timedelta(minutes=details.buffer_after_minutes)
    practitioner = Claim(booking.resource_id, booking.starts_at - before, booking.ends_at + after, booking.id)
    if details.room_id is None:
        return (practitioner,)
    return practitioner, Claim(details.room_id, booking.starts_at, booking.ends_at, booking.id)
