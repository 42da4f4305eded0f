"""Rescheduling and amending: old and new time change hands in one event; refused, the old one stands."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import UNSET
from msgspec.structs import asdict, replace

from core.domain.bookings.claims import claims_wanted
from core.domain.bookings.holds import has_lapsed
from core.domain.bookings.status import TAKES_TIME, Status
from core.domain.commands import Actor
from core.domain.events import BookingChanged, BookingUnchanged, Event
from core.domain.marketplace.commands import AmendBooking, MoveBooking, TakeSeat
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.purchases.individual_sessions import find_place, find_room, placed_details
from core.domain.marketplace.purchases.purchases import require_service
from core.domain.marketplace.purchases.seats import find_seat, require_session, session_details, session_practitioner
from core.domain.marketplace.values import Practitioner
from core.domain.marketplace.verbs import Role, market_booking, move_refusal
from core.domain.refusals import Refusal, Refused
from core.domain.resources.local_time import local
from core.domain.state import State
from core.domain.values import Booking

_MINUTE = timedelta(minutes=1)


def move(state: State, actor: Actor, command: MoveBooking, now: datetime) -> tuple[Event, ...]:
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
    moved = _at(held, place.practitioner, command.starts_at, command.ends_at, after, now)
    reason = command.reason or "rescheduled"
    change = BookingChanged(moved, booking.status, False, actor.kind, reason, claims_wanted(moved, after))
    return (*place.way, change)


def take_seat(state: State, actor: Actor, command: TakeSeat, now: datetime) -> tuple[Event, ...]:
    """A workshop that is part of a package gets its session."""
    booking, details, role = market_booking(state, command.booking_id, actor)
    if refused := move_refusal(booking, role, now, state.policy):
        raise refused
    status, hold_expires_at = _becomes(state, booking, details, now)
    session = require_session(state, command.session_id, booking.service_id)
    way = find_seat(state, session, booking.user_id, now)
    practitioner = session_practitioner(state, session)
    after = replace(session_details(details, session), practitioner_user_id=practitioner.user_id)
    held = replace(booking, status=status, hold_expires_at=hold_expires_at)
    moved = _at(held, practitioner, session.starts_at, session.ends_at, after, now)
    return (*way, BookingChanged(moved, booking.status, False, actor.kind, command.reason or "rescheduled"))


def _at(
    booking: Booking,
    practitioner: Practitioner,
    starts_at: datetime,
    ends_at: datetime,
    details: MarketDetails,
    now: datetime,
) -> Booking:
    begins = local(starts_at, practitioner.zone)
    return replace(
        booking,
        resource_id=practitioner.resource_id,
        starts_at=starts_at,
        ends_at=ends_at,
        local_date=begins.date(),
        local_time=begins.time(),
        duration_minutes=(ends_at - starts_at) // _MINUTE,
        details=details,
        version=booking.version + 1,
        updated_at=now,
    )


def _becomes(state: State, booking: Booking, details: MarketDetails, now: datetime) -> tuple[Status, datetime | None]:
    """A draft is scheduled under its parent's payment; anything else stays what it is."""
    if booking.status is not Status.DRAFT:
        return booking.status, booking.hold_expires_at
    parent = state.bookings.get(details.parent_id or 0)
    if parent is None or parent.status not in TAKES_TIME:
        raise Refused(Refusal.NOT_MOVABLE)
    if has_lapsed(parent, now):
        raise Refused(Refusal.HOLD_ENDED)
    return Status.HELD if parent.status is Status.HELD else Status.CONFIRMED, parent.hold_expires_at


def _whom(details: MarketDetails, booking: Booking) -> int | None:
    """A session stays with its practitioner; a draft goes to any who is free."""
    return details.practitioner_id if booking.status is not Status.DRAFT else None


def amend(state: State, actor: Actor, command: AmendBooking, now: datetime) -> tuple[Event, ...]:
    """Clients change their own words; where it is and how to meet are the practitioner's to say."""
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
    """Only a session with a time of its own can go elsewhere, as long as it takes that time."""
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
    after = replace(booking, details=details, version=booking.version + 1, updated_at=now)
    claims = claims_wanted(after, details) if takes else ()
    return BookingChanged(after, booking.status, False, actor.kind, "amended", claims)
