"""What happened in the marketplace, beside what happens to bookings of every contract.

Seats and the credits that pay for a booking are not told apart: they follow from the booking
(core.domain.marketplace.counts).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.domain.marketplace.values import Credit, ServiceSession, WaitingPlace
from core.domain.values import Claim


class SessionOpened(Struct, frozen=True):
    session: ServiceSession
    claims: tuple[Claim, ...]


class SessionCancelled(Struct, frozen=True):
    """Its time is free again."""

    session: ServiceSession


class CreditsGranted(Struct, frozen=True):
    credit: Credit


class CreditReturned(Struct, frozen=True):
    """One credit of a bundle, by a cancellation within the rules."""

    credit_id: int
    booking_id: int


class CreditsVoided(Struct, frozen=True):
    """The bundle was cancelled: what is left of it pays for nothing any more."""

    credit_id: int


class WaitingBegun(Struct, frozen=True):
    place: WaitingPlace
    position: int
    """How many, this one counted, are now waiting."""


class WaitingEnded(Struct, frozen=True):
    place: WaitingPlace


class SeatOffered(Struct, frozen=True):
    """A freed seat is held for who waited longest; `booking_id` is the hold."""

    place: WaitingPlace
    booking_id: int
    at: datetime


MarketEvent = (
    SessionOpened
    | SessionCancelled
    | CreditsGranted
    | CreditReturned
    | CreditsVoided
    | WaitingBegun
    | WaitingEnded
    | SeatOffered
)
