"""What a marketplace booking takes: the practitioner with the buffers around, and the room."""

from __future__ import annotations

from datetime import timedelta

from core.domain.marketplace.details import MarketDetails
from core.domain.values import Booking, Claim


def claims_wanted(booking: Booking, details: MarketDetails) -> tuple[Claim, ...]:
    """As if it took its time. Seats of sessions are counted, not claimed; parents have only their children's time."""
    if not details.takes_practitioner:
        return ()
    before = timedelta(minutes=details.buffer_before_minutes)
    after = timedelta(minutes=details.buffer_after_minutes)
    practitioner = Claim(booking.resource_id, booking.starts_at - before, booking.ends_at + after, booking.id)
    if details.room_id is None:
        return (practitioner,)
    return practitioner, Claim(details.room_id, booking.starts_at, booking.ends_at, booking.id)
