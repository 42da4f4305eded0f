"""What happened, in the past tense. `decide` returns them, `evolve` applies them."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from core.domain.status import Status
from core.domain.values import Booking, Claim, User


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
    INVALID_TRANSITION = "invalid_transition"
    DECIDED_TOO_LATE = "decided_too_late"


class UserCreated(Struct, frozen=True):
    user: User
    country_code: str | None


class BookingPlaced(Struct, frozen=True):
    booking: Booking
    claims: tuple[Claim, ...]


class BookingChanged(Struct, frozen=True):
    """A booking's new face. `freed` says that it gave its time back, `claims` what it takes from now on."""

    booking: Booking
    was: Status
    freed: bool
    by: str
    reason: str = ""
    claims: tuple[Claim, ...] = ()


class BookingDeleted(Struct, frozen=True):
    booking: Booking
    by: str


class BookingUnchanged(Struct, frozen=True):
    """The booking was already in the state asked for: answered, but not news."""

    booking: Booking


class CommandRefused(Struct, frozen=True):
    refusal: Refusal
    present: Status | None = None
    """For a refused transition: the state the booking is in."""


class NothingDue(Struct, frozen=True):
    """A sweep's command came too late: what it named has been seen to by others."""


class CanaryHeard(Struct, frozen=True):
    pass


Event = (
    UserCreated
    | BookingPlaced
    | BookingChanged
    | BookingDeleted
    | BookingUnchanged
    | CommandRefused
    | NothingDue
    | CanaryHeard
)
