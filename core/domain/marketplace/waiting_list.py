"""Waiting lists of full sessions: first come, first offered. An offer is a hold with a time limit of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from core.domain.bookings.holds import expired, has_lapsed
from core.domain.bookings.status import PaymentStatus, Status
from core.domain.command_handler import Handler
from core.domain.commands import Actor, Envelope
from core.domain.events import BookingPlaced, Event, NothingDue
from core.domain.ids import Ids
from core.domain.marketplace.commands import JoinWaitingList, LeaveWaitingList, OfferSeats, Words
from core.domain.marketplace.details import Kind
from core.domain.marketplace.events import SeatOffered, WaitingBegun, WaitingEnded
from core.domain.marketplace.purchases.purchases import details_of, new_purchase
from core.domain.marketplace.purchases.seats import (
    check_open,
    require_session,
    seats_of,
    session_details,
    session_practitioner,
)
from core.domain.marketplace.values import MarketService, ServiceSession, WaitingPlace
from core.domain.needs import Needs
from core.domain.payments.money import can_be_charged
from core.domain.refusals import Refusal, Refused, require
from core.domain.state import State
from core.domain.values import Booking

WAITING_MAX = 10_000
"""People waiting for one session."""


def join(state: State, envelope: Envelope, command: JoinWaitingList, now: datetime, ids: Ids) -> tuple[Event, ...]:
    session = _waitable(state, command.session_id, command.user_id, envelope.actor, now)
    if command.user_id in state.market.queues[session.id]:
        raise Refused(Refusal.ALREADY_WAITING)
    if session.has_seat:
        raise Refused(Refusal.SEATS_LEFT)
    if session.waiting >= WAITING_MAX:
        raise Refused(Refusal.SESSION_FULL)
    place = WaitingPlace(ids.waiting(), session.id, command.user_id, now)
    return (WaitingBegun(place, session.waiting + 1),)


def leave(state: State, envelope: Envelope, command: LeaveWaitingList, _now: datetime, _ids: Ids) -> tuple[Event, ...]:
    session = require_session(state, command.session_id)
    _own(command.user_id, envelope.actor)
    place = state.market.queues[session.id].get(command.user_id)
    return (WaitingEnded(require(place, Refusal.NOT_WAITING)),)


def offer_seats(state: State, envelope: Envelope, command: OfferSeats, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """Each free seat is offered to the next in the queue. Those who got a seat otherwise leave the queue."""
    session = state.market.sessions.get(command.session_id)
    if session is None or session.is_cancelled or session.starts_at <= now:
        return (NothingDue(),)
    if not _can_be_paid(state.market.services.get(session.service_id)):  # until its price is corrected
        return (NothingDue(),)
    left = min(session.capacity - session.seats_taken, command.at_most)
    events: list[Event] = []
    for place in state.market.queues[session.id].values():
        if left <= 0:
            break
        own = list(seats_of(state, session, place.user_id))
        if any(not has_lapsed(booking, now) for booking in own):
            events.append(WaitingEnded(place))
            continue
        offer = _offer(state, envelope, session, place, now, ids)
        events += [expired(booking, now) for booking in own]
        events += [BookingPlaced(offer, ()), SeatOffered(place, offer.id, now)]
        left -= 1
    return tuple(events) or (NothingDue(),)


def _offer(
    state: State, envelope: Envelope, session: ServiceSession, place: WaitingPlace, now: datetime, ids: Ids
) -> Booking:
    """A hold even if it is free: who waited must confirm in time that they still want the seat."""
    service = state.market.services[session.service_id]
    practitioner = session_practitioner(state, session)
    details = session_details(details_of(Kind.WORKSHOP, practitioner, Words()), session)
    booking = new_purchase(envelope, place.user_id, service, practitioner, details, session.span, now, ids)
    ends = min(now + timedelta(seconds=state.policy.offer_s), session.starts_at)
    owes = PaymentStatus.PENDING if service.price_minor else PaymentStatus.NONE
    return replace(
        booking, status=Status.HELD, price_minor=service.price_minor, payment_status=owes, hold_expires_at=ends
    )


def _waitable(state: State, session_id: int, user_id: int, actor: Actor, now: datetime) -> ServiceSession:
    session = require_session(state, session_id)
    _own(user_id, actor)
    if session.service_id not in state.market.services or state.market.services[session.service_id].kind is Kind.COURSE:
        raise Refused(Refusal.SESSION_NOT_FOUND)
    check_open(state, session, now)
    if not _can_be_paid(state.market.services.get(session.service_id)):
        raise Refused(Refusal.NOT_CHARGEABLE)
    if any(seats_of(state, session, user_id)):
        raise Refused(Refusal.ALREADY_BOOKED)
    return session


def _can_be_paid(service: MarketService | None) -> bool:
    """Whether an offered seat could be paid for, if it costs something."""
    return service is None or service.price_minor == 0 or can_be_charged(service.price_minor, service.currency)


def _own(user_id: int, actor: Actor) -> None:
    if not actor.may_act_for(user_id):
        raise Refused(Refusal.FORBIDDEN)


def _join_needs(needs: Needs, command: JoinWaitingList) -> None:
    needs.users.add(command.user_id)
    needs.market.sessions.add(command.session_id)
    needs.market.waiters.add((command.session_id, command.user_id))
    needs.market.seated.add(command.user_id)
    needs.market.new_places += 1


def _leave_needs(needs: Needs, command: LeaveWaitingList) -> None:
    needs.market.sessions.add(command.session_id)
    needs.market.waiters.add((command.session_id, command.user_id))


def _offer_needs(needs: Needs, command: OfferSeats) -> None:
    needs.new_bookings += command.at_most
    needs.market.sessions.add(command.session_id)
    needs.market.offered[command.session_id] += command.at_most


HANDLERS = (
    Handler(JoinWaitingList, join, _join_needs),
    Handler(LeaveWaitingList, leave, _leave_needs),
    Handler(OfferSeats, offer_seats, _offer_needs, weight=lambda command: command.at_most),
)
