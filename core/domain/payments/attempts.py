"""A booking's attempts to pay, and what may become of one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from core.domain.bookings.status import PaymentStatus
from core.domain.commands import ENGINE
from core.domain.events import BookingChanged, Event, PaymentChanged
from core.domain.payments.money import refundable
from core.domain.payments.values import Payment, PaymentState
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking


def require_payment(state: State, payment_id: UUID) -> Payment:
    if (payment := state.payments.get(payment_id)) is None:
        raise Refused(Refusal.PAYMENT_NOT_FOUND)
    return payment


def payments_of(state: State, booking_id: int) -> list[Payment]:
    """A booking's attempts, in order."""
    return sorted(state.payments.of(booking_id), key=lambda payment: payment.attempt)


def closing(payment: Payment, now: datetime) -> PaymentChanged:
    """Nobody is to pay it any more: the worker cancels its intent, or finds that it was paid."""
    return PaymentChanged(replace(payment, state=PaymentState.CLOSING, due_at=now, updated_at=now), payment.state)


def ended(payment: Payment, now: datetime) -> PaymentChanged:
    return PaymentChanged(replace(payment, state=PaymentState.CANCELED, due_at=None, updated_at=now), payment.state)


def order_refund(
    payment: Payment, amount_minor: int, reason: str, now: datetime, was: PaymentState | None = None
) -> PaymentChanged:
    """Order money back. While Stripe is at a refund, more is owed and waits for its end."""
    amount_minor = refundable(amount_minor, payment.kept_minor, payment.currency)
    told = replace(payment, refund_reason=reason, updated_at=now)
    if payment.returning_minor:
        after = replace(told, owed_minor=payment.owed_minor + amount_minor)
    else:
        number = payment.refund_number + 1
        after = replace(told, returning_minor=amount_minor, refund_number=number, refund_id=None, due_at=now)
    state = PaymentState.RETURNING if after.kept_minor else PaymentState.REFUNDING
    return PaymentChanged(replace(after, state=state), was or payment.state)


def refund_failed(payment: Payment, why: str, now: datetime) -> tuple[PaymentChanged, ...]:
    """Stripe could not refund what it was asked to: a person must. What else is owed is ordered next."""
    failed = replace(
        payment,
        state=PaymentState.REFUND_FAILED,
        failed_minor=payment.failed_minor + payment.returning_minor,
        returning_minor=0,
        decline=why,
        due_at=None,
        updated_at=now,
    )
    return (PaymentChanged(failed, payment.state), *order_owed_refund(failed, now))


def order_owed_refund(payment: Payment, now: datetime) -> tuple[PaymentChanged, ...]:
    """Order what waited for the end of a refund."""
    if not payment.owed_minor:
        return ()
    return (order_refund(replace(payment, owed_minor=0), payment.owed_minor, payment.refund_reason or "", now),)


def begin_the_next(state: State, closed: Payment, now: datetime) -> Iterator[PaymentChanged]:
    """The attempt that waited for this one's end begins."""
    for other in payments_of(state, closed.booking_id):
        if other.state is PaymentState.QUEUED:
            yield PaymentChanged(replace(other, state=PaymentState.CREATING, due_at=now, updated_at=now), other.state)


def with_payment_status(
    booking: Booking | None, payment_status: PaymentStatus, now: datetime, reason: str
) -> tuple[Event, ...]:
    """The booking's own word for how its payment stands, if that is news."""
    if booking is None or booking.payment_status is payment_status:
        return ()
    after = replace(booking, payment_status=payment_status, version=booking.version + 1, updated_at=now)
    return (BookingChanged(after, booking.status, freed=False, by=ENGINE.kind, reason=reason),)


def is_due(payment: Payment, now: datetime) -> bool:
    return payment.due_at is not None and payment.due_at <= now


def asked_again(payment: Payment, now: datetime) -> datetime | None:
    """When a payment is due after a look at it: at once if an event asked for a look while that one was under way.

    Whoever takes a payment makes it due at the end of the lease, so one that is due now was asked for since.
    """
    return now if is_due(payment, now) else None
