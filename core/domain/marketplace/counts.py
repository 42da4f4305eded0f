"""Seats and credits as they follow from bookings, whatever command or contract changes those."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, get_args

from core.domain.bookings.status import KEEPS_SLOT, Status
from core.domain.events import BookingChanged, BookingDeleted, BookingPlaced
from core.domain.marketplace.details import MarketDetails
from core.domain.marketplace.events import CreditReturned, MarketEvent
from core.domain.values import Booking

KEEPS_SEAT = KEEPS_SLOT - {Status.DRAFT}
"""A booking in one of these has, or had, its seat: also one that the client missed."""
_MARKET_EVENTS = frozenset(get_args(MarketEvent))


def concerns_market(event: Any) -> bool:
    """A cheap check, as most events of most batches do not."""
    booking = getattr(event, "booking", None)
    return type(event) in _MARKET_EVENTS if booking is None else isinstance(booking.details, MarketDetails)


class Counts:
    """How many seats events take (give back: negative), by session, and credits they add, by bundle."""

    def __init__(self, events: Iterable[Any]) -> None:
        self.seats: Counter[int] = Counter()
        self.credits: Counter[int] = Counter()
        for event in events:
            self._count(event)

    def _count(self, event: Any) -> None:
        match event:
            case BookingPlaced(booking=booking):
                self._seat(booking, None, booking.status)
                if isinstance(booking.details, MarketDetails) and booking.details.credit_id is not None:
                    self.credits[booking.details.credit_id] -= 1
            case BookingChanged(booking=booking, was=was):
                self._seat(booking, was, booking.status)
            case BookingDeleted(booking=booking):
                self._seat(booking, booking.status, None)
            case CreditReturned(credit_id=id_):
                self.credits[id_] += 1
            case _:
                pass

    def _seat(self, booking: Booking, was: Status | None, becomes: Status | None) -> None:
        details = booking.details
        if isinstance(details, MarketDetails) and details.session_id is not None:
            self.seats[details.session_id] += (becomes in KEEPS_SEAT) - (was in KEEPS_SEAT)
