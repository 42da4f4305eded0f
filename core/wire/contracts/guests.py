"""What a guest's link shows of a booking: what was entered for it, and what may be done about it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.domain.bookings import moves
from core.domain.bookings.status import PaymentStatus, Status, may_become
from core.domain.marketplace.details import MarketDetails
from core.domain.marketplace.verbs import Role, cancel_refusal, is_scheduled, move_refusal
from core.domain.resources.local_time import local
from core.domain.values import Booking, Policy, RoomDetails, User
from core.wire.contracts.rooms import money
from core.wire.vocabulary import Day, HourMinute, Zulu, zulu


class GuestBooking(Struct, frozen=True, kw_only=True):
    """Of any contract, in one shape. `start_date` and `start_time` are local to what is booked, in `time_zone`."""

    id: int
    status: Status
    payment_status: PaymentStatus
    service_name: str
    practitioner: str
    """Who gives it; empty where nobody in particular does."""
    location: str
    starts_at: Zulu | None
    """Null where it has no time of its own, such as a course with its sessions."""
    ends_at: Zulu | None
    start_date: Day | None
    start_time: HourMinute | None
    duration_minutes: int
    time_zone: str
    price: float
    currency: str
    first_name: str
    last_name: str
    email: str
    phone: str
    guest_count: int | None
    """Of a room."""
    notes: str
    may_cancel: bool
    may_move: bool
    hold_expires_at: Zulu | None
    """Until when it is held for whoever pays; null where it is not."""


class Shown(Struct, frozen=True):
    """What a guest's link shows, beside the booking and its client."""

    zone: str
    practitioner: str
    location: str


def guest_booking(booking: Booking, client: User, shown: Shown, policy: Policy, now: datetime) -> GuestBooking:
    begins = local(booking.starts_at, shown.zone) if is_scheduled(booking) else None
    details = booking.details
    return GuestBooking(
        id=booking.id,
        status=booking.status,
        payment_status=booking.payment_status,
        service_name=booking.service_name,
        practitioner=shown.practitioner,
        location=shown.location,
        starts_at=zulu(booking.starts_at) if begins else None,
        ends_at=zulu(booking.ends_at) if begins else None,
        start_date=begins.date().isoformat() if begins else None,
        start_time=f"{begins:%H:%M}" if begins else None,
        duration_minutes=booking.duration_minutes,
        time_zone=shown.zone,
        price=money(booking.price_minor, booking.currency),
        currency=booking.currency,
        first_name=client.first_name,
        last_name=client.last_name,
        email=client.email,
        phone=client.phone,
        guest_count=details.guest_count if isinstance(details, RoomDetails) else None,
        notes=details.client_notes if isinstance(details, MarketDetails) else booking.notes,
        may_cancel=may_cancel(booking, now),
        may_move=may_move(booking, policy, now),
        hold_expires_at=None if booking.hold_expires_at is None else zulu(booking.hold_expires_at),
    )


def may_cancel(booking: Booking, now: datetime) -> bool:
    """As its lane decides it (`core.domain.bookings.changes.cancel`, `core.domain.marketplace.verbs.cancel`)."""
    if isinstance(booking.details, MarketDetails):
        return cancel_refusal(booking, now) is None
    return may_become(booking.status, Status.CANCELLED)


def may_move(booking: Booking, policy: Policy, now: datetime) -> bool:
    """Whether its contract lets clients move it, and its rules do now; a workshop's seat is moved by none."""
    details = booking.details
    if not isinstance(details, MarketDetails):
        return moves.move_refusal(booking, now, policy, by_client=True) is None
    return (
        is_scheduled(booking) and details.takes_practitioner and move_refusal(booking, Role.CLIENT, now, policy) is None
    )
