"""What happened in the marketplace, beside what happens to bookings of every contract.

Seats taken and credits spent have no events of their own: they follow from bookings
(`core.domain.marketplace.counts`).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.domain.marketplace.values import Credit, ServiceSession, WaitingPlace
from core.domain.values import Claim


class SessionOpened(Struct, frozen=True, tag="session_opened"):
    session: ServiceSession
    claims: tuple[Claim, ...]


class SessionCancelled(Struct, frozen=True, tag="session_cancelled"):
    """Its time is free again."""

    session: ServiceSession


class SessionEmptied(Struct, frozen=True, tag="session_emptied"):
    """A session that was cancelled in steps has no bookings left."""

    session: ServiceSession


class CreditsGranted(Struct, frozen=True, tag="credits_granted"):
    credit: Credit


class CreditReturned(Struct, frozen=True, tag="credit_returned"):
    """One credit of a bundle, by a cancellation within the rules."""

    credit_id: int
    booking_id: int


class CreditsVoided(Struct, frozen=True, tag="credits_voided"):
    """The bundle was cancelled: what is left of it pays for nothing any more."""

    credit_id: int


class WaitingBegun(Struct, frozen=True, tag="waiting_begun"):
    place: WaitingPlace
    position: int
    """How many, this one counted, are now waiting."""


class WaitingEnded(Struct, frozen=True, tag="waiting_ended"):
    place: WaitingPlace


class SeatOffered(Struct, frozen=True, tag="seat_offered"):
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
