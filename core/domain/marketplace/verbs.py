"""The verbs of docs/contracts/marketplace.md: confirm, complete, no-show, cancel; and who may use them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from core.domain.bookings.changes import booking_needs, with_status
from core.domain.bookings.holds import has_lapsed
from core.domain.bookings.status import RELEASED, TAKES_TIME, PaymentStatus, Status, may_become
from core.domain.command_handler import AlsoLoaded, Handler
from core.domain.commands import Actor, ActorKind, Envelope
from core.domain.events import BookingUnchanged, Event
from core.domain.ids import Ids
from core.domain.marketplace.commands import TurnBooking, Verb
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking, Policy


class Role(StrEnum):
    """What a person is to a booking, in the contract's words for `canceled_by`."""

    CLIENT = "client"
    PRACTITIONER = "practitioner"
    ADMIN = "admin"
    SYSTEM = "system"


def role_of(actor: Actor, booking: Booking) -> Role | None:
    """None for anybody else, who is refused as if the booking did not exist. Staff who are a party act as that party."""
    details = booking.details
    if actor.kind is ActorKind.ENGINE:
        return Role.SYSTEM
    if actor.user_id is not None and isinstance(details, MarketDetails):
        if actor.user_id == details.practitioner_user_id:
            return Role.PRACTITIONER
        if actor.user_id == booking.user_id:
            return Role.CLIENT
    return Role.ADMIN if actor.kind is ActorKind.STAFF else None


def market_booking(state: State, booking_id: int, actor: Actor) -> tuple[Booking, MarketDetails, Role]:
    """A marketplace booking that the actor is a party of, or staff. Raises `Refused` (not found)."""
    booking = state.bookings.get(booking_id)
    role = None if booking is None else role_of(actor, booking)
    if booking is None or role is None or not isinstance(booking.details, MarketDetails):
        raise Refused(Refusal.BOOKING_NOT_FOUND)
    return booking, booking.details, role


