"""Payments that arrive after the end of their hold.

A late payment confirms its booking if the time or seat is still free and the payer has not bought
the same again meanwhile. Otherwise it is refunded.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from core.domain.bookings.appointments import claims_of
from core.domain.bookings.holds import ExpiredHolds, has_lapsed, joined, make_way
from core.domain.bookings.status import KEEPS_SLOT, TAKES_TIME, Status
from core.domain.commands import ReportIntent
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.purchases.seats import find_seat, require_session
from core.domain.marketplace.verbs import is_scheduled
from core.domain.payments.values import IntentStatus
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking, Claim


def make_way_again(state: State, booking: Booking, now: datetime) -> ExpiredHolds:
    """The lapsed holds that must end so that an expired booking gets its place again. Raises `Refused` if it cannot."""
    if is_scheduled(booking) and booking.starts_at <= now and not state.policy.allow_past:
        raise Refused(Refusal.IN_THE_PAST)
    seat = _seat(state, booking, now)
    if any(_buys_the_same(booking, other, now) for other in state.bookings.values()):
        raise Refused(Refusal.ALREADY_BOOKED)
    ways = (make_way(state, claim.resource_id, claim.starts_at, claim.ends_at, now) for claim in claims_again(booking))
    return joined((seat, *ways))


def _seat(state: State, booking: Booking, now: datetime) -> ExpiredHolds:
    """Its seat, if it had one. A course or package does not come back: its parts were released one by one."""
    details = booking.details
    if not isinstance(details, MarketDetails):
        return ()
    if details.session_id is not None:
        return find_seat(state, require_session(state, details.session_id), booking.user_id, now)
    if details.kind in {Kind.COURSE, Kind.PACKAGE}:
        raise Refused(Refusal.HOLD_ENDED)
    return ()


def _buys_the_same(late: Booking, other: Booking, now: datetime) -> bool:
    """Whether the same person already has what the late payment would buy.

    That is the same service or room at an overlapping time, or a bundle of the same kind bought later.
    """
    if other.id == late.id or other.user_id != late.user_id:
        return False
    if other.status not in KEEPS_SLOT - {Status.DRAFT} or has_lapsed(other, now):
        return False
    if (other.contract, _what(other)) != (late.contract, _what(late)):
        return False
    if is_scheduled(late) and is_scheduled(other):
        return other.starts_at < late.ends_at and late.starts_at < other.ends_at
    return other.created_at > late.created_at


def _what(booking: Booking) -> tuple[int | None, int | None]:
    """What was booked: a service, by any practitioner, or else a resource."""
    return booking.service_id, None if booking.service_id is not None else booking.resource_id


def late_payment_intervals(state: State, report: ReportIntent) -> Iterator[tuple[int, datetime, datetime]]:
    """(resource id, start, end) of what a late payment would take, so that a batch loads those claims."""
    payment = state.payments.get(report.payment_id)
    booking = state.bookings.get(payment.booking_id) if payment else None
    if booking is not None and report.status is IntentStatus.SUCCEEDED:
        yield from ((claim.resource_id, claim.starts_at, claim.ends_at) for claim in claims_again(booking))


def claims_again(booking: Booking) -> tuple[Claim, ...]:
    """What a booking takes again if a late payment confirms it; nothing while it still has it."""
    return () if booking.status in TAKES_TIME else claims_of(replace(booking, status=Status.CONFIRMED))
