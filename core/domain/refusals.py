"""Why a command is refused. A refusal is an event like any other, not an error of the program."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from msgspec import Struct

from core.domain.bookings.status import Status

T = TypeVar("T")


class Refusal(StrEnum):
    """Why a command was refused. Stable: these are the error shape's `code`."""

    NO_SETTINGS = "no_settings"
    USER_NOT_FOUND = "user_not_found"
    BOOKING_NOT_FOUND = "booking_not_found"
    FORBIDDEN = "forbidden"
    LOCAL_TIME_SKIPPED = "local_time_skipped"
    IN_THE_PAST = "in_the_past"
    OFF_DAY = "off_day"
    OUTSIDE_WORKING_HOURS = "outside_working_hours"
    SLOT_TAKEN = "slot_taken"
    ROOM_NOT_FOUND = "room_not_found"
    TOO_MANY_GUESTS = "too_many_guests"
    OFF_GRID = "off_grid"
    TOO_MANY_HOLDS = "too_many_holds"
    NOT_CHARGEABLE = "not_chargeable"
    ALREADY_PAID = "already_paid"
    NOT_PAYABLE = "not_payable"
    AMOUNT_MISMATCH = "amount_mismatch"
    CURRENCY_MISMATCH = "currency_mismatch"
    TOO_MANY_PAYMENTS = "too_many_payments"
    PAYMENT_REFUSED = "payment_refused"
    PAYMENT_NOT_FOUND = "payment_not_found"
    INTENT_MISMATCH = "intent_mismatch"
    INVALID_TRANSITION = "invalid_transition"
    CATEGORY_NOT_FOUND = "category_not_found"
    TIME_SLOT_NOT_FOUND = "time_slot_not_found"
    TIME_SLOT_OVERLAPS = "time_slot_overlaps"
    TIME_SLOT_BOOKED = "time_slot_booked"
    TOO_SOON = "too_soon"
    TOO_FAR_AHEAD = "too_far_ahead"
    SERVICE_NOT_FOUND = "service_not_found"
    PRACTITIONER_NOT_FOUND = "practitioner_not_found"
    LOCATION_NOT_FOUND = "location_not_found"
    SESSION_NOT_FOUND = "session_not_found"
    WRONG_DURATION = "wrong_duration"
    NO_ROOM_FREE = "no_room_free"
    SESSION_FULL = "session_full"
    SESSION_CANCELLED = "session_cancelled"
    SESSION_WANTED = "session_wanted"
    ALREADY_BOOKED = "already_booked"
    CHANGED_MEANWHILE = "changed_meanwhile"
    VERB_FORBIDDEN = "verb_forbidden"
    UNPAID = "unpaid"
    HOLD_ENDED = "hold_ended"
    NOT_BEGUN = "not_begun"
    ALREADY_BEGUN = "already_begun"
    WRONG_CANCELED_BY = "wrong_canceled_by"
    NOT_MOVABLE = "not_movable"
    TOO_LATE_TO_MOVE = "too_late_to_move"
    SEATS_LEFT = "seats_left"
    ALREADY_WAITING = "already_waiting"
    NOT_WAITING = "not_waiting"
    BATCH_REFUSED = "batch_refused"
    RESOURCE_NOT_FOUND = "resource_not_found"
    CLOSURE_NOT_FOUND = "closure_not_found"
    ALREADY_CLOSED = "already_closed"
    BUSY_IN_CALENDAR = "busy_in_calendar"
    CLOSED = "closed"
    LENGTH_IS_PRICED = "length_is_priced"
    DECIDED_TOO_LATE = "decided_too_late"
    PHONE_IN_USE = "phone_in_use"
    SERVICE_INACTIVE = "service_inactive"
    UNKNOWN_SERVICE = "unknown_service"


class CommandRefused(Struct, frozen=True, tag="command_refused"):
    refusal: Refusal
    present: Status | None = None
    """For a refused transition: the state the booking is in."""
    part: str = ""
    """The field of the command that is meant, where the refusal could mean one of several."""
    rows: tuple[RowRefused, ...] = ()
    """For a refused batch: the rows that stood in the way."""
    names: tuple[str, ...] = ()
    """For an unknown name: those that it may mean."""


class RowRefused(Struct, frozen=True):
    """One row of a batch, and why it could not be booked."""

    row: int
    why: CommandRefused


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """Raised by a rule; `decide` makes it the command's only event."""

    def __init__(
        self, refusal: Refusal, present: Status | None = None, *, part: str = "", names: tuple[str, ...] = ()
    ) -> None:
        super().__init__(refusal)
        self.event = CommandRefused(refusal, present, part, names=names)


def require(found: T | None, refusal: Refusal) -> T:
    """What was looked up. Raises `Refused` if there is nothing."""
    if found is None:
        raise Refused(refusal)
    return found
