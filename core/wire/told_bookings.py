"""News of bookings and of webhooks, as the admin feed tells it over a socket and over HTTP."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from core.store.bookings.rows import read_views
from core.store.connections.database import AsyncConnection
from core.store.feed import FeedEvent, Position
from core.wire.contracts.admin_bookings import AdminBooking, admin_booking
from core.wire.feeds import BOOKING_WORDS, BookingTold, DisabledWebhook, WebhookTold
from core.wire.outcomes import encode


async def read_bookings(connection: AsyncConnection, ids: Collection[int]) -> dict[int | None, AdminBooking]:
    """By id, in the admin shape, deleted ones too; without those that are not kept any more."""
    if not ids:
        return {}
    return {booking.id: admin_booking(booking, user) for booking, user in await read_views(connection, sorted(ids))}


def booking_told(event: FeedEvent, booking: AdminBooking, epoch: str) -> bytes:
    """The message of an event about a booking, as JSON."""
    return encode(BookingTold(BOOKING_WORDS[event.type], booking, str(Position(epoch, event.number))))


_decode_disabled = msgspec.json.Decoder(DisabledWebhook).decode


def webhook_told(event: FeedEvent, epoch: str) -> bytes:
    """The message of an event that an endpoint was disabled, as JSON."""
    disabled = _decode_disabled(event.data or "")
    return encode(WebhookTold(data=disabled, position=str(Position(epoch, event.number))))
