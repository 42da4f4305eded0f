"""Money that went back at Stripe without our order: a person did it in the dashboard, or Stripe's support.

An event about it only makes the worker look; what it finds is the whole truth at that moment. A refund that
comes back after all lowers nothing here: the comparison with Stripe's books shows it to staff. Money that went back as a whole ends a booking as long as it can be cancelled: nobody has a place unpaid.
What has begun or is over keeps its status and says `refunded`. A part that went back changes
nothing but the books; should the rest be refunded by us later, it is the rest. What a person refunds
first counts for what Stripe could not refund for us.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from core.domain.bookings.status import PaymentStatus, Status, may_become
from core.domain.bookings.transitions import with_status
from core.domain.commands import ENGINE, LookForRefunds, ReportGivenBack
from core.domain.events import Event, PaymentChanged, PaymentUnchanged
from core.domain.payments.attempts import asked_again, require_payment, with_payment_status
from core.domain.payments.values import RECEIVED, Payment, PaymentState
from core.domain.state import State

REASON = "refunded_at_stripe"

LOOKED_AT = frozenset(
    {
        PaymentState.OPEN,
        PaymentState.PROCESSING,
        PaymentState.CLOSING,  # while a bank has it, it is due much later
        PaymentState.SUCCEEDED,
        PaymentState.REFUND_FAILED,
    }
)
"""In any other state it is due already, or final, or nobody can have paid it."""


def look_for_refunds(state: State, command: LookForRefunds, now: datetime) -> tuple[Event, ...]:
    payment = require_payment(state, command.payment_id)
    if payment.state in LOOKED_AT:
        return (PaymentChanged(replace(payment, due_at=now), payment.state),)
    return (PaymentUnchanged(payment),)


def report_given_back(state: State, report: ReportGivenBack, now: datetime) -> tuple[Event, ...]:
    """All that went back of a payment's money, as the worker saw it.

    A report that was put off may be older than what is known by now, so it never lowers the amount.
    """
    payment = require_payment(state, report.payment_id)
    total = max(payment.refunded_minor, min(report.amount_minor, payment.received_minor))
    by_hand = total - payment.refunded_minor
    failed = max(0, payment.failed_minor - by_hand)  # a person's refund counts for the failed amount first
    told = replace(payment, refunded_minor=total, failed_minor=failed, due_at=asked_again(payment, now), updated_at=now)
    known = _no_more_than_left(told)
    is_whole = 0 < known.received_minor == known.refunded_minor
    match payment.state:
        case state_ if is_whole and state_ in RECEIVED - {PaymentState.REFUNDED}:
            return _all_is_back(state, known, payment.state, now)
        case PaymentState.REFUND_FAILED if by_hand and not failed:
            return (PaymentChanged(replace(known, state=PaymentState.SUCCEEDED), payment.state),)
        case PaymentState.SUCCEEDED | PaymentState.REFUND_FAILED:
            return (PaymentChanged(known, payment.state),)
        case PaymentState.RETURNING | PaymentState.REFUNDING:  # the rest is still to be refunded
            return (PaymentChanged(replace(known, due_at=now), payment.state),)
        case _:
            return (PaymentUnchanged(payment),)


def _no_more_than_left(payment: Payment) -> Payment:
    """What we were about to give back may be more than a person has left: then another refund is ordered."""
    left = payment.received_minor - payment.refunded_minor - payment.failed_minor
    returning = min(payment.returning_minor, left)
    if returning == payment.returning_minor:
        return replace(payment, owed_minor=min(payment.owed_minor, left - returning))
    return replace(payment, returning_minor=returning, owed_minor=0, refund_number=payment.refund_number + 1)


def _all_is_back(state: State, known: Payment, was: PaymentState, now: datetime) -> tuple[Event, ...]:
    reason = known.refund_reason or REASON
    all_back = replace(known, state=PaymentState.REFUNDED, refund_reason=reason, failed_minor=0, due_at=None)
    done = PaymentChanged(all_back, was)
    booking = state.bookings.get(known.booking_id)
    if booking is not None and may_become(booking.status, Status.CANCELLED):
        unpaid = replace(booking, payment_status=PaymentStatus.REFUNDED)
        return (done, with_status(unpaid, Status.CANCELLED, ENGINE, now, REASON))
    return (done, *with_payment_status(booking, PaymentStatus.REFUNDED, now, reason))
