"""The body of a webhook: `type`, `timestamp` and `data`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from core.wire.contracts.admin_bookings import AdminBooking
from core.wire.feeds import BookingWord
from core.wire.vocabulary import Micros, micros

EndpointTestWord = Literal["webhook_test"]
EventType = BookingWord
EVENT_TYPES: tuple[BookingWord, ...] = get_args(BookingWord)
"""What an endpoint may ask for; they are named as on the feed. A test comes to every endpoint."""
TEST: EndpointTestWord = "webhook_test"


class BookingMessage(Struct, frozen=True):
    """What became of a booking of any contract. `data` is the booking as it is when the message is sent."""

    type: BookingWord
    timestamp: Micros
    """When it happened."""
    data: AdminBooking


class EndpointTestData(Struct, frozen=True):
    message: str


class EndpointTestMessage(Struct, frozen=True):
    """Sent when staff ask for it, to see that an endpoint receives and verifies."""

    type: EndpointTestWord
    timestamp: Micros
    data: EndpointTestData


MESSAGES: Mapping[str, type[Struct]] = {**dict.fromkeys(EVENT_TYPES, BookingMessage), TEST: EndpointTestMessage}
"""By type: what is sent, for the API's description."""

_encode = msgspec.json.Encoder().encode


def booking_message(type_: BookingWord, at: datetime, booking: AdminBooking) -> bytes:
    return _encode(BookingMessage(type_, micros(at), booking))


def endpoint_test(at: datetime) -> bytes:
    return _encode(
        EndpointTestMessage(TEST, micros(at), EndpointTestData("A test from Holdfast: this endpoint is set up."))
    )
