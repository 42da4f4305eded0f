"""What became of refunds: of those that we ordered, and of those made at Stripe without us.

A person makes a refund in Stripe's dashboard, or Stripe's support does. An event about one only makes the worker look:
what it finds is all that went back until then. When all the money went back, a booking that can still be cancelled
is cancelled, as nobody keeps a place unpaid; one that has begun or is over keeps its status and says `refunded`. When
some of it went back, only the books change; should we refund the rest later, it is the rest. A person's refund counts
first for what Stripe could not refund for us. A refund that comes back after all lowers nothing here: the comparison
with Stripe's books shows it to staff.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from core.domain.bookings.changes import with_status
from core.domain.bookings.status import RELEASED, PaymentStatus, Status, may_become
from core.domain.command_handler import AlsoLoaded, Handler
from core.domain.commands import ENGINE, Envelope, LookForRefunds, ReportGivenBack, ReportRefund
from core.domain.events import Event, PaymentChanged, PaymentUnchanged
from core.domain.ids import Ids
from core.domain.payments.attempts import (
    due_again,
    next_look,
    payment_needs,
    payments_of,
    require_payment,
    with_payment_status,
)
from core.domain.payments.refunds import order_owed_refund, refund_failed
from core.domain.payments.values import RECEIVED, REFUND_UNDER_WAY, Payment, PaymentState, RefundStatus
from core.domain.state import State
from core.domain.values import Booking


def report_refund(
    state: State, _envelope: Envelope, report: ReportRefund, now: datetime, _ids: Ids
) -> tuple[Event, ...]:
    """What became of a refund that we ordered."""
    payment = require_payment(state, report.payment_id)
    if payment.state not in REFUND_UNDER_WAY or report.number != payment.refund_number:
        return (PaymentUnchanged(payment),)
    known = replace(payment, refund_id=report.refund_id, updated_at=now)
    match report.status:
        case RefundStatus.SUCCEEDED:
            total = min(payment.refunded_minor + report.amount_minor, payment.received_minor)
            return _refunded(state, replace(known, refunded_minor=total, returning_minor=0), now)
        case RefundStatus.PENDING | RefundStatus.REQUIRES_ACTION:
            later = next_look(known, now, state.policy)
            return (PaymentChanged(replace(known, due_at=later), payment.state),)
        case RefundStatus.FAILED | RefundStatus.CANCELED:
            return refund_failed(known, report.status.value, now)
        case _ as unreachable:
            assert_never(unreachable)


def _refunded(state: State, known: Payment, now: datetime) -> tuple[Event, ...]:
    """All of it was refunded, or some: then what is owed is refunded next, and the rest is kept or left to a person."""
    if known.refunded_minor < known.received_minor:
        if known.owed_minor:
            return order_owed_refund(known, now)
        # A person may have refunded some, too, while Stripe was at ours: look once more.
        after = PaymentState.REFUND_FAILED if known.failed_minor else PaymentState.SUCCEEDED
        return (PaymentChanged(replace(known, state=after, due_at=now), known.state),)
    all_back = replace(known, state=PaymentState.REFUNDED, owed_minor=0, failed_minor=0, due_at=None)
    done = PaymentChanged(all_back, known.state)
    booking = state.bookings.get(known.booking_id)
    if booking is None or not (booking.status in RELEASED or _was_its_money(state, known, booking)):
        return (done,)
    return (done, *with_payment_status(booking, PaymentStatus.REFUNDED, now, "refunded"))


def _was_its_money(state: State, payment: Payment, booking: Booking) -> bool:
    """Whether the booking was paid with this money, which is not so if it was paid twice. All parts of a purchase that
    cost something may be cancelled while the purchase goes on.
    """
    others = (other for other in payments_of(state, booking.id) if other.id != payment.id)
    return booking.payment_status is PaymentStatus.SUCCEEDED and not any(other.kept_minor for other in others)


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
"""In any other state a payment is due already, or final, or cannot have been paid."""


def look_for_refunds(
    state: State, _envelope: Envelope, command: LookForRefunds, now: datetime, _ids: Ids
) -> tuple[Event, ...]:
    payment = require_payment(state, command.payment_id)
    if payment.state in LOOKED_AT:
        return (PaymentChanged(replace(payment, due_at=now), payment.state),)
    return (PaymentUnchanged(payment),)


def report_given_back(
    state: State, _envelope: Envelope, report: ReportGivenBack, now: datetime, _ids: Ids
) -> tuple[Event, ...]:
    """All that went back of a payment's money, as the worker saw it.

    A report that was put off may be older than what we know, so it never lowers the amount.
    """
    payment = require_payment(state, report.payment_id)
    total = max(payment.refunded_minor, min(report.amount_minor, payment.received_minor))
    by_hand = total - payment.refunded_minor
    failed = max(0, payment.failed_minor - by_hand)  # a person's refund counts for the failed amount first
    changed = replace(
        payment, refunded_minor=total, failed_minor=failed, due_at=due_again(payment, now), updated_at=now
    )
    known = _no_more_than_left(changed)
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
    """What we were about to refund may be more than is left after a person's refund: then another refund is ordered."""
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


HANDLERS = (
    Handler(ReportRefund, report_refund, payment_needs, also_loaded=AlsoLoaded.PURCHASE_PAID),
    Handler(LookForRefunds, look_for_refunds, payment_needs, also_loaded=AlsoLoaded.PURCHASE_PAID),
    Handler(ReportGivenBack, report_given_back, payment_needs, also_loaded=AlsoLoaded.PURCHASE_PAID),
)
