"""Answers of the marketplace contract (docs/contracts/marketplace.md)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from core.domain.bookings.status import Status
from core.domain.commands import Actor, Cancel, Envelope
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    BookingUnchanged,
    Event,
    ResourceClosed,
    ResourceReopened,
)
from core.domain.marketplace.commands import TurnBooking, Verb
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.events import SessionCancelled, SessionEmptied, SessionOpened, WaitingBegun, WaitingEnded
from core.domain.marketplace.state import Market
from core.domain.marketplace.values import ServiceSession
from core.domain.marketplace.verbs import Role, can_be_canceled, can_be_rescheduled, role_of
from core.domain.state import State
from core.domain.values import Booking, Policy, User
from core.wire.contracts.cancellations import amount, canceled
from core.wire.contracts.closures import time_off_made
from core.wire.vocabulary import MARKET_PAYMENT, MARKET_STATUS, Instant, MarketPayment, MarketStatus

BookingType = Literal["individual", "group", "course", "package", "bundle"]

KIND_WORDS: dict[Kind, BookingType] = {
    Kind.INDIVIDUAL: "individual",
    Kind.WORKSHOP: "group",
    Kind.COURSE: "course",
    Kind.PACKAGE: "package",
    Kind.BUNDLE: "bundle",
}
"""The contract's `booking_type`: type `group` is a workshop."""

KIND_ASKED: dict[str, Kind] = {**{word: kind for kind, word in KIND_WORDS.items()}, "workshop": Kind.WORKSHOP}


class PractitionerShown(Struct, frozen=True):
    id: int
    name: str
    email: str


class ServiceShown(Struct, frozen=True):
    id: int
    name: str
    duration_minutes: int
    price_cents: int


class ClientShown(Struct, frozen=True):
    id: int
    name: str
    email: str


class LocationShown(Struct, frozen=True):
    id: int
    name: str
    address: str


class MarketRoom(Struct, frozen=True):
    id: int
    name: str


class NoteShown(Struct, frozen=True):
    id: int
    content: str
    is_private: bool
    author: str
    created_at: Instant


class MarketBookingBrief(Struct, frozen=True, kw_only=True):
    """A booking in a list. Unscheduled ones have no times."""

    id: int
    public_uuid: UUID
    practitioner: PractitionerShown
    service: ServiceShown
    start_time: Instant | None
    end_time: Instant | None
    status: MarketStatus
    payment_status: MarketPayment
    price_charged: str
    is_upcoming: bool
    booking_type: BookingType
    title: str
    parent_booking_id: int | None
    created_at: Instant


class MarketBookingDetail(MarketBookingBrief, frozen=True, kw_only=True):
    can_be_canceled: bool
    can_be_rescheduled: bool
    child_bookings: list[MarketBookingBrief]
    notes: list[NoteShown]
    """Private ones only for the practitioner and staff."""
    user: ClientShown
    location: LocationShown | None
    room: MarketRoom | None
    timezone: str
    meeting_url: str
    meeting_id: str
    description: str
    client_notes: str
    price_charged_cents: int
    discount_amount: str
    final_amount: str
    currency: str
    service_session_id: int | None
    hold_expires_at: Instant | None
    """When an unpaid booking gives its place back."""
    canceled_by: str | None
    cancellation_reason: str | None


class MarketDone(Struct, frozen=True):
    success: bool
    message: str


class SessionShown(Struct, frozen=True, kw_only=True):
    id: int
    service_id: int
    practitioner_id: int
    location_id: int | None
    room_id: int | None
    title: str
    start_time: Instant
    end_time: Instant
    capacity: int
    seats_taken: int
    seats_left: int
    """For somebody who has not waited: seats that others wait for are not left."""
    waiting: int
    is_canceled: bool
    meeting_url: str


class WaitingShown(Struct, frozen=True):
    session_id: int
    user_id: int
    position: int
    created_at: Instant


DONE: dict[type[Event], str] = {
    BookingDeleted: "Booking deleted",
    WaitingEnded: "You no longer wait for a seat",
    ResourceReopened: "Time off ended",
}
"""What is over has nothing to show."""


def answer(envelope: Envelope, events: tuple[Event, ...], state: State) -> tuple[int, object]:
    """(HTTP status, body) of a command that was not refused."""
    match events[-1]:
        case BookingPlaced(booking=booking):
            return 201, _detail(envelope, booking, state)
        case BookingChanged(booking=booking) | BookingUnchanged(booking=booking):
            if _is_cancellation(envelope):
                return 200, MarketDone(success=True, message=canceled(booking, events, state))
            return 200, _detail(envelope, booking, state)
        case SessionOpened(session=session):
            return 201, session_shown(session)
        case SessionCancelled(session=session) | SessionEmptied(session=session):
            return 200, session_shown(session)
        case WaitingBegun(place=place, position=position):
            return 201, WaitingShown(place.session_id, place.user_id, position, place.created_at)
        case ResourceClosed() as closed:
            return 201, time_off_made(closed, state)
        case event:
            return 200, MarketDone(success=True, message=DONE.get(type(event), "Done"))


