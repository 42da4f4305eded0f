"""What every change of a booking owes to the feed's filters."""

from __future__ import annotations

from core.domain.events import BookingChanged, Event
from core.domain.state import State
from core.store.feed_filter import place_of


def check_move_is_told(before: State, event: Event) -> None:
    """An event that moves a booking to another resource, service or day says from where. Call it before `evolve`."""
    if isinstance(event, BookingChanged) and event.booking.id in before.bookings:
        was = before.bookings[event.booking.id]
        if place_of(was) != place_of(event.booking):
            assert event.moved_from == was, f"set moved_from: {event}"
