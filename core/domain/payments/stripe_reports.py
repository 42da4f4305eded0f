"""What Stripe says of a payment, and what follows from it for the booking.

What it says last of an intent (succeeded, canceled) is final there, and acted on whenever it
comes. Anything else may be out of date by then: a webhook's word for it only makes the worker
look, and what the worker sees comes in the order in which it looked.

A payment confirms a booking that is held. One that arrives after its end may still do so
(`core.domain.payments.late_payments`); otherwise it is refunded.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from msgspec.structs import replace

from core.domain.bookings.holds import extended
from core.domain.bookings.status import ENDED, PaymentStatus, Status
from core.domain.bookings.transitions import with_status
from core.domain.commands import ENGINE, ReportIntent, ReportNothing, ReportRefund
from core.domain.events import BookingChanged, Event, PaymentChanged, PaymentUnchanged
from core.domain.payments.attempts import (
    asked_again,
    begin_the_next,
    ended,
    is_due,
    order_owed_refund,
    order_refund,
    payments_of,
    refund_failed,
    require_payment,
    with_payment_status,
)
from core.domain.payments.late_payments import claims_again, make_way_again
from core.domain.payments.values import (
    LIVE,
    PAYABLE,
    RECEIVED,
    REFUND_UNDER_WAY,
    IntentStatus,
    Payment,
    PaymentState,
    RefundStatus,
)
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking, Policy

LOOK_LONGEST = timedelta(hours=1)


def report_intent(state: State, report: ReportIntent, now: datetime) -> tuple[Event, ...]:
    """What Stripe says of a payment's intent: seen by the worker, or told by a webhook."""
    payment = require_payment(state, report.payment_id)
    if payment.intent_id not in {None, report.intent_id}:
        raise Refused(Refusal.INTENT_MISMATCH)
    if payment.state in RECEIVED:
        return _refunds(payment, report, now)
    known = replace(payment, intent_id=report.intent_id, updated_at=now)
    match report.status:
        case IntentStatus.SUCCEEDED:
            paid = replace(known, decline=None, received_minor=report.received_minor)
            return _received(state, paid, now, fresh=report.fresh)
        case IntentStatus.CANCELED if report.fresh or payment.intent_id is not None:
            return _canceled(state, payment, known, now)
        case IntentStatus.CANCELED:  # maybe of a try whose answer never came; what the next one gets is the payment's
            return (PaymentUnchanged(payment),)
        case _ if report.fresh:
            return _standing(state, known, report, now)
        case _:
            return _look(payment, now)


def _refunds(payment: Payment, report: ReportIntent, now: datetime) -> tuple[Event, ...]:
    """A look found the payment paid, which was known. It may have been ordered for a refund: look for that."""
    if report.fresh and payment.state is PaymentState.SUCCEEDED:
        return (PaymentChanged(replace(payment, due_at=now), payment.state),)
    return (PaymentUnchanged(payment),)


def _look(payment: Payment, now: datetime) -> tuple[Event, ...]:
    """Maybe out of date: look now. What has still to be asked for is due already."""
    if payment.state in {PaymentState.OPEN, PaymentState.PROCESSING}:
        return (PaymentChanged(replace(payment, due_at=now), payment.state),)
    return (PaymentUnchanged(payment),)


def _standing(state: State, known: Payment, report: ReportIntent, now: datetime) -> tuple[Event, ...]:
    """Neither paid nor canceled: open, or in the hands of the payer's bank."""
    later = _next_look(known, now, state.policy)
    if known.state is PaymentState.CLOSING:  # in a bank's hands it cannot be canceled: try again
        return (PaymentChanged(replace(known, due_at=later), known.state),)
    if known.state not in PAYABLE:
        return (PaymentUnchanged(known),)
    processing = report.status is IntentStatus.PROCESSING
    decline = report.decline if report.status is IntentStatus.REQUIRES_PAYMENT_METHOD else None
    after = PaymentState.PROCESSING if processing else PaymentState.OPEN
    changed = PaymentChanged(replace(known, state=after, decline=decline, due_at=later), known.state)
    booking = _held(state, known)
    if booking is not None and processing:
        return (
            changed,
            *with_payment_status(extended(booking, state.policy), PaymentStatus.PROCESSING, now, "payment_processing"),
        )
    if decline:
        return (changed, *with_payment_status(booking, PaymentStatus.FAILED, now, "payment_failed"))
    return (changed, *with_payment_status(booking, PaymentStatus.PENDING, now, "payment_open"))


def _next_look(payment: Payment, now: datetime, policy: Policy) -> datetime:
    """The longer a payment has been under way, the longer it may wait for the next look."""
    age = now - payment.created_at
    return now + min(max(timedelta(seconds=policy.payment_look_s), age / 2), LOOK_LONGEST)


def _held(state: State, payment: Payment) -> Booking | None:
    booking = state.bookings.get(payment.booking_id)
    return booking if booking is not None and booking.status is Status.HELD else None


