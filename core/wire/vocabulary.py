"""The words of each contract: statuses, and what a refusal says.

Statuses are the contracts page's "One status, five vocabularies"; sentences are the
documents' where they print one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import Meta

from core.domain.bookings.status import NEXT, PaymentStatus, Status
from core.domain.refusals import CommandRefused, Refusal

Micros = Annotated[str, Meta(extra_json_schema={"format": "date-time"}, examples=["2025-10-13T06:15:30.123456+00:00"])]
Zulu = Annotated[str, Meta(extra_json_schema={"format": "date-time"}, examples=["2025-10-14T12:00:00Z"])]
Instant = Annotated[datetime, Meta(tz=True)]
"""Encoded by msgspec, in the zone that it has: ours are in UTC."""
Day = Annotated[str, Meta(extra_json_schema={"format": "date"}, examples=["2025-10-15"])]
HourMinute = Annotated[str, Meta(pattern=r"^\d{2}:\d{2}$", examples=["10:00"])]
HourMinuteSecond = Annotated[str, Meta(pattern=r"^\d{2}:\d{2}:\d{2}$", examples=["14:00:00"])]
AppointmentsWord = Literal["upcoming", "completed", "cancelled"]
RoomsWord = Literal["pending", "confirmed", "completed", "cancelled", "expired"]
RoomsPaymentWord = Literal["pending", "processing", "succeeded", "failed", "refunded"]

APPOINTMENTS_STATUS: dict[Status, AppointmentsWord] = {
    Status.DRAFT: "upcoming",
    Status.HELD: "upcoming",
    Status.CONFIRMED: "upcoming",
    Status.IN_PROGRESS: "upcoming",
    Status.COMPLETED: "completed",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "cancelled",
    Status.NO_SHOW: "cancelled",
}

ROOMS_STATUS: dict[Status, RoomsWord] = {
    Status.DRAFT: "pending",
    Status.HELD: "pending",
    Status.CONFIRMED: "confirmed",
    Status.IN_PROGRESS: "confirmed",
    Status.COMPLETED: "completed",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "expired",
    Status.NO_SHOW: "cancelled",
}

ROOMS_PAYMENT: dict[PaymentStatus, RoomsPaymentWord] = {
    PaymentStatus.NONE: "succeeded",
    PaymentStatus.PENDING: "pending",
    PaymentStatus.PROCESSING: "processing",
    PaymentStatus.SUCCEEDED: "succeeded",
    PaymentStatus.FAILED: "failed",
    PaymentStatus.REFUNDED: "refunded",
}

MarketStatus = Literal["draft", "pending_payment", "confirmed", "in_progress", "completed", "canceled", "no_show"]
MarketPayment = Literal["not_required", "unpaid", "processing", "paid", "failed", "refunded"]

MARKET_STATUS: dict[Status, MarketStatus] = {
    Status.DRAFT: "draft",
    Status.HELD: "pending_payment",
    Status.CONFIRMED: "confirmed",
    Status.IN_PROGRESS: "in_progress",
    Status.COMPLETED: "completed",
    Status.CANCELLED: "canceled",
    Status.EXPIRED: "canceled",
    Status.NO_SHOW: "no_show",
}

MARKET_PAYMENT: dict[PaymentStatus, MarketPayment] = {
    PaymentStatus.NONE: "not_required",
    PaymentStatus.PENDING: "unpaid",
    PaymentStatus.PROCESSING: "processing",
    PaymentStatus.SUCCEEDED: "paid",
    PaymentStatus.FAILED: "failed",
    PaymentStatus.REFUNDED: "refunded",
}

STATUS_WORDS: Mapping[str, Mapping[Status, str]] = {"rooms": ROOMS_STATUS, "marketplace": MARKET_STATUS}
"""By contract; the others speak as appointments do."""

APPOINTMENTS_ASKED: dict[AppointmentsWord, Status] = {
    "upcoming": Status.CONFIRMED,
    "completed": Status.COMPLETED,
    "cancelled": Status.CANCELLED,
}
"""What a client of appointments or agent asks for with a status word."""


REFUSALS: dict[Refusal, tuple[int, str]] = {
    Refusal.NO_SETTINGS: (404, "No booking settings found"),
    Refusal.USER_NOT_FOUND: (404, "User not found"),
    Refusal.BOOKING_NOT_FOUND: (404, "Booking not found"),
    Refusal.FORBIDDEN: (403, "You may not book for this user"),
    Refusal.LOCAL_TIME_SKIPPED: (400, "This local time does not exist on that day: the clocks go forward over it"),
    Refusal.IN_THE_PAST: (400, "Booking time is in the past"),
    Refusal.OFF_DAY: (400, "Booking not allowed on off days"),
    Refusal.OUTSIDE_WORKING_HOURS: (400, "Booking time is outside working hours"),
    Refusal.ROOM_NOT_FOUND: (404, "Room not found"),
    Refusal.TOO_MANY_GUESTS: (400, "The room does not hold that many guests: its capacity says how many it does"),
    Refusal.OFF_GRID: (400, "Times must lie on the room's slots: its availability lists those of a day"),
    Refusal.TOO_MANY_HOLDS: (409, "You hold as many unpaid places as you may: pay or cancel one of them first"),
    Refusal.SLOT_TAKEN: (409, "This time slot is already reserved"),
    Refusal.NOT_CHARGEABLE: (409, "This costs less than the minimum charge: book more, or ask the staff"),
    Refusal.ALREADY_PAID: (409, "Nothing is left to pay for this booking"),
    Refusal.NOT_PAYABLE: (409, "This booking cannot be paid any more: book its time again if it is still free"),
    Refusal.AMOUNT_MISMATCH: (400, "The amount must be the booking's total_amount"),
    Refusal.CURRENCY_MISMATCH: (400, "The currency must be the booking's currency"),
    Refusal.TOO_MANY_PAYMENTS: (409, "Too many payments were begun for this booking: cancel it and book again"),
    Refusal.PAYMENT_REFUSED: (
        409,
        "The payment provider does not take this payment: its amount may be too small or too large. Ask the staff",
    ),
    Refusal.PAYMENT_NOT_FOUND: (404, "Payment not found"),
    Refusal.INTENT_MISMATCH: (409, "The payment has another intent"),
    Refusal.INVALID_TRANSITION: (409, "This booking cannot change to that status"),
    Refusal.CATEGORY_NOT_FOUND: (404, "Category not found"),
    Refusal.TIME_SLOT_NOT_FOUND: (404, "Time slot not found"),
    Refusal.TIME_SLOT_OVERLAPS: (409, "This time slot overlaps another one of its category"),
    Refusal.TIME_SLOT_BOOKED: (
        409,
        "This time slot is booked. Say with if_booked what becomes of the booking: move it along, or cancel it",
    ),
    Refusal.SERVICE_NOT_FOUND: (404, "There is no such service of that type"),
    Refusal.PRACTITIONER_NOT_FOUND: (404, "There is no such practitioner, or they do not give this service"),
    Refusal.LOCATION_NOT_FOUND: (404, "There is no such location"),
    Refusal.SESSION_NOT_FOUND: (404, "There is no such session of this service"),
    Refusal.WRONG_DURATION: (400, "end_time must be as long after start_time as the service lasts"),
    Refusal.NO_ROOM_FREE: (409, "No room of this location is free at that time"),
    Refusal.SESSION_FULL: (409, "This session is full"),
    Refusal.SESSION_CANCELLED: (409, "This session is canceled"),
    Refusal.SESSION_WANTED: (400, "This is a workshop: name the session to have a seat in"),
    Refusal.ALREADY_BOOKED: (409, "You have a seat in this session already"),
    Refusal.CHANGED_MEANWHILE: (409, "The service changed meanwhile: look at it again and book what it is now"),
    Refusal.VERB_FORBIDDEN: (403, "You do not have permission to perform this action"),
    Refusal.UNPAID: (409, "This booking is not paid yet"),
    Refusal.HOLD_ENDED: (409, "The time to confirm this booking is over"),
    Refusal.NOT_BEGUN: (409, "This booking has not begun yet"),
    Refusal.ALREADY_BEGUN: (409, "This booking has begun already"),
    Refusal.WRONG_CANCELED_BY: (400, "canceled_by must be what you are to this booking"),
    Refusal.NOT_MOVABLE: (409, "The time and place of this booking cannot be changed"),
    Refusal.TOO_LATE_TO_MOVE: (409, "It is too late to reschedule this booking"),
    Refusal.SEATS_LEFT: (409, "There are free seats: book one"),
    Refusal.ALREADY_WAITING: (409, "You wait for a seat of this session already"),
    Refusal.NOT_WAITING: (404, "You do not wait for a seat of this session"),
    Refusal.TOO_SOON: (400, "It is too late to book that time: it begins too soon"),
    Refusal.TOO_FAR_AHEAD: (400, "That time is too far ahead to be booked yet"),
    Refusal.BATCH_REFUSED: (409, "No booking was made: other rows of this batch stood in the way"),
    Refusal.RESOURCE_NOT_FOUND: (404, "Resource not found"),
    Refusal.CLOSURE_NOT_FOUND: (404, "Closure not found"),
    Refusal.ALREADY_CLOSED: (409, "The resource is closed already for some of that time"),
    Refusal.DECIDED_TOO_LATE: (409, "The command's deadline passed before it was decided"),
    Refusal.SERVICE_INACTIVE: (409, "This service cannot be booked any more"),
    Refusal.UNKNOWN_SERVICE: (400, "There is no service of this name"),
    Refusal.PHONE_IN_USE: (
        409,
        "Somebody else's account has this phone number as its username: the staff must rename that account first",
    ),
}

FIELDS: dict[Refusal, str] = {
    Refusal.SERVICE_INACTIVE: "service_name",
    Refusal.UNKNOWN_SERVICE: "service_name",
    Refusal.USER_NOT_FOUND: "user_id",
    Refusal.LOCAL_TIME_SKIPPED: "booking_time",
    Refusal.IN_THE_PAST: "booking_date",
    Refusal.OFF_DAY: "booking_date",
    Refusal.OUTSIDE_WORKING_HOURS: "booking_time",
    Refusal.SLOT_TAKEN: "booking_time",
    Refusal.ROOM_NOT_FOUND: "room_id",
    Refusal.TOO_MANY_GUESTS: "guest_count",
    Refusal.OFF_GRID: "start_time",
    Refusal.AMOUNT_MISMATCH: "amount",
    Refusal.CURRENCY_MISMATCH: "currency",
    Refusal.INVALID_TRANSITION: "status",
    Refusal.CATEGORY_NOT_FOUND: "category",
    Refusal.TIME_SLOT_NOT_FOUND: "time_slot",
    Refusal.TIME_SLOT_OVERLAPS: "start_time",
    Refusal.TIME_SLOT_BOOKED: "if_booked",
    Refusal.RESOURCE_NOT_FOUND: "resource_id",
    Refusal.ALREADY_CLOSED: "start_date",
    Refusal.SERVICE_NOT_FOUND: "service_id",
    Refusal.PRACTITIONER_NOT_FOUND: "practitioner_id",
    Refusal.LOCATION_NOT_FOUND: "location_id",
    Refusal.SESSION_NOT_FOUND: "service_session_id",
    Refusal.WRONG_DURATION: "end_time",
    Refusal.NO_ROOM_FREE: "location_id",
    Refusal.SESSION_FULL: "service_session_id",
    Refusal.SESSION_CANCELLED: "service_session_id",
    Refusal.SESSION_WANTED: "service_session_id",
    Refusal.WRONG_CANCELED_BY: "canceled_by",
    Refusal.TOO_SOON: "start_time",
    Refusal.TOO_FAR_AHEAD: "start_time",
}
"""Which field of a request a refusal is about, where it is about one; core/wire/refusal_fields.py knows each body's names."""


