"""The body of a webhook: `type`, `timestamp` and `data`, by the Standard Webhooks specification."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct

from core.wire.contracts.admin_bookings import AdminBooking
from core.wire.feeds import BookingWord, PositionText
from core.wire.vocabulary import Micros, micros

EndpointTestWord = Literal["webhook_test"]
ReloadWord = Literal["reload"]
EventType = Literal["booking_created", "booking_updated", "booking_deleted", "reload", "webhook_test"]
EVENT_TYPES: tuple[BookingWord, ...] = get_args(BookingWord)
"""What an endpoint may ask for; they are named as on the feed. The others come to every endpoint."""
RELOAD: ReloadWord = "reload"
TEST: EndpointTestWord = "webhook_test"


class BookingMessage(Struct, frozen=True):
    """What became of a booking of any contract. `data` is the booking as it is when the message is sent."""

    type: BookingWord
    timestamp: Micros
    """When it happened."""
    data: AdminBooking


class EndpointTestData(Struct, frozen=True):
    message: str = "A test from Holdfast: this endpoint is set up."


class EndpointTestMessage(Struct, frozen=True):
    """Sent when staff ask for it, to see that an endpoint receives and verifies."""

    type: EndpointTestWord
    timestamp: Micros
    data: EndpointTestData


class MissedEvents(Struct, frozen=True):
    reason: str
    """`trimmed`: they were deleted before they were planned; `new_epoch`: the feed began anew, perhaps in a restore."""
    position: PositionText
    """From which what follows is told again."""


class ReloadMessage(Struct, frozen=True):
    """Something may be missing before this message: ask for everything anew."""

    type: ReloadWord
    timestamp: Micros
    data: MissedEvents


Message = BookingMessage | ReloadMessage | EndpointTestMessage

MESSAGES: Mapping[str, type[Struct]] = {
    **dict.fromkeys(EVENT_TYPES, BookingMessage),
    RELOAD: ReloadMessage,
    TEST: EndpointTestMessage,
}
"""By type: what is sent, for the API's description."""


def endpoint_test(at: datetime) -> EndpointTestMessage:
    return EndpointTestMessage(TEST, micros(at), EndpointTestData())


def reload(at: datetime, reason: str, position: str) -> ReloadMessage:
    return ReloadMessage(RELOAD, micros(at), MissedEvents(reason, position))