def _received(state: State, paid: Payment, now: datetime, *, fresh: bool) -> tuple[Event, ...]:
    """Money came in: kept for the booking, or given back.

    What was found by a look, or was to be looked at, is looked at once more: for refunds, which
    somebody may have made at Stripe before we knew of the money.
    """
    was = state.payments[paid.id].state
    booking = state.bookings.get(paid.booking_id)
    try:
        confirmed = _confirmed(state, _entitled(state, paid, booking), now)
    except _RefundInstead as back:
        reason = back.reason
        over = booking if booking is not None and booking.status in ENDED else None
        return (
            order_refund(paid, paid.kept_minor, reason, now, was),
            *with_payment_status(over, PaymentStatus.SUCCEEDED, now, f"refund: {reason}"),
        )
    due_at = now if fresh or is_due(state.payments[paid.id], now) else None
    kept = PaymentChanged(replace(paid, state=PaymentState.SUCCEEDED, due_at=due_at), was)
    queued = (ended(other, now) for other in payments_of(state, paid.booking_id) if other.state is PaymentState.QUEUED)
    return (kept, *queued, *confirmed)


class _RefundInstead(Exception):  # noqa: N818 - a way out of a rule, not an error
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
            way = _way_back(state, booking, now)
            late = with_status(paid, Status.CONFIRMED, ENGINE, now, "late_payment")
            return (
                *way,
                BookingChanged(late.booking, late.was, late.freed, late.by, late.reason, claims_again(booking)),
            )
        case _:
            return with_payment_status(booking, PaymentStatus.SUCCEEDED, now, "payment_succeeded")


def _way_back(state: State, booking: Booking, now: datetime) -> tuple[Event, ...]:
    try:
        return make_way_again(state, booking, now)
    except Refused as refused:
        has_it = refused.event.refusal is Refusal.ALREADY_BOOKED
        raise _RefundInstead("already_booked" if has_it else "late_payment") from None


def _canceled(state: State, payment: Payment, known: Payment, now: datetime) -> tuple[Event, ...]:
    """The intent is gone. If we did not order it, nobody can pay this hold any more: it expires."""
    match payment.state:
        case PaymentState.CLOSING:
            return (ended(known, now), *begin_the_next(state, payment, now))
        case PaymentState.CREATING | PaymentState.OPEN | PaymentState.PROCESSING:
            booking = _held(state, payment)
            lapsed = () if booking is None else (with_status(booking, Status.EXPIRED, ENGINE, now, "payment_canceled"),)
            return (ended(known, now), *lapsed)
        case _:
            return (PaymentUnchanged(payment),)


def report_nothing(state: State, report: ReportNothing, now: datetime) -> tuple[Event, ...]:
    """Stripe will not do what was ordered, now or ever: no such intent to be made or found, nothing to refund."""
    payment = require_payment(state, report.payment_id)
    failed = replace(payment, state=PaymentState.FAILED, decline=report.code, due_at=None, updated_at=now)
    match payment.state:
        case PaymentState.CLOSING:
            return (ended(payment, now), *begin_the_next(state, payment, now))
        case PaymentState.CREATING | PaymentState.OPEN | PaymentState.PROCESSING:
            told = with_payment_status(_held(state, payment), PaymentStatus.FAILED, now, "payment_refused")
            return (PaymentChanged(failed, payment.state), *told)
        case PaymentState.RETURNING | PaymentState.REFUNDING:
            return refund_failed(payment, report.code, now)
        case PaymentState.SUCCEEDED | PaymentState.REFUND_FAILED:  # it has no refunds to be seen
            return (PaymentChanged(replace(payment, due_at=asked_again(payment, now)), payment.state),)
        case _:
            return (PaymentUnchanged(payment),)


def report_refund(state: State, report: ReportRefund, now: datetime) -> tuple[Event, ...]:
    """What became of giving money back."""
    payment = require_payment(state, report.payment_id)
    if payment.state not in REFUND_UNDER_WAY or report.number != payment.refund_number:
        return (PaymentUnchanged(payment),)
    known = replace(payment, refund_id=report.refund_id, updated_at=now)
    match report.status:
        case RefundStatus.SUCCEEDED:
            total = min(payment.refunded_minor + report.amount_minor, payment.received_minor)
            return _refunded(state, replace(known, refunded_minor=total, returning_minor=0), now)
        case RefundStatus.PENDING | RefundStatus.REQUIRES_ACTION:
            later = _next_look(known, now, state.policy)
            return (PaymentChanged(replace(known, due_at=later), payment.state),)
        case RefundStatus.FAILED | RefundStatus.CANCELED:
            return refund_failed(known, report.status.value, now)
        case _ as unreachable:
            assert_never(unreachable)


def _refunded(state: State, known: Payment, now: datetime) -> tuple[Event, ...]:
    """All of it, or some: then what is owed is refunded next, and the rest is kept or left to a person."""
    if known.refunded_minor < known.received_minor:
        if known.owed_minor:
            return order_owed_refund(known, now)
        # A person may have refunded some, too, while Stripe was at ours: look once more.
        after = PaymentState.REFUND_FAILED if known.failed_minor else PaymentState.SUCCEEDED
        return (PaymentChanged(replace(known, state=after, due_at=now), known.state),)
    all_back = replace(known, state=PaymentState.REFUNDED, owed_minor=0, failed_minor=0, due_at=None)
    done = PaymentChanged(all_back, known.state)
    booking = state.bookings.get(known.booking_id)
    told = (
        booking if booking is not None and (booking.status in ENDED or _was_its_money(state, known, booking)) else None
    )
    return (done, *with_payment_status(told, PaymentStatus.REFUNDED, now, "refunded"))


def _was_its_money(state: State, payment: Payment, booking: Booking) -> bool:
    """Of a purchase that goes on: its parts that cost something were cancelled. Not what was paid twice."""
    others = (other for other in payments_of(state, booking.id) if other.id != payment.id)
    return booking.payment_status is PaymentStatus.SUCCEEDED and not any(other.kept_minor for other in others)
