"""How events change what a batch knows of the marketplace; `core.domain.evolve` calls these functions.

Seats and credits follow from bookings, whatever command or contract changes those.
"""

from __future__ import annotations

from msgspec.structs import replace

from core.domain.bookings.status import Status
from core.domain.events import BookingChanged, BookingDeleted, BookingPlaced
from core.domain.marketplace.counts import Counts
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.events import (
    CreditReturned,
    CreditsGranted,
    CreditsVoided,
    SeatOffered,
    SessionCancelled,
    SessionOpened,
    WaitingBegun,
    WaitingEnded,
)
from core.domain.state import State
from core.domain.values import Booking


def count(state: State, event: BookingPlaced | BookingChanged | BookingDeleted | CreditReturned) -> None:
    """The seats and credits that an event takes or gives back."""
    counts, market = Counts([event]), state.market
    for id_, seats in counts.seats.items():
        if (session := market.sessions.get(id_)) is not None:
            market.sessions[id_] = replace(session, seats_taken=session.seats_taken + seats)
    for id_, credits_ in counts.credits.items():
        if (credit := market.credits.get(id_)) is not None:
            market.credits[id_] = replace(credit, balance=credit.balance + credits_)


def know_booking(state: State, booking: Booking) -> None:
    """A bundle's credits pay as long as the bundle is paid."""
    state.market.know_booking(booking)
    if not isinstance(booking.details, MarketDetails) or booking.details.kind is not Kind.BUNDLE:
        return
    if (credit := state.market.credits.get(booking.id)) is not None:
        state.market.credits[booking.id] = replace(credit, is_paid=booking.status is Status.CONFIRMED)


def open_session(state: State, event: SessionOpened) -> None:
    state.market.sessions[event.session.id] = event.session
    for claim in event.claims:
        state.take(claim)


def cancel_session(state: State, event: SessionCancelled) -> None:
    state.market.sessions[event.session.id] = event.session
    state.give_back((None, None, event.session.id))


def grant_credits(state: State, event: CreditsGranted) -> None:
    state.market.credits[event.credit.booking_id] = event.credit


def void_credits(state: State, event: CreditsVoided) -> None:
    if (voided := state.market.credits.get(event.credit_id)) is not None:
        state.market.credits[event.credit_id] = replace(voided, balance=0)


def begin_waiting(state: State, event: WaitingBegun) -> None:
    state.market.queues[event.place.session_id][event.place.user_id] = event.place
    _count_waiting(state, event.place.session_id, 1)


def end_waiting(state: State, event: WaitingEnded | SeatOffered) -> None:
    del state.market.queues[event.place.session_id][event.place.user_id]
    _count_waiting(state, event.place.session_id, -1)


def _count_waiting(state: State, session_id: int, by: int) -> None:
    if (session := state.market.sessions.get(session_id)) is not None:
        state.market.sessions[session_id] = replace(session, waiting=session.waiting + by)
