"""What takes place on some days, as the desk shows it: each booking with its own status, whatever its contract."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.resources.local_time import local
from core.domain.values import Booking, User
from core.store.lists.desk_schedule import ScheduledSession
from core.wire.contracts.closures import ClosureShown
from core.wire.vocabulary import Day, HourMinuteSecond, Zulu, zulu

StatusWord = Literal["held", "confirmed", "in_progress", "completed", "cancelled", "expired", "no_show"]
PaymentWord = Literal["none", "pending", "processing", "succeeded", "failed", "refunded"]


class Booker(Struct, frozen=True):
    """Whose a booking is."""

    id: int
    name: str
    """First and last name; the user name where there is none."""
    email: str
    phone: str


class ScheduledBooking(Struct, frozen=True, kw_only=True):
    """`booking_date` and `booking_time` are local to the resource, `start_time` and `end_time` instants."""

    id: int
    contract: str
    kind: Kind | None
    """Of the marketplace's."""
    status: StatusWord
    payment_status: PaymentWord
    service_name: str
    resource_id: int
    session_id: int | None
    """The session in which it has a seat."""
    booking_date: Day
    booking_time: HourMinuteSecond
    duration_minutes: int
    start_time: Zulu
    end_time: Zulu
    hold_expires_at: Zulu | None
    """When its hold ends, as long as it is held."""
    price_minor: int
    currency: str
    notes: str
    version: int
    created_at: Zulu
    user: Booker


class SessionOnSchedule(Struct, frozen=True, kw_only=True):
    """A session of a workshop or course, in its practitioner's day."""

    id: int
    service_name: str
    resource_id: int
    title: str
    session_date: Day
    session_time: HourMinuteSecond
    duration_minutes: int
    capacity: int
    seats_taken: int
    waiting: int
    is_canceled: bool


class ScheduleShown(Struct, frozen=True, kw_only=True):
    bookings: list[ScheduledBooking]
    more: bool
    """Whether there are bookings beyond this page."""
    sessions: list[SessionOnSchedule]
    """At most 500; none where `booking_id` is given."""
    closures: list[ClosureShown]
    """As above."""
    position: str
    """Of the live feed in the same moment: `/ws/admin/bookings/` goes on from it without a gap."""
    limit: int
    offset: int


def scheduled_booking(booking: Booking, user: User) -> ScheduledBooking:
    market = booking.details if isinstance(booking.details, MarketDetails) else None
    return ScheduledBooking(
        id=booking.id,
        contract=booking.contract,
        kind=market.kind if market else None,
        status=booking.status.value,  # type: ignore[arg-type]  # drafts have no time, so none is scheduled
        payment_status=booking.payment_status.value,
        service_name=booking.service_name,
        resource_id=booking.resource_id,
        session_id=market.session_id if market else None,
        booking_date=booking.local_date.isoformat(),
        booking_time=booking.local_time.isoformat("seconds"),
        duration_minutes=booking.duration_minutes,
        start_time=zulu(booking.starts_at),
        end_time=zulu(booking.ends_at),
        hold_expires_at=zulu(booking.hold_expires_at) if _holds(booking) and booking.hold_expires_at else None,
        price_minor=booking.price_minor,
        currency=booking.currency,
        notes=booking.notes,
        version=booking.version,
        created_at=zulu(booking.created_at),
        user=Booker(user.id, f"{user.first_name} {user.last_name}".strip() or user.username, user.email, user.phone),
    )


def _holds(booking: Booking) -> bool:
    return booking.status.value == "held"


def session_on_schedule(found: ScheduledSession) -> SessionOnSchedule:
    session = found.session
    starts = local(session.starts_at, found.zone)
    return SessionOnSchedule(
        id=session.id,
        service_name=found.service_name,
        resource_id=found.resource_id,
        title=session.title,
        session_date=starts.date().isoformat(),
        session_time=starts.time().isoformat("seconds"),
        duration_minutes=int((session.ends_at - session.starts_at).total_seconds() // 60),
        capacity=session.capacity,
        seats_taken=session.seats_taken,
        waiting=session.waiting,
        is_canceled=session.is_cancelled,
    )
