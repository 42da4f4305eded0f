"""What happened in the marketplace, beside what happens to bookings of every contract.

Seats and the credits that pay for a booking are not told apart: they follow from the booking
(core.domain.marketplace.counts).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.domain.marketplace.values import Credit, ServiceSession, WaitingPlace
from core.domain.values import Claim


class MarketEventBase(Struct, frozen=True):
    """Every event of the marketplace and no other: one look tells, where a union is looked through one by one."""


class SessionOpened(MarketEventBase, frozen=True):
    session: ServiceSession
    claims: tuple[Claim, ...]


class SessionCancelled(MarketEventBase, frozen=True):
    """Its time is free again."""

    session: ServiceSession


class SessionEmptied(MarketEventBase, frozen=True):
    """A session that was cancelled in steps has no bookings left."""

    session: ServiceSession


class CreditsGranted(MarketEventBase, frozen=True):
    credit: Credit


class CreditReturned(MarketEventBase, frozen=True):
    """One credit of a bundle, by a cancellation within the rules."""

    credit_id: int
    booking_id: int


class CreditsVoided(MarketEventBase, frozen=True):
    """The bundle was cancelled: what is left of it pays for nothing any more."""

    credit_id: int


class WaitingBegun(MarketEventBase, frozen=True):
    place: WaitingPlace
    position: int
    """How many, this one counted, are now waiting."""


class WaitingEnded(MarketEventBase, frozen=True):
    place: WaitingPlace


class SeatOffered(MarketEventBase, frozen=True):
    """A freed seat is held for who waited longest; `booking_id` is the hold."""

    place: WaitingPlace
    booking_id: int
    at: datetime


MarketEvent = (
    SessionOpened
    | SessionCancelled
    | SessionEmptied
    | CreditsGranted
    | CreditReturned
    | CreditsVoided
    | WaitingBegun
    | WaitingEnded
    | SeatOffered
)
