"""Which event of the feed leads to which mail, and to whom: pure, from what the event itself says."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec import Struct

from core.domain.bookings.status import Status
from core.domain.payments.values import RECEIVED, PaymentState
from core.store.feed import FeedEvent
from core.store.mails.facts import BookingState


class MailKind(StrEnum):
    """Stable: in rows, lists and the names of templates."""

    CONFIRMATION = "confirmation"
    CHANGE = "change"
    CANCELLATION = "cancellation"
    OFFER = "offer"
    """A seat that its reader waited for is held for them."""
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_FAILED = "payment_failed"
    REFUND = "refund"
    HOLD_ENDS = "hold_ends"
    """A hold has little time left."""
    REMINDER = "reminder"
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
    MailKind.OFFER: frozenset({Status.HELD}),
    MailKind.PAYMENT_RECEIVED: frozenset(Status),
    MailKind.PAYMENT_FAILED: frozenset({Status.HELD, Status.EXPIRED}),
    MailKind.REFUND: frozenset(Status),
    MailKind.HOLD_ENDS: frozenset({Status.HELD}),
    MailKind.REMINDER: frozenset({Status.CONFIRMED}),
}
"""What a booking must be when the mail about it is sent. If it has gone on since, the next mail says so."""
ABOUT_MONEY = frozenset({MailKind.PAYMENT_RECEIVED, MailKind.REFUND})
"""Told also when the booking is over or deleted: whose money it is wants to know."""
READERS: Mapping[MailKind, frozenset[Role]] = {
    kind: frozenset(Role)
    if kind in {MailKind.CONFIRMATION, MailKind.CHANGE, MailKind.CANCELLATION, MailKind.REMINDER}
    else frozenset({Role.CLIENT})
    for kind in MailKind
}
"""To whom a mail is written."""
WITH_CALENDAR = frozenset({MailKind.CONFIRMATION, MailKind.CHANGE, MailKind.CANCELLATION})
"""These put a booking with a time into calendars, or take it out."""

_UNCONFIRMED = frozenset({Status.DRAFT, Status.HELD, Status.EXPIRED})
_PLACED = "booking_created"
_CHANGED = "booking_updated"
_OFFERED = "seat_offered"
_PAYMENT = "payment_updated"
_CAME_IN = frozenset(state.value for state in RECEIVED)
_OPEN = frozenset({PaymentState.OPEN.value, PaymentState.FAILED.value})


class _Facts(Struct, frozen=True):
    """Of an event about a booking (`core.store.feed_events`)."""

    was: str = ""
    now: str = ""
    moved: bool = False


class _PaymentFacts(Struct, frozen=True):
    """Of an event about a payment (`core.store.feed_events`)."""

    payment_id: str = ""
    was: str = ""
    """"" in what an earlier release wrote: nothing is mailed then."""
    state: str = ""
    decline: str = ""
    refunded_minor: int = 0


class MoneyMail(Struct, frozen=True):
    """A mail about a payment, to the client."""

    kind: MailKind
    payment_id: str
    refunded_minor: int = 0
    """All that has gone back of the payment by then."""

    @property
    def key(self) -> str:
        """A payment is received once, said to have failed once, and each amount gone back is said once."""
        return f"{self.kind} {self.payment_id} {self.refunded_minor or ''}".strip()


def mail_after(event: FeedEvent, booking: BookingState) -> MailKind | None:
    """The mail that an event about a booking leads to, to its client and its practitioner."""
    if event.type == _OFFERED:
        return MailKind.OFFER
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


def money_mail_after(event: FeedEvent) -> MoneyMail | None:
    """The mail that an event about a payment leads to, to its booking's client."""
    if event.type != _PAYMENT:
        return None
    facts = msgspec.json.decode(event.data or "{}", type=_PaymentFacts)
    if not facts.was:
        return None
    if facts.refunded_minor:
        return MoneyMail(MailKind.REFUND, facts.payment_id, facts.refunded_minor)
    if facts.was not in _CAME_IN and facts.state in _CAME_IN:
        return MoneyMail(MailKind.PAYMENT_RECEIVED, facts.payment_id)
    if facts.decline and facts.state in _OPEN:
        return MoneyMail(MailKind.PAYMENT_FAILED, facts.payment_id)
    return None


def is_about_a_booking(event: FeedEvent) -> bool:
    return event.booking_id is not None and event.type in {_PLACED, _CHANGED, _OFFERED, _PAYMENT}


def is_about_money(event: FeedEvent) -> bool:
    return event.type == _PAYMENT


def _facts(event: FeedEvent) -> _Facts:
    return msgspec.json.decode(event.data or "{}", type=_Facts)
