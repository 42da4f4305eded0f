"""Workshops and courses: seats of sessions, in each session of a course or in none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from heapq import heappop

from msgspec.structs import replace

from core.domain.bookings.holds import ExpiredHolds, expired, has_lapsed, joined
from core.domain.command_handler import Handler
from core.domain.commands import Envelope
from core.domain.events import BookingPlaced, Event
from core.domain.ids import Ids
from core.domain.marketplace.commands import BookCourse, BookSession
from core.domain.marketplace.counts import KEEPS_SEAT
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.purchases.purchases import (
    details_of,
    new_purchase,
    paid_by_credit,
    purchase_needs,
    require_service,
    resolve_buyer,
    with_price,
)
from core.domain.marketplace.values import Practitioner, ServiceSession
from core.domain.needs import Needs
from core.domain.payments.money import split
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking


def book_session(state: State, envelope: Envelope, command: BookSession, now: datetime, ids: Ids) -> tuple[Event, ...]:
    service = require_service(state, command.service_id, Kind.WORKSHOP)
    user = resolve_buyer(state, envelope, command.user_id, now, ids)
    session = require_session(state, command.session_id, service.id)
    way = find_seat(state, session, user.id, now)
    practitioner = session_practitioner(state, session)
    details = session_details(details_of(Kind.WORKSHOP, practitioner, command.words), session)
    if command.use_credits:
        details = paid_by_credit(state, details, user.id, service, now)
    booking = new_purchase(envelope, user.id, service, practitioner, details, session.span, now, ids)
    booking = with_price(state, booking, service.price_minor - details.discount_minor, now)
    return (*way, BookingPlaced(booking, ()))


def book_course(state: State, envelope: Envelope, command: BookCourse, now: datetime, ids: Ids) -> tuple[Event, ...]:
    service = require_service(state, command.service_id, Kind.COURSE)
    user = resolve_buyer(state, envelope, command.user_id, now, ids)
    sessions = sessions_of(state, service.id)
    if not sessions:
        raise Refused(Refusal.SESSION_NOT_FOUND)
    if len(sessions) > command.children:
        raise Refused(Refusal.CHANGED_MEANWHILE)
    way = joined(find_seat(state, session, user.id, now) for session in sessions)
    practitioner = session_practitioner(state, sessions[0])
    span = sessions[0].starts_at, max(session.ends_at for session in sessions)
    details = details_of(Kind.COURSE, practitioner, command.words)
    parent = new_purchase(envelope, user.id, service, practitioner, details, span, now, ids)
    parent = with_price(state, parent, service.price_minor, now)
    children = []
    shares = split(service.price_minor, [1] * len(sessions), service.currency)
    for session, share in zip(sessions, shares, strict=True):
        teacher = session_practitioner(state, session)
        own = session_details(details_of(Kind.WORKSHOP, teacher, command.words), session)
        own = replace(own, parent_id=parent.id, share_minor=share)
        child = new_purchase(envelope, user.id, service, teacher, own, session.span, now, ids)
        children.append(under(parent, child))
    return (*way, *(BookingPlaced(child, ()) for child in children), BookingPlaced(parent, ()))


def session_details(details: MarketDetails, session: ServiceSession) -> MarketDetails:
    """Where and how to meet is the session's."""
    return replace(
        details,
        is_scheduled=True,
        practitioner_id=session.practitioner_id,
        session_id=session.id,
        location_id=session.location_id,
        room_id=session.room_id,
        meeting_url=session.meeting_url,
    )


def under(parent: Booking, child: Booking) -> Booking:
    """A part of a purchase: confirmed or held, and as long, as the whole."""
    return replace(child, status=parent.status, hold_expires_at=parent.hold_expires_at)


def require_session(state: State, session_id: int, service_id: int | None = None) -> ServiceSession:
    session = state.market.sessions.get(session_id)
    if session is None or (service_id is not None and session.service_id != service_id):
        raise Refused(Refusal.SESSION_NOT_FOUND)
    return session


def sessions_of(state: State, service_id: int) -> list[ServiceSession]:
    """The schedule of a course, in order."""
    found = (session for session in state.market.sessions.of(service_id) if not session.is_cancelled)
    return sorted(found, key=lambda session: (session.starts_at, session.id))


def session_practitioner(state: State, session: ServiceSession) -> Practitioner:
    return state.market.practitioners[session.practitioner_id]


def find_seat(state: State, session: ServiceSession, user_id: int, now: datetime) -> ExpiredHolds:
    """The lapsed holds that must expire so that somebody has a seat: their own, as nobody has two, or the first.

    Raises `Refused` for a session that is cancelled, has begun or is full, and for somebody who has a seat already.
    """
    check_open(state, session, now)
    own = list(seats_of(state, session, user_id))
    if any(not has_lapsed(booking, now) for booking in own):
        raise Refused(Refusal.ALREADY_BOOKED)
    if not session.has_seat:
        lapsed = None if session.waiting else _lapsed(state, session, now)
        if lapsed is None:
            raise Refused(Refusal.SESSION_FULL)
        own = own or [lapsed]
    return tuple(expired(booking, now) for booking in own)


def check_open(state: State, session: ServiceSession, now: datetime) -> None:
    """Raises `Refused` if the session is cancelled or has begun."""
    if session.is_cancelled:
        raise Refused(Refusal.SESSION_CANCELLED)
    if session.starts_at <= now and not state.policy.allow_past:
        raise Refused(Refusal.IN_THE_PAST)


def seats_of(state: State, session: ServiceSession, user_id: int) -> Iterator[Booking]:
    """A person's bookings of a session that have a seat, as far as the batch has loaded them."""
    found = (state.bookings.get(id_) for id_ in sorted(state.market.seats_of[session.id, user_id]))
    return (booking for booking in found if booking is not None and booking.status in KEEPS_SEAT)


def _lapsed(state: State, session: ServiceSession, now: datetime) -> Booking | None:
    """The session's hold that lapsed first."""
    holds = state.market.holds[session.id]
    while holds and holds[0][0] <= now:
        expires_at, id_ = holds[0]
        booking = state.bookings.get(id_)
        if booking is not None and has_lapsed(booking, now) and booking.hold_expires_at == expires_at:
            return booking
        heappop(holds)
    return None


def _session_needs(needs: Needs, command: BookSession) -> None:
    purchase_needs(needs, command.user_id, command.service_id)
    needs.market.spenders.add(command.user_id)
    needs.market.sessions.add(command.session_id)
    needs.market.seated.add(command.user_id)


def _course_needs(needs: Needs, command: BookCourse) -> None:
    purchase_needs(needs, command.user_id, command.service_id)
    needs.market.courses.add(command.service_id)
    needs.market.seated.add(command.user_id)
    needs.new_bookings += command.children


HANDLERS = (
    Handler(BookSession, book_session, _session_needs),
    Handler(BookCourse, book_course, _course_needs, weight=lambda command: 1 + command.children),
)
