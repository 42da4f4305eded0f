"""What the marketplace's commands need to know, in two steps like all others' (core.domain.needs)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import assert_never

from core.domain.marketplace.commands import (
    AmendBooking,
    BookBundle,
    BookCourse,
    BookIndividual,
    BookPackage,
    BookSession,
    BuyCommand,
    CancelSession,
    JoinWaitingList,
    LeaveWaitingList,
    MarketCommand,
    MoveBooking,
    OfferSeats,
    OpenSession,
    TakeSeat,
    TurnBooking,
    WaitCommand,
)
from core.domain.marketplace.details import MarketDetails
from core.domain.marketplace.purchases.individual_sessions import session_intervals
from core.domain.state import State

Interval = tuple[int, datetime, datetime]


class MarketNeeds:
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
        """By session, how many seats are offered: the first who wait are wanted, and the bookings of all who do."""
        self.emptied: set[int] = set()
        """Sessions whose bookings are to be cancelled: as many as a step takes are loaded and locked, and as many
        people who wait."""
        self.users: set[int] = set()
        self.holders: set[int] = set()
        self.bookings: set[int] = set()
        self.commands = 0
        """How many: each may take somebody out of a queue before the next is decided."""
        self.new_bookings = 0
        self.new_sessions = 0
        self.new_places = 0

    def add(self, command: MarketCommand) -> None:
        self.commands += 1
        match command:
            case BookIndividual() | BookSession() | BookCourse() | BookPackage() | BookBundle():
                self._add_buy(command)
            case TurnBooking(booking_id=id_) | MoveBooking(booking_id=id_):
                self.bookings.add(id_)
            case TakeSeat(booking_id=id_, session_id=session_id):
                self.bookings.add(id_)
                self.sessions.add(session_id)
                self.seekers.add(id_)
            case AmendBooking(booking_id=id_, location_id=location_id):
                self.bookings.add(id_)
                self._at(location_id if isinstance(location_id, int) else None)
            case OpenSession():
                self.services.add(command.service_id)
                self.practitioners.add(command.practitioner_id)
                self._at(command.location_id)
                self.new_sessions += 1
            case CancelSession(session_id=id_):
                self.sessions.add(id_)
                self.emptied.add(id_)
            case JoinWaitingList() | LeaveWaitingList() | OfferSeats():
                self._add_wait(command)
            case _ as unreachable:
                assert_never(unreachable)

    def _add_buy(self, command: BuyCommand) -> None:
        self.services.add(command.service_id)
        self.users.add(command.user_id)
        self.holders.add(command.user_id)
        self.new_bookings += 1
        match command:
            case BookIndividual():
                self.spenders.add(command.user_id)
                self._at(command.location_id)
            case BookSession():
                self.spenders.add(command.user_id)
                self.sessions.add(command.session_id)
                self.seated.add(command.user_id)
            case BookCourse():
                self.courses.add(command.service_id)
                self.seated.add(command.user_id)
                self.new_bookings += command.children
            case BookPackage():
                self.new_bookings += len(command.parts)
                self.services.update(part.service_id for part in command.parts)
                self.sessions.update(part.session_id for part in command.parts if part.session_id is not None)
                self.seated.add(command.user_id)
                for part in command.parts:
                    self._at(part.location_id)
            case BookBundle():
                pass

    def _add_wait(self, command: WaitCommand) -> None:
        self.sessions.add(command.session_id)
        match command:
            case JoinWaitingList(user_id=user_id):
                self.waiters.add((command.session_id, user_id))
                self.users.add(user_id)
                self.seated.add(user_id)
                self.new_places += 1
            case LeaveWaitingList(user_id=user_id):
                self.waiters.add((command.session_id, user_id))
            case OfferSeats(session_id=id_, at_most=at_most):
                self.offered[id_] += at_most
                self.new_bookings += at_most

    def _at(self, location_id: int | None) -> None:
        if location_id is not None:
            self.locations.add(location_id)


def market_intervals(state: State, command: MarketCommand) -> Iterator[Interval]:
    """Whose claims decide a command, and when."""
    match command:
        case BookIndividual():
            yield from session_intervals(
                state,
                command.service_id,
                command.practitioner_id,
                command.starts_at,
                command.ends_at,
                command.location_id,
            )
        case BookPackage():
            for part in command.parts:
                if part.starts_at is not None and part.ends_at is not None:
                    yield from session_intervals(
                        state, part.service_id, part.practitioner_id, part.starts_at, part.ends_at, part.location_id
                    )
        case MoveBooking() | AmendBooking():
            yield from _of_change(state, command)
        case OpenSession():
            yield from _of_keeping(state, command)
        case _:
            return


def _of_change(state: State, command: MoveBooking | AmendBooking) -> Iterator[Interval]:
    booking = state.bookings.get(command.booking_id)
    if booking is None or not isinstance(booking.details, MarketDetails):
        return
    details = booking.details
    if isinstance(command, MoveBooking):
        whom = details.practitioner_id if details.is_scheduled else None
        yield from session_intervals(
            state, booking.service_id, whom, command.starts_at, command.ends_at, details.location_id
        )
    elif isinstance(command.location_id, int):
        location = state.market.locations.get(command.location_id)
        for room_id in location.room_ids if location else ():
            yield room_id, booking.starts_at, booking.ends_at


def _of_keeping(state: State, command: OpenSession) -> Iterator[Interval]:
    practitioner = state.market.practitioners.get(command.practitioner_id)
    if practitioner is None:
        return
    yield (practitioner.resource_id, *practitioner.claimed(command.starts_at, command.ends_at))
    location = state.market.locations.get(command.location_id or 0)
    for room_id in location.room_ids if location else ():
        yield room_id, command.starts_at, command.ends_at
