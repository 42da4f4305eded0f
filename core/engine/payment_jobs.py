"""One due payment: what Stripe is asked, and what is reported to the booking's lane."""

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


def run_job(payments: PaymentProvider, job: PaymentJob) -> Report | None:
    """Ask Stripe for what the payment's state orders; None if it orders nothing.

    Raises `PaymentsAwayError`: it has to be asked again.
    """
    try:
        return _ask(payments, job)
    except PaymentsRefusedError as problem:
        if job.state in {PaymentState.OPEN, PaymentState.PROCESSING} and not isinstance(problem, IntentMissingError):
            raise PaymentsAwayError(str(problem), ours=False) from None  # a look is never refused for good
        return ReportNothing(job.id, problem.code)


def _ask(payments: PaymentProvider, job: PaymentJob) -> Report | None:
    match job.state:
        case PaymentState.CREATING:
            return _seen(job, payments.create_intent(_intent_order(job)))
        case PaymentState.OPEN | PaymentState.PROCESSING:
            return _seen(job, payments.intent(_known(job)))
        case PaymentState.CLOSING:
            # An intent that was requested may exist even if its answer never came.
            intent_id = job.intent_id or payments.create_intent(_intent_order(job)).id
            return _seen(job, payments.cancel_intent(intent_id))
        case PaymentState.RETURNING | PaymentState.REFUNDING:
            return _refund(payments, job)
        case PaymentState.SUCCEEDED | PaymentState.REFUND_FAILED:
            return ReportGivenBack(job.id, payments.refunded_minor(_known(job)))
        case PaymentState.QUEUED | PaymentState.CANCELED | PaymentState.FAILED | PaymentState.REFUNDED:
            return None
        case _ as unreachable:
            assert_never(unreachable)


def _known(job: PaymentJob) -> str:
    assert job.intent_id is not None, "the constraint payment_open_has_intent"  # noqa: S101
    return job.intent_id


def _intent_order(job: PaymentJob) -> IntentOrder:
    key = f"holdfast-{job.id}-intent-{job.key_number}"
    was_asked = job.created_at if job.was_asked else None
    return IntentOrder(key, job.id, job.booking_id, job.amount_minor, job.currency, was_asked)


def _refund_order(job: PaymentJob) -> RefundOrder:
    """Each refund has a key of its own, as Stripe keeps a key with its request."""
    key = f"holdfast-{job.id}-refund-{job.refund_number}-{job.key_number}"
    return RefundOrder(key, job.id, _known(job), job.returning_minor, job.refund_number, job.refund_id, job.was_asked)


def _seen(job: PaymentJob, intent: Intent) -> ReportIntent:
    return ReportIntent(job.id, intent.id, intent.status, intent.received_minor, intent.decline, fresh=True)


def _refund(payments: PaymentProvider, job: PaymentJob) -> Report:
    """Refund. If Stripe refuses, a person may have refunded all or some of it there."""
    try:
        done = payments.refund(_refund_order(job))
    except PaymentsRefusedError:
        if (total := payments.refunded_minor(_known(job))) > job.refunded_minor:
            return ReportGivenBack(job.id, total)
        raise
    return ReportRefund(job.id, done.id, done.status, done.amount_minor, job.refund_number)