def turn(state: State, envelope: Envelope, command: TurnBooking, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    actor = envelope.actor
    booking, _, role = market_booking(state, command.booking_id, actor)
    match command.verb:
        case Verb.CONFIRM:
            return confirm(booking, actor, now)
        case Verb.COMPLETE:
            return _over(state, booking, role, Status.COMPLETED, actor, now)
        case Verb.NO_SHOW:
            return _over(state, booking, role, Status.NO_SHOW, actor, now)
        case Verb.CANCEL:
            return cancel(booking, role, command, actor, now)


def confirm(booking: Booking, actor: Actor, now: datetime) -> tuple[Event, ...]:
    """Only what is paid, covered, or free. A part of a purchase is confirmed with the whole."""
    if booking.status is Status.CONFIRMED:
        return (BookingUnchanged(booking),)
    if not may_become(booking.status, Status.CONFIRMED):
        raise Refused(Refusal.INVALID_TRANSITION, booking.status)
    if is_unpaid(booking):
        raise Refused(Refusal.UNPAID)
    if booking.hold_expires_at is not None and booking.hold_expires_at <= now:
        raise Refused(Refusal.HOLD_ENDED)
    return (with_status(booking, Status.CONFIRMED, actor, now, "confirmed"),)


def is_unpaid(booking: Booking) -> bool:
    is_part = isinstance(booking.details, MarketDetails) and booking.details.parent_id is not None
    owes = booking.price_minor > 0 and booking.payment_status is not PaymentStatus.SUCCEEDED
    return owes or (is_part and booking.status is Status.HELD)


def _over(state: State, booking: Booking, role: Role, status: Status, actor: Actor, now: datetime) -> tuple[Event, ...]:
    """Completed or missed: reported by the practitioner or staff, once it has begun."""
    if role is Role.CLIENT:
        raise Refused(Refusal.VERB_FORBIDDEN)
    if booking.status is status:
        return (BookingUnchanged(booking),)
    if not may_become(booking.status, status):
        raise Refused(Refusal.INVALID_TRANSITION, booking.status)
    if not is_under_way(state, booking, now):
        raise Refused(Refusal.NOT_BEGUN)
    return (with_status(booking, status, actor, now, status.value),)


def is_under_way(state: State, booking: Booking, now: datetime) -> bool:
    """Whether it has begun, and so can be completed or missed; of a course or package every part must have begun.

    A bundle never begins: what its credits pay for does.
    """
    kind = booking.details.kind if isinstance(booking.details, MarketDetails) else None
    if kind not in {Kind.COURSE, Kind.PACKAGE, Kind.BUNDLE}:
        return is_scheduled(booking) and booking.starts_at <= now
    children = [state.bookings[id_] for id_ in state.market.children[booking.id] if id_ in state.bookings]
    wanted = [child for child in children if child.status not in RELEASED]
    return bool(wanted) and all(is_scheduled(child) and child.starts_at <= now for child in wanted)


def cancel(booking: Booking, role: Role, command: TurnBooking, actor: Actor, now: datetime) -> tuple[Event, ...]:
    if command.canceled_by and command.canceled_by != role:
        raise Refused(Refusal.WRONG_CANCELED_BY)
    if refused := cancel_refusal(booking, now):
        raise refused
    return (with_status(booking, Status.CANCELLED, actor, now, command.reason),)


def is_scheduled(booking: Booking) -> bool:
    return not isinstance(booking.details, MarketDetails) or booking.details.is_scheduled


def has_begun(booking: Booking, now: datetime) -> bool:
    """Whether its start is past. A booking made for the past, as the demo's, never counts as begun."""
    return is_scheduled(booking) and booking.created_at < booking.starts_at <= now


def cancel_refusal(booking: Booking, now: datetime) -> Refused | None:
    if not may_become(booking.status, Status.CANCELLED):
        return Refused(Refusal.INVALID_TRANSITION, booking.status)
    return Refused(Refusal.ALREADY_BEGUN) if has_begun(booking, now) else None


def move_refusal(booking: Booking, role: Role | None, now: datetime, policy: Policy) -> Refused | None:
    """Why a booking cannot be rescheduled, whatever the new time.

    Clients may as long as a cancellation would cost nothing, practitioners and staff until it begins.
    """
    if not is_movable(booking):
        live = booking.status in TAKES_TIME or booking.status is Status.DRAFT
        return Refused(Refusal.NOT_MOVABLE) if live else Refused(Refusal.INVALID_TRANSITION, booking.status)
    if has_lapsed(booking, now):
        return Refused(Refusal.HOLD_ENDED)
    if not is_scheduled(booking):
        return None
    if has_begun(booking, now):
        return Refused(Refusal.ALREADY_BEGUN)
    return None if role is not Role.CLIENT or is_in_time(booking, now, policy) else Refused(Refusal.TOO_LATE_TO_MOVE)


def can_be_canceled(booking: Booking, now: datetime) -> bool:
    """What `cancel` would answer at this moment."""
    return cancel_refusal(booking, now) is None


def can_be_rescheduled(booking: Booking, role: Role | None, now: datetime, policy: Policy) -> bool:
    """What `reschedule` would answer this viewer at this moment, for a time that is free."""
    return move_refusal(booking, role, now, policy) is None


def is_movable(booking: Booking) -> bool:
    """A seat of a session has the session's time, so only individual sessions and parts without a time can be moved."""
    details = booking.details
    if not isinstance(details, MarketDetails):
        return False
    if booking.status is Status.DRAFT:
        return details.parent_id is not None
    return details.kind is Kind.INDIVIDUAL and booking.status in {Status.HELD, Status.CONFIRMED}


def is_in_time(booking: Booking, now: datetime, policy: Policy) -> bool:
    if booking.starts_at <= booking.created_at:
        return True
    return now + timedelta(seconds=policy.refund_notice_s) <= booking.starts_at


HANDLERS = (Handler(TurnBooking, turn, booking_needs, also_loaded=AlsoLoaded.PURCHASES),)
