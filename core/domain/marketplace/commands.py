"""Requests to change something in the marketplace. Tags and field names are stable: they lie on disk.

List every new type, field or value in `core.domain.versions`, so that older workers leave it alone.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType


class Words(Struct, frozen=True, omit_defaults=True):
    """What a client writes on a booking."""

    title: str = ""
    description: str = ""
    client_notes: str = ""
    timezone: str = "UTC"


class BookIndividual(Struct, frozen=True, tag="book_individual", omit_defaults=True):
    """A session with one practitioner, or with any who is free."""

    user_id: int
    service_id: int
    starts_at: datetime
    ends_at: datetime
    practitioner_id: int | None = None
    location_id: int | None = None
    words: Words = Words()
    use_credits: bool = True


class BookSession(Struct, frozen=True, tag="book_session", omit_defaults=True):
    """A seat of a workshop's session."""

    user_id: int
    service_id: int
    session_id: int
    words: Words = Words()
    use_credits: bool = True


class BookCourse(Struct, frozen=True, tag="book_course", omit_defaults=True):
    """A seat in each session of a course, or in none."""

    user_id: int
    service_id: int
    children: int
    """How many sessions it had when it was asked for."""
    words: Words = Words()


class Part(Struct, frozen=True, omit_defaults=True):
    """When one of a package's services is to take place; without a time it is scheduled later."""

    service_id: int
    practitioner_id: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    location_id: int | None = None
    session_id: int | None = None
    """Of a workshop: the session to have a seat in."""


class BookPackage(Struct, frozen=True, tag="book_package", omit_defaults=True):
    """Everything that a package includes, in its order."""

    user_id: int
    service_id: int
    parts: tuple[Part, ...]
    words: Words = Words()


class BookBundle(Struct, frozen=True, tag="book_bundle", omit_defaults=True):
    user_id: int
    service_id: int
    words: Words = Words()


class Verb(StrEnum):
    CONFIRM = "confirm"
    COMPLETE = "complete"
    NO_SHOW = "no_show"
    CANCEL = "cancel"


class TurnBooking(Struct, frozen=True, tag="turn_booking", omit_defaults=True):
    """Confirm, complete, miss or cancel a booking."""

    booking_id: int
    verb: Verb
    reason: str = ""
    canceled_by: str = ""
    """What the caller says they are to the booking; refused if they are not."""


class MoveBooking(Struct, frozen=True, tag="move_booking", omit_defaults=True):
    """Another time for a session, or the first for a part of a package."""

    booking_id: int
    starts_at: datetime
    ends_at: datetime
    reason: str = ""


class TakeSeat(Struct, frozen=True, tag="take_seat", omit_defaults=True):
    """A seat for a workshop that is part of a package and has none yet."""

    booking_id: int
    session_id: int
    reason: str = ""


class AmendBooking(Struct, frozen=True, tag="amend_booking", omit_defaults=True):
    """New words on a booking; a new location for it."""

    booking_id: int
    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    client_notes: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    meeting_url: str | UnsetType = UNSET
    meeting_id: str | UnsetType = UNSET
    location_id: int | UnsetType | None = UNSET


class OpenSession(Struct, frozen=True, tag="open_session", omit_defaults=True):
    """Put a session of a workshop or course on offer; it takes the practitioner's time, and a room's."""

    service_id: int
    practitioner_id: int
    starts_at: datetime
    ends_at: datetime
    capacity: int
    location_id: int | None = None
    title: str = ""
    meeting_url: str = ""


class CancelSession(Struct, frozen=True, tag="cancel_session", omit_defaults=True):
    """Cancel a session with all its bookings."""

    session_id: int
    reason: str = ""


class JoinWaitingList(Struct, frozen=True, tag="join_waiting_list", omit_defaults=True):
    user_id: int
    session_id: int


class LeaveWaitingList(Struct, frozen=True, tag="leave_waiting_list", omit_defaults=True):
    user_id: int
    session_id: int


class OfferSeats(Struct, frozen=True, tag="offer_seats", omit_defaults=True):
    """Offer the free seats of a session to those who wait for one. The engine sends it to itself."""

    session_id: int
    at_most: int
    """More free seats are offered by the next such command."""


BuyCommand = BookIndividual | BookSession | BookCourse | BookPackage | BookBundle
MarketCommand = (
    BuyCommand
    | TurnBooking
    | MoveBooking
    | TakeSeat
    | AmendBooking
    | OpenSession
    | CancelSession
    | JoinWaitingList
    | LeaveWaitingList
    | OfferSeats
)
