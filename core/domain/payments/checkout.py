"""Somebody asks to pay for a booking: who may, with which attempt, and when they are answered.

A booking has at most one attempt that can be charged: a new one waits until the one before it is known to be
canceled at Stripe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from core.domain.bookings.changes import booking_needs, require_own_booking
from core.domain.bookings.holds import has_lapsed
from core.domain.bookings.status import RELEASED, PaymentStatus, Status
from core.domain.command_handler import AlsoLoaded, Handler
from core.domain.commands import Actor, ActorKind, Envelope, RequestPayment
from core.domain.events import CommandDeferred, Event, PaymentChanged, PaymentMade, PaymentReady
from core.domain.ids import Ids
from core.domain.payments.attempts import closing, payments_of, with_payment_status
from core.domain.payments.values import Payment, PaymentState
from core.domain.refusals import CommandRefused, Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking

MAX_ATTEMPTS = 20
"""For one booking. A client can cause a call to Stripe with each."""


def request_payment(
    state: State, envelope: Envelope, command: RequestPayment, now: datetime, ids: Ids
) -> tuple[Event, ...]:
    """The intent that the booking has, or a new one after a decline."""
    booking = require_own_booking(state, command.booking_id, _as_owner(envelope.actor))
    _may_be_paid(booking, command, now)
    attempts = payments_of(state, booking.id)
    before: tuple[Event, ...] = ()
    begins = PaymentState.CREATING
    match attempts[-1] if attempts else None:
        case Payment(state=PaymentState.CREATING | PaymentState.QUEUED, id=id_):
            return (CommandDeferred(id_),)
        case Payment(state=PaymentState.PROCESSING) | Payment(state=PaymentState.OPEN, decline=None) as present:
            return (PaymentReady(present),)
        case Payment(state=PaymentState.OPEN) as declined:
            before, begins = (closing(declined, now),), PaymentState.QUEUED
        case Payment(state=PaymentState.CLOSING):
            begins = PaymentState.QUEUED
        case _:
            pass
    made = _attempt(booking, len(attempts) + 1, begins, now, ids)
    status = with_payment_status(booking, PaymentStatus.PENDING, now, "payment_requested")
    return (*before, *status, PaymentMade(made), CommandDeferred(made.id))


def _as_owner(actor: Actor) -> Actor:
    """Staff, too, pay only for their own bookings."""
    return Actor(ActorKind.USER, actor.user_id) if actor.kind is ActorKind.STAFF else actor


def _may_be_paid(booking: Booking, command: RequestPayment, now: datetime) -> None:
    if booking.status not in RELEASED and booking.payment_status in {PaymentStatus.SUCCEEDED, PaymentStatus.NONE}:
        raise Refused(Refusal.ALREADY_PAID)
    if booking.status is not Status.HELD or has_lapsed(booking, now):
        raise Refused(Refusal.NOT_PAYABLE, booking.status)
    if command.currency != booking.currency:
        raise Refused(Refusal.CURRENCY_MISMATCH)
    if command.amount_minor != booking.price_minor:
        raise Refused(Refusal.AMOUNT_MISMATCH)


def _attempt(booking: Booking, number: int, begins: PaymentState, now: datetime, ids: Ids) -> Payment:
    if number > MAX_ATTEMPTS:
        raise Refused(Refusal.TOO_MANY_PAYMENTS)
    return Payment(
        id=ids.uuid(),
        booking_id=booking.id,
        attempt=number,
        amount_minor=booking.price_minor,
        currency=booking.currency,
        state=begins,
        created_at=now,
        updated_at=now,
        due_at=now if begins is PaymentState.CREATING else None,
    )


def deferred_answers(state: State, events: Sequence[Event]) -> Iterator[tuple[Envelope, tuple[Event, ...]]]:
    """Commands that waited for a payment's intent, each with its answer."""
    for event in events:
        if isinstance(event, PaymentChanged) and (answer := _answer(event.payment)) is not None:
            for envelope in state.followers.pop(event.payment.id, ()):
                yield envelope, (answer,)


def _answer(payment: Payment) -> Event | None:
    match payment.state:
        case PaymentState.QUEUED | PaymentState.CREATING:
            return None
        case PaymentState.OPEN | PaymentState.PROCESSING | PaymentState.SUCCEEDED:
            return PaymentReady(payment)
        case PaymentState.FAILED:
            return CommandRefused(Refusal.PAYMENT_REFUSED)
        case _:
            return CommandRefused(Refusal.NOT_PAYABLE)


HANDLERS = (Handler(RequestPayment, request_payment, booking_needs, also_loaded=AlsoLoaded.PURCHASES),)
