"""What Stripe says of a payment's intent, from a webhook or as the payments worker saw it.

`succeeded` and `canceled` are final at Stripe, and acted on whenever they come. Any other status may be out of
date: from a webhook it only makes the worker look, and the worker's reports come in the order of its looks.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from core.domain.bookings.changes import with_status
from core.domain.bookings.holds import extended
from core.domain.bookings.status import PaymentStatus, Status
from core.domain.command_handler import AlsoLoaded, Handler
from core.domain.commands import ENGINE, Envelope, ReportIntent, ReportNothing
from core.domain.events import Event, PaymentChanged, PaymentUnchanged
from core.domain.ids import Ids
from core.domain.needs import Needs
from core.domain.payments.attempts import (
    begin_queued,
    due_again,
    ended,
    next_look,
    payment_needs,
    require_payment,
    with_payment_status,
)
from core.domain.payments.received import late_payment_intervals, receive
from core.domain.payments.refunds import refund_failed
from core.domain.payments.values import (
    PAYABLE,
    RECEIVED,
    IntentStatus,
    Payment,
    PaymentState,
)
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking


def report_intent(
    state: State, _envelope: Envelope, report: ReportIntent, now: datetime, _ids: Ids
) -> tuple[Event, ...]:
    payment = require_payment(state, report.payment_id)
    if payment.intent_id not in {None, report.intent_id}:
        raise Refused(Refusal.INTENT_MISMATCH)
    if payment.state in RECEIVED:
        return _known_to_be_paid(payment, report, now)
    known = replace(payment, intent_id=report.intent_id, updated_at=now)
    match report.status:
        case IntentStatus.SUCCEEDED:
            paid = replace(known, decline=None, received_minor=report.received_minor)
            return receive(state, paid, now, fresh=report.fresh)
        case IntentStatus.CANCELED if report.fresh or payment.intent_id is not None:
            return _canceled(state, payment, known, now)
        case (
            IntentStatus.CANCELED
        ):  # perhaps of a request whose answer never came: the next request gets another intent
            return (PaymentUnchanged(payment),)
        case _ if report.fresh:
            return _standing(state, known, report, now)
        case _:
            return _look(payment, now)


def _known_to_be_paid(payment: Payment, report: ReportIntent, now: datetime) -> tuple[Event, ...]:
    """The worker may have looked because of a refund made at Stripe: it looks again, for refunds."""
    if report.fresh and payment.state is PaymentState.SUCCEEDED:
        return (PaymentChanged(replace(payment, due_at=now), payment.state),)
    return (PaymentUnchanged(payment),)


def _look(payment: Payment, now: datetime) -> tuple[Event, ...]:
    """The report may be out of date: let the worker look now. In other states the payment is due already, or final."""
    if payment.state in {PaymentState.OPEN, PaymentState.PROCESSING}:
        return (PaymentChanged(replace(payment, due_at=now), payment.state),)
    return (PaymentUnchanged(payment),)


def _standing(state: State, known: Payment, report: ReportIntent, now: datetime) -> tuple[Event, ...]:
    """Neither paid nor canceled: open, or processing at the payer's bank."""
    later = next_look(known, now, state.policy)
    if known.state is PaymentState.CLOSING:  # while it is processing it cannot be canceled: try again
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


def _held(state: State, payment: Payment) -> Booking | None:
    booking = state.bookings.get(payment.booking_id)
    return booking if booking is not None and booking.status is Status.HELD else None


def _canceled(state: State, payment: Payment, known: Payment, now: datetime) -> tuple[Event, ...]:
    """The intent is gone. If we did not cancel it ourselves, nobody can pay for this hold any more: it expires."""
    match payment.state:
        case PaymentState.CLOSING:
            return (ended(known, now), *begin_queued(state, payment, now))
        case PaymentState.CREATING | PaymentState.OPEN | PaymentState.PROCESSING:
            booking = _held(state, payment)
            lapsed = () if booking is None else (with_status(booking, Status.EXPIRED, ENGINE, now, "payment_canceled"),)
            return (ended(known, now), *lapsed)
        case _:
            return (PaymentUnchanged(payment),)


def report_nothing(
    state: State, _envelope: Envelope, report: ReportNothing, now: datetime, _ids: Ids
) -> tuple[Event, ...]:
    """Stripe refuses for good: it will not make the intent, does not know it, or has nothing to refund."""
    payment = require_payment(state, report.payment_id)
    failed = replace(payment, state=PaymentState.FAILED, decline=report.code, due_at=None, updated_at=now)
    match payment.state:
        case PaymentState.CLOSING:
            return (ended(payment, now), *begin_queued(state, payment, now))
        case PaymentState.CREATING | PaymentState.OPEN | PaymentState.PROCESSING:
            status = with_payment_status(_held(state, payment), PaymentStatus.FAILED, now, "payment_refused")
            return (PaymentChanged(failed, payment.state), *status)
        case PaymentState.RETURNING | PaymentState.REFUNDING:
            return refund_failed(payment, report.code, now)
        case PaymentState.SUCCEEDED | PaymentState.REFUND_FAILED:  # it has no refunds to be seen
            return (PaymentChanged(replace(payment, due_at=due_again(payment, now)), payment.state),)
        case _:
            return (PaymentUnchanged(payment),)


def _intent_needs(needs: Needs, report: ReportIntent) -> None:
    needs.payments.add(report.payment_id)
    if report.status is IntentStatus.SUCCEEDED:
        needs.received.add(report.payment_id)


HANDLERS = (
    Handler(ReportIntent, report_intent, _intent_needs, late_payment_intervals, also_loaded=AlsoLoaded.PURCHASE_PAID),
    Handler(ReportNothing, report_nothing, payment_needs, also_loaded=AlsoLoaded.PURCHASE_PAID),
)
