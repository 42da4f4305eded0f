"""Which event of the feed leads to which mail, and to whom: pure, from what the event itself says."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec import Struct

from core.domain.bookings.status import Status
from core.store.feed import FeedEvent
from core.store.mails.facts import BookingState


class MailKind(StrEnum):
    """Stable: in rows, lists and the names of templates."""

    CONFIRMATION = "confirmation"
    CHANGE = "change"
    CANCELLATION = "cancellation"
    ADDRESS = "address"
    """Asks whoever reads an address that somebody else gave whether they want mails there."""


class Role(StrEnum):
    """Who a person is to a booking. Stable: in rows."""

    CLIENT = "client"
    PRACTITIONER = "practitioner"


ABOUT: Mapping[MailKind, frozenset[Status]] = {
    MailKind.CONFIRMATION: frozenset({Status.CONFIRMED}),
    MailKind.CHANGE: frozenset({Status.CONFIRMED}),
    MailKind.CANCELLATION: frozenset({Status.CANCELLED, Status.EXPIRED}),
}
"""What a booking must be when the mail about it is sent. If it has gone on since, the next mail says so."""

_UNCONFIRMED = frozenset({Status.DRAFT, Status.HELD, Status.EXPIRED})
_PLACED = "booking_created"
_CHANGED = "booking_updated"


class _Facts(Struct, frozen=True):
    """Of an event about a booking (`core.store.feed_events`)."""

    was: str = ""
    now: str = ""
    moved: bool = False


def mail_after(event: FeedEvent, booking: BookingState) -> MailKind | None:
    """The mail that an event about a booking leads to, to its client and its practitioner."""
    if event.type == _PLACED:
        return MailKind.CONFIRMATION if _was_placed_confirmed(event, booking) else None
    if event.type != _CHANGED:
        return None
    facts = _facts(event)
    if not facts.was:
        return None
    was, now = Status(facts.was), Status(facts.now)
    if now is Status.CONFIRMED and was in _UNCONFIRMED:
        return MailKind.CONFIRMATION
    if was is now is Status.CONFIRMED and facts.moved:
        return MailKind.CHANGE
    if was is Status.CONFIRMED and now in ABOUT[MailKind.CANCELLATION]:
        return MailKind.CANCELLATION
    return None


def _was_placed_confirmed(event: FeedEvent, booking: BookingState) -> bool:
    """The event does not say, and the booking may have gone on: one that had to wait has an event of its own for that."""
    if booking.version == event.booking_version:
        return booking.status is Status.CONFIRMED
    return not booking.had_to_wait


def is_about_a_booking(event: FeedEvent) -> bool:
    return event.booking_id is not None and event.type in {_PLACED, _CHANGED}


def _facts(event: FeedEvent) -> _Facts:
    return msgspec.json.decode(event.data or "{}", type=_Facts)
