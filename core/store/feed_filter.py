"""What an event of the feed keeps of its booking's place, and the filters that are held against it.

An event that moves a booking keeps the place that it leaves too. So a filter finds what comes and what goes, however
much later the event is read, and whatever has become of the booking since.
"""

from __future__ import annotations

from datetime import date
from zlib import crc32

import msgspec
from msgspec import Struct

from core.domain.names import folded
from core.domain.values import Booking
from core.store.feed import FeedEvent


class BookingPlace(Struct, frozen=True):
    """Where and when a booking is, as far as filters ask."""

    resource_id: int
    service: int
    """`service_number` of its name: what people write has no place in an event."""
    day: date
    """Local to the resource."""


class AboutBooking(Struct, frozen=True):
    """What filters ask of an event about a booking."""

    type: str
    place: BookingPlace | None = None
    """Since the event. None of one that an earlier release wrote."""
    left: BookingPlace | None = None
    """Before the event, if it was another."""


def service_number(name: str) -> int:
    """A number for a service's name, the same however the name is written. Two names very rarely share one."""
    return crc32(folded(name).encode())


def place_of(booking: Booking) -> BookingPlace:
    return BookingPlace(booking.resource_id, service_number(booking.service_name), booking.local_date)


def place_facts(booking: Booking, before: Booking | None = None) -> dict[str, BookingPlace]:
    """For the facts of an event about a booking; `before` it was changed, if that may have moved it."""
    place = place_of(booking)
    if before is None or (left := place_of(before)) == place:
        return {"place": place}
    return {"place": place, "left": left}


class _Facts(Struct):
    place: BookingPlace | None = None
    left: BookingPlace | None = None


_decode = msgspec.json.Decoder(_Facts).decode


def about_booking(event: FeedEvent) -> AboutBooking:
    """Of an event about a booking."""
    if event.data is None:
        return AboutBooking(event.type)
    facts = _decode(event.data)
    return AboutBooking(event.type, facts.place, facts.left)


class FeedFilter(Struct, frozen=True):
    """Which events about bookings are told. Each field that is given narrows; within one, any of its values will do."""

    types: frozenset[str] = frozenset()
    resource_ids: frozenset[int] = frozenset()
    services: frozenset[int] = frozenset()
    """By `service_number`."""
    first: date | None = None
    last: date | None = None

    def matches(self, about: AboutBooking) -> bool:
        """Whether the booking matched before the event or does since. An event that kept no place is told rather than
        missed.
        """
        if self.types and about.type not in self.types:
            return False
        known = [place for place in (about.place, about.left) if place is not None]
        return not known or any(map(self._holds, known))

    def _holds(self, place: BookingPlace) -> bool:
        return (
            (not self.resource_ids or place.resource_id in self.resource_ids)
            and (not self.services or place.service in self.services)
            and (self.first is None or place.day >= self.first)
            and (self.last is None or place.day <= self.last)
        )