CONTRACT_REFUSALS: dict[str, dict[Refusal, tuple[int, str]]] = {
    "marketplace": {
        Refusal.BOOKING_NOT_FOUND: (404, "Not found"),
        Refusal.FORBIDDEN: (403, "You do not have permission to perform this action"),
        Refusal.SLOT_TAKEN: (409, "Time slot not available"),
        Refusal.OUTSIDE_WORKING_HOURS: (400, "The practitioner does not work at that time"),
    },
    "calendar": {
        Refusal.IN_THE_PAST: (400, "This time slot is in the past"),
        Refusal.SLOT_TAKEN: (409, "This time slot is already booked"),
    },
    "rooms": {
        Refusal.IN_THE_PAST: (400, "That time is in the past: choose a later one"),
        Refusal.OFF_DAY: (400, "The room is closed on that day: choose another one"),
        Refusal.OUTSIDE_WORKING_HOURS: (
            400,
            "The room is closed at that time: its availability lists the slots of a day",
        ),
        Refusal.SLOT_TAKEN: (409, "The room is already booked at that time: its availability lists what is free"),
    },
}
"""Where a contract has words of its own for a refusal."""

CONTRACT_FIELDS: dict[str, dict[Refusal, str]] = {
    "agent": {Refusal.USER_NOT_FOUND: "phone", Refusal.FORBIDDEN: "phone", Refusal.PHONE_IN_USE: "phone"},
    "marketplace": {
        Refusal.IN_THE_PAST: "start_time",
        Refusal.OUTSIDE_WORKING_HOURS: "start_time",
        Refusal.SLOT_TAKEN: "start_time",
    },
    "calendar": {Refusal.IN_THE_PAST: "time_slot", Refusal.SLOT_TAKEN: "time_slot"},
    "rooms": {
        Refusal.LOCAL_TIME_SKIPPED: "start_time",
        Refusal.OUTSIDE_WORKING_HOURS: "start_time",
        Refusal.SLOT_TAKEN: "start_time",
    },
}
"""Where a contract's request calls a field by another name."""


def sentence(refused: CommandRefused, contract: str = "") -> tuple[int, str]:
    """(HTTP status, sentence) of a refusal; a refused transition names where it is and may go."""
    status, words = CONTRACT_REFUSALS.get(contract, {}).get(refused.refusal, REFUSALS[refused.refusal])
    if refused.refusal is Refusal.INVALID_TRANSITION and refused.present is not None:
        say = STATUS_WORDS.get(contract, APPOINTMENTS_STATUS)
        present = say[refused.present]
        onward = sorted({say[s] for s in NEXT[refused.present]} - {present})
        words = f"This booking is {present} and may become {', '.join(onward) if onward else 'nothing else'}"
        if refused.present is Status.IN_PROGRESS and present == say[Status.CONFIRMED]:  # no word of its own
            words = "This booking has begun: it can be completed, but not be cancelled any more"
    if refused.names:
        words = f"{words}. The nearest: {', '.join(refused.names)}"
    return status, words


def micros(moment: datetime) -> Micros:
    """Timestamps of appointments."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def zulu(moment: datetime) -> Zulu:
    """Timestamps everywhere else."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
