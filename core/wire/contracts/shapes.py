"""A booking in the shape and words of the contract that made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from core.domain.values import Booking, User
from core.wire.contracts import calendar
from core.wire.contracts.admin_bookings import admin_booking
from core.wire.contracts.rooms import room_booking

Shape = Callable[[Booking, User], object]

SHAPES: Mapping[str, Shape] = {"rooms": room_booking}
"""By contract; one that is not here has the admin shape."""


def in_its_shape(booking: Booking, user: User, *, viewer_id: int | None, now: datetime) -> object:
    """`viewer_id` is the user who looks at it: the calendar says what is theirs, and what is over."""
    if booking.contract == "calendar":
        return calendar.booking_body(booking, viewer_id, now)
    return SHAPES.get(booking.contract, admin_booking)(booking, user)
