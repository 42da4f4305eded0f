"""A booking's attempts to pay: what the rest of this room does with one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from core.domain.bookings.changes import changed
from core.domain.bookings.status import PaymentStatus
from core.domain.commands import ENGINE, PaymentReport
from core.domain.events import BookingChanged, Event, PaymentChanged
from core.domain.needs import Needs
from core.domain.payments.values import Payment, PaymentState
from core.domain.refusals import Refusal, require
from core.domain.state import State
from core.domain.values import Booking, Policy

LOOK_LONGEST = timedelta(hours=1)


def require_payment(state: State, payment_id: UUID) -> Payment:
    return require(state.payments.get(payment_id), Refusal.PAYMENT_NOT_FOUND)


def payment_needs(needs: Needs, command: PaymentReport) -> None:
    needs.payments.add(command.payment_id)


def payments_of(state: State, booking_id: int) -> list[Payment]:
    """A booking's attempts, in order."""
    return sorted(state.payments.of(booking_id), key=lambda payment: payment.attempt)


def closing(payment: Payment, now: datetime) -> PaymentChanged:
    """It must not be paid any more: the worker cancels its intent, or finds that it was paid."""
    return PaymentChanged(replace(payment, state=PaymentState.CLOSING, due_at=now, updated_at=now), payment.state)


def ended(payment: Payment, now: datetime) -> PaymentChanged:
    return PaymentChanged(replace(payment, state=PaymentState.CANCELED, due_at=None, updated_at=now), payment.state)


def begin_queued(state: State, closed: Payment, now: datetime) -> Iterator[PaymentChanged]:
    """Begin the attempt that waited until this one cannot be charged any more."""
    for other in payments_of(state, closed.booking_id):
        if other.state is PaymentState.QUEUED:
            yield PaymentChanged(replace(other, state=PaymentState.CREATING, due_at=now, updated_at=now), other.state)


def with_payment_status(
    booking: Booking | None, payment_status: PaymentStatus, now: datetime, reason: str
) -> tuple[Event, ...]:
    """The booking's `payment_status`, if it changes."""
    if booking is None or booking.payment_status is payment_status:
        return ()
    after = changed(booking, now, payment_status=payment_status)
    return (BookingChanged(after, booking.status, freed=False, by=ENGINE.kind, reason=reason),)


def is_due(payment: Payment, now: datetime) -> bool:
    return payment.due_at is not None and payment.due_at <= now


def due_again(payment: Payment, now: datetime) -> datetime | None:
    """When a payment is due after it was looked at: at once if an event asked for another look meanwhile.

    The worker that takes a payment makes it due at the end of its lease: one that is due now was asked for since.
    """
    return now if is_due(payment, now) else None


def next_look(payment: Payment, now: datetime, policy: Policy) -> datetime:
    """The longer a payment has been under way, the longer it may wait for the next look."""
    age = now - payment.created_at
    return now + min(max(timedelta(seconds=policy.payment_look_s), age / 2), LOOK_LONGEST)
