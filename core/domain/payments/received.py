"""Money came in: it confirms its booking, or goes back.

A payment confirms a booking that is held. One that arrives after the hold has expired does so if the time or seat is
still free and the payer has not bought the same again meanwhile. Otherwise it is refunded.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from core.domain.bookings.changes import with_status
from core.domain.bookings.claims import claims_of
from core.domain.bookings.holds import ExpiredHolds, has_lapsed, joined, make_way
from core.domain.bookings.status import KEEPS_SLOT, RELEASED, TAKES_TIME, PaymentStatus, Status
from core.domain.commands import ENGINE, ReportIntent
from core.domain.events import BookingChanged, Event, PaymentChanged
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.purchases.seats import find_seat, require_session
from core.domain.marketplace.verbs import is_scheduled
from core.domain.payments.attempts import ended, is_due, payments_of, with_payment_status
from core.domain.payments.refunds import order_refund
from core.domain.payments.values import LIVE, IntentStatus, Payment, PaymentState
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking, Claim, ResourceTime


def receive(state: State, paid: Payment, now: datetime, *, fresh: bool) -> tuple[Event, ...]:
    """Keep money that came in for the booking, or order it to be refunded.

    A payment that the worker looked at (`fresh`), or was to look at, is looked at once more: somebody may have
    refunded it at Stripe before we knew of the money.
    """
    was = state.payments[paid.id].state
    booking = state.bookings.get(paid.booking_id)
    try:
        confirmed = _confirmed(state, _entitled(state, paid, booking), now)
    except _RefundInstead as back:
        reason = back.reason
        ended_booking = booking if booking is not None and booking.status in RELEASED else None
        return (
            order_refund(paid, paid.kept_minor, reason, now, was),
            *with_payment_status(ended_booking, PaymentStatus.SUCCEEDED, now, f"refund: {reason}"),
        )
    due_at = now if fresh or is_due(state.payments[paid.id], now) else None
    kept = PaymentChanged(replace(paid, state=PaymentState.SUCCEEDED, due_at=due_at), was)
    queued = (ended(other, now) for other in payments_of(state, paid.booking_id) if other.state is PaymentState.QUEUED)
    return (kept, *queued, *confirmed)


class _RefundInstead(Exception):  # noqa: N818 - ends a rule, and is no error
    """The money goes back."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _entitled(state: State, paid: Payment, booking: Booking | None) -> Booking:
    """The booking that the money is for. Raises `_RefundInstead`."""
    others = (other for other in payments_of(state, paid.booking_id) if other.id != paid.id)
    if booking is None:
        raise _RefundInstead("booking_deleted")
    if paid.received_minor != paid.amount_minor:
        raise _RefundInstead("amount_mismatch")
    if any(other.state in LIVE or other.kept_minor for other in others):
        raise _RefundInstead("paid_twice")
    if booking.status is Status.CANCELLED:
        raise _RefundInstead("booking_cancelled")
    return booking


def _confirmed(state: State, booking: Booking, now: datetime) -> tuple[Event, ...]:
    """The paid booking, which takes its time again if it had lost it. Raises `_RefundInstead`."""
    paid = replace(booking, payment_status=PaymentStatus.SUCCEEDED)
    match booking.status:
        case Status.HELD:
            return (with_status(paid, Status.CONFIRMED, ENGINE, now, "payment_succeeded"),)
        case Status.EXPIRED:
            expired_holds = _place_again(state, booking, now)
            late = with_status(paid, Status.CONFIRMED, ENGINE, now, "late_payment")
            return (
                *expired_holds,
                BookingChanged(late.booking, late.was, late.freed, late.by, late.reason, claims_again(booking)),
            )
        case _:
            return with_payment_status(booking, PaymentStatus.SUCCEEDED, now, "payment_succeeded")


def _place_again(state: State, booking: Booking, now: datetime) -> tuple[Event, ...]:
    try:
        return make_way_again(state, booking, now)
    except Refused as refused:
        has_it = refused.event.refusal is Refusal.ALREADY_BOOKED
        raise _RefundInstead("already_booked" if has_it else "late_payment") from None


def make_way_again(state: State, booking: Booking, now: datetime) -> ExpiredHolds:
    """The lapsed holds that must end so that an expired booking gets its place again. Raises `Refused` if it cannot."""
    if is_scheduled(booking) and booking.starts_at <= now and not state.policy.allow_past:
        raise Refused(Refusal.IN_THE_PAST)
    seat = _seat(state, booking, now)
    if any(_buys_the_same(booking, other, now) for other in state.bookings.values()):
        raise Refused(Refusal.ALREADY_BOOKED)
    expired = (
        make_way(state, claim.resource_id, claim.starts_at, claim.ends_at, now) for claim in claims_again(booking)
    )
    return joined((seat, *expired))


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


def late_payment_intervals(state: State, report: ReportIntent) -> Iterator[ResourceTime]:
    """What a late payment would take."""
    payment = state.payments.get(report.payment_id)
    booking = state.bookings.get(payment.booking_id) if payment else None
    if booking is not None and report.status is IntentStatus.SUCCEEDED:
        yield from ((claim.resource_id, claim.starts_at, claim.ends_at) for claim in claims_again(booking))


def claims_again(booking: Booking) -> tuple[Claim, ...]:
    """What a booking takes again if a late payment confirms it; nothing while it still has it."""
    return () if booking.status in TAKES_TIME else claims_of(replace(booking, status=Status.CONFIRMED))
