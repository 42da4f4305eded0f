"""Seeing to one due payment: what Stripe is asked, and what is reported to the booking's lane."""

from __future__ import annotations

from typing import assert_never

from core.domain.commands import ReportGivenBack, ReportIntent, ReportNothing, ReportRefund
from core.domain.payments.values import PaymentState
from core.payments.provider import (
    Intent,
    IntentMissingError,
    IntentOrder,
    PaymentProvider,
    PaymentsAwayError,
    PaymentsRefusedError,
    RefundOrder,
)
from core.store.payments.jobs import PaymentJob

Report = ReportIntent | ReportNothing | ReportRefund | ReportGivenBack


def run_job(payments: PaymentProvider, due: PaymentJob) -> Report | None:
    """Ask Stripe for what the payment's state orders; None if it orders nothing.

    Raises `PaymentsAwayError`: it has to be asked again.
    """
    try:
        return _ask(payments, due)
    except PaymentsRefusedError as problem:
        if due.state in {PaymentState.OPEN, PaymentState.PROCESSING} and not isinstance(problem, IntentMissingError):
            raise PaymentsAwayError(str(problem), ours=False) from None  # looking is never refused for good
        return ReportNothing(due.id, problem.code)


def _ask(payments: PaymentProvider, due: PaymentJob) -> Report | None:
    match due.state:
        case PaymentState.CREATING:
            return _seen(due, payments.create_intent(_intent_order(due)))
        case PaymentState.OPEN | PaymentState.PROCESSING:
            return _seen(due, payments.intent(_known(due)))
        case PaymentState.CLOSING:
            # One that was asked for may be there, whether or not its answer ever came.
            intent_id = due.intent_id or payments.create_intent(_intent_order(due)).id
            return _seen(due, payments.cancel_intent(intent_id))
        case PaymentState.RETURNING | PaymentState.REFUNDING:
            return _refund(payments, due)
        case PaymentState.SUCCEEDED | PaymentState.REFUND_FAILED:
            return ReportGivenBack(due.id, payments.refunded_minor(_known(due)))
        case PaymentState.QUEUED | PaymentState.CANCELED | PaymentState.FAILED | PaymentState.REFUNDED:
            return None
        case _ as unreachable:
            assert_never(unreachable)


def _known(due: PaymentJob) -> str:
    assert due.intent_id is not None, "the constraint payment_open_has_intent"  # noqa: S101
    return due.intent_id


def _intent_order(due: PaymentJob) -> IntentOrder:
    key = f"holdfast-{due.id}-intent-{due.key_number}"
    was_asked = due.created_at if due.was_asked else None
    return IntentOrder(key, due.id, due.booking_id, due.amount_minor, due.currency, was_asked)


def _refund_order(due: PaymentJob) -> RefundOrder:
    """Each under a key of its own, as Stripe keeps keys with what was asked."""
    key = f"holdfast-{due.id}-refund-{due.refund_number}-{due.key_number}"
    return RefundOrder(key, due.id, _known(due), due.returning_minor, due.refund_number, due.refund_id, due.was_asked)


def _seen(due: PaymentJob, intent: Intent) -> ReportIntent:
    return ReportIntent(due.id, intent.id, intent.status, intent.received_minor, intent.decline, fresh=True)


def _refund(payments: PaymentProvider, due: PaymentJob) -> Report:
    """Give it back; if Stripe refuses, maybe because somebody else did, as a whole or in part."""
    try:
        done = payments.refund(_refund_order(due))
    except PaymentsRefusedError:
        if (total := payments.refunded_minor(_known(due))) > due.refunded_minor:
            return ReportGivenBack(due.id, total)
        raise
    return ReportRefund(due.id, done.id, done.status, done.amount_minor, due.refund_number)
