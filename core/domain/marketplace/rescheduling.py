"""Rescheduling and amending. The old time is given back and the new one taken in one event, or neither."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import UNSET
from msgspec.structs import asdict, replace

from core.domain.bookings.changes import at_time, booking_needs, changed
from core.domain.bookings.claims import claims_of
from core.domain.bookings.holds import has_lapsed
from core.domain.bookings.status import TAKES_TIME, Status
from core.domain.command_handler import AlsoLoaded, Handler
from core.domain.commands import Actor, Envelope
from core.domain.events import BookingChanged, BookingUnchanged, Event
from core.domain.ids import Ids
from core.domain.marketplace.commands import AmendBooking, MoveBooking, TakeSeat
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.purchases.individual_sessions import (
    find_place,
    find_room,
    location_needs,
    placed_details,
    session_intervals,
)
from core.domain.marketplace.purchases.purchases import require_service
from core.domain.marketplace.purchases.seats import find_seat, require_session, session_details, session_practitioner
from core.domain.marketplace.values import Practitioner
from core.domain.marketplace.verbs import Role, market_booking, move_refusal
from core.domain.needs import Needs
from core.domain.refusals import Refusal, Refused
from core.domain.resources.local_time import Span
from core.domain.state import State
from core.domain.values import Booking, ResourceTime


def move(state: State, envelope: Envelope, command: MoveBooking, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    actor = envelope.actor
    booking, details, role = market_booking(state, command.booking_id, actor)
    if refused := move_refusal(booking, role, now, state.policy):
        raise refused
    if details.kind is not Kind.INDIVIDUAL:
        raise Refused(Refusal.SESSION_WANTED)
    status, hold_expires_at = _becomes(state, booking, details, now)
    service = require_service(state, booking.service_id or 0, Kind.INDIVIDUAL)
    place = find_place(
        state,
        service,
        _whom(details, booking),
        command.starts_at,
        command.ends_at,
        details.location_id,
        now,
        moving=booking,
    )
    after = replace(placed_details(details, place, details.location_id), is_scheduled=True)
    held = replace(booking, status=status, hold_expires_at=hold_expires_at)
    moved = _at(held, place.practitioner, (command.starts_at, command.ends_at), after, now)
    reason = command.reason or "rescheduled"
    change = BookingChanged(moved, booking.status, False, actor.kind, reason, claims_of(moved), moved_from=booking)
    return (*place.way, change)


def take_seat(state: State, envelope: Envelope, command: TakeSeat, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    """A workshop that is part of a package gets its session."""
    actor = envelope.actor
    booking, details, role = market_booking(state, command.booking_id, actor)
    if refused := move_refusal(booking, role, now, state.policy):
        raise refused
    status, hold_expires_at = _becomes(state, booking, details, now)
    session = require_session(state, command.session_id, booking.service_id)
    way = find_seat(state, session, booking.user_id, now)
    practitioner = session_practitioner(state, session)
    after = replace(session_details(details, session), practitioner_user_id=practitioner.user_id)
    held = replace(booking, status=status, hold_expires_at=hold_expires_at)
    moved = _at(held, practitioner, session.span, after, now)
    reason = command.reason or "rescheduled"
    return (*way, BookingChanged(moved, booking.status, False, actor.kind, reason, moved_from=booking))


def _at(booking: Booking, practitioner: Practitioner, span: Span, details: MarketDetails, now: datetime) -> Booking:
    return at_time(booking, span, practitioner.zone, now, resource_id=practitioner.resource_id, details=details)


def _becomes(state: State, booking: Booking, details: MarketDetails, now: datetime) -> tuple[Status, datetime | None]:
    """(status, end of the hold) of the rescheduled booking. A draft gets those of its purchase, whose payment is its
    own.
    """
    if booking.status is not Status.DRAFT:
        return booking.status, booking.hold_expires_at
    parent = state.bookings.get(details.parent_id or 0)
    if parent is None or parent.status not in TAKES_TIME:
        raise Refused(Refusal.NOT_MOVABLE)
    if has_lapsed(parent, now):
        raise Refused(Refusal.HOLD_ENDED)
    return Status.HELD if parent.status is Status.HELD else Status.CONFIRMED, parent.hold_expires_at


def _whom(details: MarketDetails, booking: Booking) -> int | None:
    """A session stays with its practitioner. A draft may go to any who is free."""
    return details.practitioner_id if booking.status is not Status.DRAFT else None


def amend(state: State, envelope: Envelope, command: AmendBooking, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    """Clients change their own texts. The location and how to meet are for the practitioner and staff to change."""
    actor = envelope.actor
    booking, details, role = market_booking(state, command.booking_id, actor)
    sent = {name: value for name, value in asdict(command).items() if value is not UNSET and name != "booking_id"}
    if role is Role.CLIENT and not sent.keys() <= CLIENTS_OWN:
        raise Refused(Refusal.VERB_FORBIDDEN)
    if all(getattr(details, name) == value for name, value in sent.items()):
        return (BookingUnchanged(booking),)
    location_id = sent.pop("location_id", details.location_id)
    amended = replace(details, **sent)
    if location_id == details.location_id:
        return (_amended(booking, amended, actor, now),)
    return _relocated(state, booking, amended, location_id, actor, now)


CLIENTS_OWN = frozenset({"title", "description", "client_notes", "timezone"})


def _relocated(
    state: State, booking: Booking, details: MarketDetails, location_id: int | None, actor: Actor, now: datetime
) -> tuple[Event, ...]:
    """Only an individual session can be given elsewhere, until it is over."""
    if not details.takes_practitioner or booking.status not in TAKES_TIME:
        raise Refused(Refusal.NOT_MOVABLE)
    room_id: int | None = None
    way: tuple[Event, ...] = ()
    if location_id is not None:
        room_id, way = find_room(state, location_id, booking.starts_at, booking.ends_at, now, booking)
    there = replace(details, location_id=location_id, room_id=room_id)
    return (*way, _amended(booking, there, actor, now, takes=True))


def _amended(
    booking: Booking, details: MarketDetails, actor: Actor, now: datetime, *, takes: bool = False
) -> BookingChanged:
    after = changed(booking, now, details=details)
    claims = claims_of(after) if takes else ()
    return BookingChanged(after, booking.status, False, actor.kind, "amended", claims)


def _move_intervals(state: State, command: MoveBooking) -> Iterator[ResourceTime]:
    booking = state.bookings.get(command.booking_id)
    if booking is None or not isinstance(booking.details, MarketDetails):
        return
    details = booking.details
    whom = details.practitioner_id if details.is_scheduled else None
    yield from session_intervals(
        state, booking.service_id, whom, command.starts_at, command.ends_at, details.location_id
    )


def _seat_needs(needs: Needs, command: TakeSeat) -> None:
    needs.bookings.add(command.booking_id)
    needs.market.sessions.add(command.session_id)
    needs.market.seekers.add(command.booking_id)


def _amend_needs(needs: Needs, command: AmendBooking) -> None:
    needs.bookings.add(command.booking_id)
    location_needs(needs, _new_location(command))


def _amend_intervals(state: State, command: AmendBooking) -> Iterator[ResourceTime]:
    booking = state.bookings.get(command.booking_id)
    if booking is None or not isinstance(booking.details, MarketDetails):
        return
    location = state.market.locations.get(_new_location(command) or 0)
    for room_id in location.room_ids if location else ():
        yield room_id, booking.starts_at, booking.ends_at


def _new_location(command: AmendBooking) -> int | None:
    return command.location_id if isinstance(command.location_id, int) else None


HANDLERS = (
    Handler(MoveBooking, move, booking_needs, _move_intervals, also_loaded=AlsoLoaded.PURCHASES),
    Handler(TakeSeat, take_seat, _seat_needs, also_loaded=AlsoLoaded.PURCHASES),
    Handler(AmendBooking, amend, _amend_needs, _amend_intervals, also_loaded=AlsoLoaded.PURCHASES),
)