def _is_cancellation(envelope: Envelope) -> bool:
    command = envelope.command
    return isinstance(command, Cancel) or (isinstance(command, TurnBooking) and command.verb is Verb.CANCEL)


def _detail(envelope: Envelope, booking: Booking, state: State) -> MarketBookingDetail:
    children = [state.bookings[id_] for id_ in sorted(state.market.children[booking.id]) if id_ in state.bookings]
    now = state.market.now or booking.updated_at
    return detail(
        booking, state.users[booking.user_id], children, state.market, envelope.actor, now=now, policy=state.policy
    )


def detail(
    booking: Booking,
    user: User,
    children: list[Booking],
    market: Market,
    viewer: Actor,
    *,
    now: datetime,
    policy: Policy,
) -> MarketBookingDetail:
    """A marketplace booking in full, as this viewer may see it."""
    details = _details(booking)
    location = market.locations.get(details.location_id or 0)
    room = details.room_id
    role = role_of(viewer, booking)
    sees_all = role in {Role.PRACTITIONER, Role.ADMIN, Role.SYSTEM}
    gone = details.cancellation
    return MarketBookingDetail(
        **_brief(booking, market, now),
        can_be_canceled=can_be_canceled(booking, now),
        can_be_rescheduled=can_be_rescheduled(booking, role, now, policy),
        child_bookings=[brief(child, market, now) for child in children],
        notes=[
            NoteShown(note.id, note.content, note.is_private, note.author, note.created_at)
            for note in market.notes[booking.id]
            if sees_all or not note.is_private
        ],
        user=ClientShown(user.id, f"{user.first_name} {user.last_name}".strip() or user.username, user.email),
        location=LocationShown(location.id, location.name, location.address) if location else None,
        room=MarketRoom(room, market.room_names.get(room, "")) if room is not None else None,
        timezone=details.timezone,
        meeting_url=details.meeting_url,
        meeting_id=details.meeting_id,
        description=details.description,
        client_notes=details.client_notes,
        price_charged_cents=booking.price_minor + details.discount_minor,
        discount_amount=amount(details.discount_minor, booking.currency),
        final_amount=amount(booking.price_minor, booking.currency),
        currency=booking.currency,
        service_session_id=details.session_id,
        hold_expires_at=booking.hold_expires_at if booking.status is Status.HELD else None,
        canceled_by=gone.by if gone else None,
        cancellation_reason=gone.reason if gone else None,
    )


def brief(booking: Booking, market: Market, now: datetime) -> MarketBookingBrief:
    return MarketBookingBrief(**_brief(booking, market, now))


def _brief(booking: Booking, market: Market, now: datetime) -> dict[str, Any]:
    details = _details(booking)
    practitioner = market.practitioners[details.practitioner_id]
    service = market.services[booking.service_id or 0]
    starts_at = booking.starts_at if details.is_scheduled else None
    return {
        "id": booking.id,
        "public_uuid": booking.public_uuid,
        "practitioner": PractitionerShown(practitioner.id, practitioner.name, practitioner.email),
        "service": ServiceShown(service.id, service.name, service.minutes, service.price_minor),
        "start_time": starts_at,
        "end_time": booking.ends_at if details.is_scheduled else None,
        "status": MARKET_STATUS[booking.status],
        "payment_status": MARKET_PAYMENT[booking.payment_status],
        "price_charged": amount(booking.price_minor + details.discount_minor, booking.currency),
        "is_upcoming": starts_at is not None and starts_at > now and booking.status in UPCOMING,
        "booking_type": KIND_WORDS[details.kind],
        "title": details.title,
        "parent_booking_id": details.parent_id,
        "created_at": booking.created_at,
    }


UPCOMING = frozenset({Status.HELD, Status.CONFIRMED})


def session_shown(session: ServiceSession) -> SessionShown:
    return SessionShown(
        id=session.id,
        service_id=session.service_id,
        practitioner_id=session.practitioner_id,
        location_id=session.location_id,
        room_id=session.room_id,
        title=session.title,
        start_time=session.starts_at,
        end_time=session.ends_at,
        capacity=session.capacity,
        seats_taken=session.seats_taken,
        seats_left=max(0, session.capacity - session.seats_taken - session.waiting),
        waiting=session.waiting,
        is_canceled=session.is_cancelled,
        meeting_url=session.meeting_url,
    )


def _details(booking: Booking) -> MarketDetails:
    if not isinstance(booking.details, MarketDetails):
        raise AssertionError(f"booking {booking.id} is not one of the marketplace's")  # noqa: TRY004 - a bug, not a type
    return booking.details
