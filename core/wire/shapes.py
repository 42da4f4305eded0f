"""A booking in the shape and words of the contract that made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.domain.values import Booking, User
from core.wire.admin import admin_booking
from core.wire.rooms import room_booking

Shape = Callable[[Booking, User], dict[str, Any]]

SHAPES: Mapping[str, Shape] = {"rooms": room_booking}
"""By contract; one that is not here has the admin shape."""


def in_its_shape(booking: Booking, user: User) -> dict[str, Any]:
    return SHAPES.get(booking.contract, admin_booking)(booking, user)
