"""What commands need to know: each handler adds to it (`core.domain.command_handler`), the shell loads it."""

from __future__ import annotations

from collections import Counter
from uuid import UUID


class MarketNeeds:
    """What a batch has to load of the marketplace, beside users, bookings and claims."""

    def __init__(self) -> None:
        self.services: set[int] = set()
        """With their items, and all who give any of them."""
        self.practitioners: set[int] = set()
        self.locations: set[int] = set()
        self.sessions: set[int] = set()
        """Locked."""
        self.courses: set[int] = set()
        """Services all of whose sessions are wanted, locked."""
        self.spenders: set[int] = set()
        """Users whose credits are wanted, locked."""
        self.seated: set[int] = set()
        """Users whose bookings of these sessions and courses are wanted."""
        self.seekers: set[int] = set()
        """Bookings whose users are wanted there."""
        self.waiters: set[tuple[int, int]] = set()
        """(session, user) whose place in the queue is wanted, if there is one."""
        self.offered: Counter[int] = Counter()
        """By session, how many seats are offered: the first in the queue are loaded, and the bookings of all in it."""
        self.emptied: set[int] = set()
        """Sessions whose bookings are to be cancelled: as many as a step takes are loaded and locked, and as many
        people who wait."""
        self.commands = 0
        """How many the batch has: each may take somebody out of a queue before the next is decided."""
        self.new_sessions = 0
        self.new_places = 0


class Needs:
    """What a batch has to load, and how many fresh ids it may ask for."""

    def __init__(self) -> None:
        self.services: set[str] = set()
        """Folded names."""
        self.users: set[int] = set()
        self.phones: set[str] = set()
        self.bookings: set[int] = set()
        """Locked as well as loaded."""
        self.slots: set[int] = set()
        """Time slots; locked as well as loaded, with the bookings that have them."""
        self.categories: set[int] = set()
        self.unnamed: set[int] = set()
        """More bookings. Nobody waits for an answer about them, so their users are not loaded."""
        self.moved: set[int] = set()
        """Bookings whose resource and room are wanted."""
        self.rooms: set[int] = set()
        self.holders: set[int] = set()
        """Users whose live holds count; their rows are locked, as a second lane may want to hold for them."""
        self.resources: set[int] = set()
        self.closures: set[int] = set()
        """Locked as well as loaded."""
        self.payments: set[UUID] = set()
        """With their bookings, which are locked first."""
        self.received: set[UUID] = set()
        """Payments that are reported to have succeeded: more is loaded for late ones."""
        self.paid_for: set[int] = set()
        """The bookings that they are for; looked up in the database."""
        self.new_bookings = 0
        self.new_users = 0
        self.new_slots = 0
        self.new_closures = 0
        self.market = MarketNeeds()
