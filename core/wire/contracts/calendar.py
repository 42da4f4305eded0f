"""Answers of the calendar contract: time slots and their bookings, as each viewer sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict

from core.domain.bookings.status import KEEPS_SLOT, Status
from core.domain.commands import Envelope, MoveToSlot
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    BookingUnchanged,
    Event,
    SkippedSlot,
    SlotChanged,
    SlotOffered,
    SlotRemoved,
    SlotUnchanged,
    WeeklyOffered,
    WhySkipped,
)
from core.domain.state import State
from core.domain.values import Booking, SlotDetails, TimeSlot, User
from core.wire.answers import Done
from core.wire.contracts.admin_bookings import AdminBooking, admin_booking
from core.wire.vocabulary import Day, HourMinute, Zulu, zulu

OVER = frozenset({Status.COMPLETED, Status.NO_SHOW})
"""Whatever the clock says. What is cancelled or expired is gone from lists, a draft is not shown."""


class CategoryShown(Struct, frozen=True):
    id: int
    name: str


class SlotBody(Struct, frozen=True, kw_only=True):
    """A time slot as everybody sees it: whether it is booked and whether by me, never by whom."""

    id: int
    category: CategoryShown
    start_time: Zulu
    end_time: Zulu
    is_booked: bool
    """Taken: by its own booking, or because its resource is."""
    booked_by_me: bool


class StaffSlot(SlotBody, frozen=True, kw_only=True):
    """A time slot as staff see it."""

    booking: AdminBooking | None
    """Who has it."""


class ChangedSlot(StaffSlot, frozen=True, kw_only=True):
    booking_change: Literal["moved", "cancelled"] | None
    """What the change did to the booking that had the slot."""


class ToldSlot(SlotBody, frozen=True, kw_only=True):
    """A time slot as `/ws/calendar/` tells of it."""

    booking_id: int | UnsetType = UNSET
    """Only for its owner and staff."""


class SlotBooking(Struct, frozen=True, kw_only=True):
    """One of my bookings. `time_slot` is null where there is none, and once it is cancelled."""

    id: int
    contract: str
    service_name: str
    """Or the room's or category's name."""
    time_slot: SlotBody | None
    start_time: Zulu
    end_time: Zulu
    status: Literal["upcoming", "past", "cancelled"]
    created_at: Zulu


class SlotBookingEnded(Done, frozen=True, kw_only=True):
    message: str = "Booking cancelled successfully"


class SlotDeleted(Done, frozen=True, kw_only=True):
    message: str = "Time slot deleted successfully"
    cancelled_booking_id: int | None
    """The booking that went with the slot."""


class SlotSkipped(Struct, frozen=True):
    """A slot of a weekly pattern that was left out. Date and time are local to the category."""

    date: Day
    start_time: HourMinute
    reason: WhySkipped


class WeeklyMade(Struct, frozen=True):
    created: list[StaffSlot]
    skipped: list[SlotSkipped]
    created_count: int
    skipped_count: int


def slot_body(slot: TimeSlot, *, taken: bool, mine: bool) -> SlotBody:
    return SlotBody(
        id=slot.id,
        category=CategoryShown(slot.category.id, slot.category.name),
        start_time=zulu(slot.starts_at),
        end_time=zulu(slot.ends_at),
        is_booked=taken,
        booked_by_me=mine,
    )


def staff_slot(slot: TimeSlot, holder: tuple[Booking, User] | None, viewer_id: int | None, *, taken: bool) -> StaffSlot:
    mine = holder is not None and holder[0].user_id == viewer_id
    shown = slot_body(slot, taken=taken or holder is not None, mine=mine)
    return StaffSlot(**asdict(shown), booking=admin_booking(*holder) if holder else None)


def booking_body(booking: Booking, viewer_id: int | None, now: datetime) -> SlotBooking:
    return SlotBooking(
        id=booking.id,
        contract=booking.contract,
        service_name=booking.service_name,
        time_slot=_slot_of(booking, viewer_id),
        start_time=zulu(booking.starts_at),
        end_time=zulu(booking.ends_at),
        status=status_word(booking.status, booking.ends_at, now),
        created_at=zulu(booking.created_at),
    )


def status_word(status: Status, ends_at: datetime, now: datetime) -> Literal["upcoming", "past", "cancelled"]:
    """A confirmed booking is over when its time is; others are over by their status."""
    if status not in KEEPS_SLOT:
        return "cancelled"
    is_over = status in OVER or (status is Status.CONFIRMED and ends_at <= now)
    return "past" if is_over else "upcoming"


def _slot_of(booking: Booking, viewer_id: int | None) -> SlotBody | None:
    if booking.time_slot_id is None or booking.status not in KEEPS_SLOT:
        return None
    assert isinstance(booking.details, SlotDetails)  # noqa: S101 - made with it
    return SlotBody(
        id=booking.time_slot_id,
        category=CategoryShown(booking.details.category_id, booking.service_name),
        start_time=zulu(booking.starts_at),
        end_time=zulu(booking.ends_at),
        is_booked=True,
        booked_by_me=booking.user_id == viewer_id,
    )


def answer(envelope: Envelope, events: tuple[Event, ...], state: State) -> tuple[int, Struct]:
    """(HTTP status, body) of a command that was not refused."""
    me = envelope.actor.user_id
    match events[-1]:
        case BookingPlaced(booking=booking):
            return 201, booking_body(booking, me, booking.created_at)
        case BookingChanged(booking=booking) | BookingUnchanged(booking=booking):
            if isinstance(envelope.command, MoveToSlot):
                return 200, booking_body(booking, me, booking.updated_at)
            return 200, SlotBookingEnded()
        case BookingDeleted():
            return 200, SlotBookingEnded(message="Booking deleted successfully")
        case SlotOffered() as offered:
            return 201, _shown(offered, None, state, me)
        case SlotChanged(booking=booking, cancelled=cancelled) as change:
            became: Literal["moved", "cancelled"] | None = "moved" if booking else "cancelled" if cancelled else None
            return 200, ChangedSlot(**asdict(_shown(change, booking, state, me)), booking_change=became)
        case SlotUnchanged(booking=booking) as same:
            return 200, ChangedSlot(**asdict(_shown(same, booking, state, me)), booking_change=None)
        case SlotRemoved(cancelled=cancelled):
            return 200, SlotDeleted(cancelled_booking_id=cancelled)
        case WeeklyOffered(slots=slots, skipped=skipped):
            made = [_shown(one, None, state, me) for one in slots]
            return 201, WeeklyMade(made, [_skipped(one) for one in skipped], len(slots), len(skipped))
        case unexpected:
            raise AssertionError(f"{unexpected} ends no command of the calendar")


def _shown(
    event: SlotOffered | SlotChanged | SlotUnchanged, booking: Booking | None, state: State, viewer_id: int | None
) -> StaffSlot:
    holder = (booking, state.users[booking.user_id]) if booking else None
    return staff_slot(event.slot, holder, viewer_id, taken=event.is_taken)


def _skipped(one: SkippedSlot) -> SlotSkipped:
    return SlotSkipped(one.day.isoformat(), one.at.isoformat("minutes"), one.why)
