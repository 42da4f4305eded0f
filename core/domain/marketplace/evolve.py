"""How events change what a batch knows of the marketplace."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from core.domain.bookings.status import Status
from core.domain.events import BookingChanged, BookingPlaced
from core.domain.marketplace.counts import Counts, concerns_market
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.events import (
    CreditsGranted,
    CreditsVoided,
    SeatOffered,
    SessionCancelled,
    SessionOpened,
    WaitingBegun,
    WaitingEnded,
)
from core.domain.marketplace.values import WaitingPlace
from core.domain.state import State
from core.domain.values import Booking


def evolve_market(state: State, event: Any) -> None:
    """Every event passes here: seats and credits follow from bookings of whatever command."""
    if not concerns_market(event):
        return
    _count(state, event)
    match event:
        case BookingPlaced(booking=booking) | BookingChanged(booking=booking):
            state.market.know_booking(booking)
            _pay(state, booking)
        case SessionOpened(session=session, claims=claims):
            state.market.sessions[session.id] = session
            for claim in claims:
                state.take(claim)
        case SessionCancelled(session=session):
            state.market.sessions[session.id] = session
            state.give_back((None, None, session.id))
        case CreditsGranted(credit=credit):
            state.market.credits[credit.booking_id] = credit
        case CreditsVoided(credit_id=id_) if (voided := state.market.credits.get(id_)) is not None:
            state.market.credits[id_] = replace(voided, balance=0)
        case WaitingBegun(place=place):
            state.market.queues[place.session_id][place.user_id] = place
            _wait(state, place, 1)
        case WaitingEnded(place=place) | SeatOffered(place=place):
            del state.market.queues[place.session_id][place.user_id]
            _wait(state, place, -1)
        case _:
            pass


def _count(state: State, event: Any) -> None:
    counts, market = Counts([event]), state.market
    for id_, seats in counts.seats.items():
        if (session := market.sessions.get(id_)) is not None:
            market.sessions[id_] = replace(session, seats_taken=session.seats_taken + seats)
    for id_, credits_ in counts.credits.items():
        if (credit := market.credits.get(id_)) is not None:
            market.credits[id_] = replace(credit, balance=credit.balance + credits_)


def _pay(state: State, booking: Booking) -> None:
    """A bundle's credits pay as long as the bundle is paid."""
    if not isinstance(booking.details, MarketDetails) or booking.details.kind is not Kind.BUNDLE:
        return
    if (credit := state.market.credits.get(booking.id)) is not None:
        state.market.credits[booking.id] = replace(credit, is_paid=booking.status is Status.CONFIRMED)


def _wait(state: State, place: WaitingPlace, by: int) -> None:
    if (session := state.market.sessions.get(place.session_id)) is not None:
        state.market.sessions[session.id] = replace(session, waiting=session.waiting + by)
