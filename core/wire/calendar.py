"""Answers of the calendar contract: time slots, their bookings, and whose they are to whoever looks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.domain.commands import Envelope
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
)
from core.domain.state import State
from core.domain.status import KEEPS_SLOT, Status
from core.domain.values import Booking, SlotDetails, TimeSlot, User
from core.wire.admin import admin_booking
from core.wire.words import zulu

OVER = frozenset({Status.COMPLETED, Status.NO_SHOW})
"""Whatever the clock says. What is cancelled or expired is gone from lists, a draft is not shown."""


def slot_body(
    id_: int, category: tuple[int, str], starts_at: datetime, ends_at: datetime, *, is_booked: bool, mine: bool
) -> dict[str, Any]:
    """A time slot as everybody sees it: whether it is booked and whether by me, never by whom."""
    return {
        "id": id_,
        "category": {"id": category[0], "name": category[1]},
        "start_time": zulu(starts_at),
        "end_time": zulu(ends_at),
        "is_booked": is_booked,
        "booked_by_me": mine,
    }


def staff_slot_body(slot: dict[str, Any], booking: Booking | None, user: User | None) -> dict[str, Any]:
    """A time slot as staff see it: with its booking in the admin shape, or null."""
    return {**slot, "booking": admin_booking(booking, user) if booking and user else None}


def booking_body(booking: Booking, viewer_id: int | None, now: datetime) -> dict[str, Any]:
    """A time slot's booking; without its slot once it is cancelled."""
    return {
        "id": booking.id,
        "time_slot": _slot_of(booking, viewer_id),
        "start_time": zulu(booking.starts_at),
        "end_time": zulu(booking.ends_at),
        "status": status_word(booking.status, booking.ends_at, now),
        "created_at": zulu(booking.created_at),
    }


def status_word(status: Status, ends_at: datetime, now: datetime) -> str:
    """A confirmed booking is over when its time is; the others when somebody said so."""
    if status not in KEEPS_SLOT:
        return "cancelled"
    is_over = status in OVER or (status is Status.CONFIRMED and ends_at <= now)
    return "past" if is_over else "upcoming"


def _slot_of(booking: Booking, viewer_id: int | None) -> dict[str, Any] | None:
    if booking.time_slot_id is None or booking.status not in KEEPS_SLOT:
        return None
    assert isinstance(booking.details, SlotDetails)  # noqa: S101 - made with it
    category = (booking.details.category_id, booking.service_name)
    mine = booking.user_id == viewer_id
    return slot_body(booking.time_slot_id, category, booking.starts_at, booking.ends_at, is_booked=True, mine=mine)


def answer(envelope: Envelope, events: tuple[Event, ...], state: State) -> tuple[int, dict[str, Any]]:
    """(HTTP status, body) of a command that was not refused."""
    me = envelope.actor.user_id
    match events[-1]:
        case BookingPlaced(booking=booking):
            return 201, booking_body(booking, me, booking.created_at)
        case BookingChanged() | BookingUnchanged():
            return 200, {"success": True, "message": "Booking cancelled successfully"}
        case BookingDeleted():
            return 200, {"success": True, "message": "Booking deleted successfully"}
        case SlotOffered(slot=slot):
            return 201, _seen_by_staff(slot, None, state, me)
        case SlotChanged(slot=slot, booking=booking, cancelled=cancelled):
            became = "moved" if booking else "cancelled" if cancelled else None
            return 200, {**_seen_by_staff(slot, booking, state, me), "booking_change": became}
        case SlotUnchanged(slot=slot, booking=booking):
            return 200, {**_seen_by_staff(slot, booking, state, me), "booking_change": None}
        case SlotRemoved(cancelled=cancelled):
            words = "Time slot deleted successfully"
            return 200, {"success": True, "message": words, "cancelled_booking_id": cancelled}
        case WeeklyOffered(slots=slots, skipped=skipped):
            return 201, {
                "created": [_seen_by_staff(slot, None, state, me) for slot in slots],
                "skipped": [_skipped(one) for one in skipped],
                "created_count": len(slots),
                "skipped_count": len(skipped),
            }
        case unexpected:
            raise AssertionError(f"{unexpected} ends no command of the calendar")


def _seen_by_staff(slot: TimeSlot, booking: Booking | None, state: State, viewer_id: int | None) -> dict[str, Any]:
    category = slot.category
    taken = booking is not None or state.is_taken(category.resource.id, slot.starts_at, slot.ends_at)
    mine = booking is not None and booking.user_id == viewer_id
    body = slot_body(slot.id, (category.id, category.name), slot.starts_at, slot.ends_at, is_booked=taken, mine=mine)
    return staff_slot_body(body, booking, state.users[booking.user_id] if booking else None)


def _skipped(one: SkippedSlot) -> dict[str, str]:
    """The date and time are local to the category."""
    return {"date": one.day.isoformat(), "start_time": one.at.isoformat("minutes"), "reason": one.why}
