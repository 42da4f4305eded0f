"""Fresh ids for a batch: numbers taken from PostgreSQL's sequences, uuids from the system."""

from __future__ import annotations

from uuid import uuid4

from core.domain.ids import Ids
from core.store.load import Loaded


def fresh_ids(loaded: Loaded) -> Ids:
    """Ids for one batch. Refused commands leave gaps; nobody counts on their absence."""
    bookings, users = iter(loaded.booking_ids), iter(loaded.user_ids)
    slots, closures = iter(loaded.slot_ids), iter(loaded.closure_ids)
    sessions, places = iter(loaded.session_ids), iter(loaded.place_ids)
    return Ids(
        booking=lambda: next(bookings),
        user=lambda: next(users),
        slot=lambda: next(slots),
        closure=lambda: next(closures),
        session=lambda: next(sessions),
        waiting=lambda: next(places),
        uuid=uuid4,
    )
