"""What a batch, or an answer, has loaded of the marketplace."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappush

from core.domain.bookings.status import Status
from core.domain.group_index import GroupIndex
from core.domain.marketplace.details import MarketDetails
from core.domain.marketplace.values import (
    Credit,
    Location,
    MarketService,
    Note,
    Practitioner,
    ServiceSession,
    WaitingPlace,
)
from core.domain.steps import Step
from core.domain.values import Booking


@dataclass
class Market:
    now: datetime | None = None
    """The batch's clock, for answers that say what can still be done."""
    practitioners: dict[int, Practitioner] = field(default_factory=dict)
    services: dict[int, MarketService] = field(default_factory=dict)
    locations: dict[int, Location] = field(default_factory=dict)
    room_names: dict[int, str] = field(default_factory=dict)
    sessions: GroupIndex[int, ServiceSession] = field(default_factory=lambda: GroupIndex(lambda one: one.service_id))
    """Locked, so that a free seat here can be taken."""
    credits: GroupIndex[int, Credit] = field(default_factory=lambda: GroupIndex(lambda one: one.user_id))
    """By the bundle's booking. Locked."""
    queues: defaultdict[int, dict[int, WaitingPlace]] = field(default_factory=lambda: defaultdict(dict))
    """Places in the queue by session and user, in order: those that a command names, the first to be offered a seat,
    and those that a step of a cancellation ends. `ServiceSession.waiting` counts all."""
    cancelling: dict[int, Step] = field(default_factory=dict)
    """By session that is being cancelled: what this step has loaded of it."""
    notes: defaultdict[int, list[Note]] = field(default_factory=lambda: defaultdict(list))
    children: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Bookings by their parent's id."""
    of_session: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Bookings by session."""
    seats_of: defaultdict[tuple[int, int], set[int]] = field(default_factory=lambda: defaultdict(set))
    """Bookings by session and user, as each booking of a session asks whether the person has a seat already."""
    holds: defaultdict[int, list[tuple[datetime, int]]] = field(default_factory=lambda: defaultdict(list))
    """By session, a heap of when its holds end; it may still contain bookings that are no longer holds."""

    def know_booking(self, booking: Booking) -> None:
        details = booking.details
        if isinstance(details, MarketDetails):
            if details.parent_id is not None:
                self.children[details.parent_id].add(booking.id)
            if details.session_id is not None:
                self.of_session[details.session_id].add(booking.id)
                self.seats_of[details.session_id, booking.user_id].add(booking.id)
                if booking.status is Status.HELD and booking.hold_expires_at is not None:
                    heappush(self.holds[details.session_id], (booking.hold_expires_at, booking.id))

    def is_session_cancelled(self, booking: Booking) -> bool:
        """Whether the booking is a seat of a session that is cancelled, or being cancelled in steps."""
        details = booking.details
        session = self.sessions.get(details.session_id or 0) if isinstance(details, MarketDetails) else None
        return session is not None and session.is_cancelled
