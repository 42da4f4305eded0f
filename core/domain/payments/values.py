"""The nouns of paying: one row an attempt to pay for a booking, and what Stripe says of it.

Money is never moved here: a state orders what the payments worker is to do next, and reports say
what came of it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct


class IntentStatus(StrEnum):
    """A PaymentIntent's life, in Stripe's words."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CAPTURE = "requires_capture"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class RefundStatus(StrEnum):
    """A refund's, in Stripe's words."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class PaymentState(StrEnum):
    """Where an attempt stands, and with it what the payments worker does when it is due."""

    QUEUED = "queued"
    """Waits until the attempt before it can no longer be charged."""
    CREATING = "creating"
    """Due: make its intent."""
    OPEN = "open"
    """The payer may pay. Due: look whether they did, in case no webhook came."""
    PROCESSING = "processing"
    """The payer's bank is at it. Due: look."""
    CLOSING = "closing"
    """Nobody is to pay it any more. Due: cancel the intent, or find that it was paid."""
    CANCELED = "canceled"
    FAILED = "failed"
    """Stripe would not make its intent, or lost it."""
    SUCCEEDED = "succeeded"
    """Paid, and the booking has it; less what went back for parts of it."""
    RETURNING = "returning"
    """Paid and kept, but some of it is to be given back. Due: refund that."""
    REFUNDING = "refunding"
    """Paid, and to be given back. Due: refund."""
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    """Stripe could not refund it, or some of it: a person must. No other refund of it is due now."""


LIVE = frozenset(
    {
        PaymentState.CREATING,
        PaymentState.OPEN,
        PaymentState.PROCESSING,
        PaymentState.CLOSING,
        PaymentState.SUCCEEDED,
        PaymentState.RETURNING,
    }
)
"""Can still be charged, or has been and is kept: a booking has at most one of these."""

PAYABLE = frozenset({PaymentState.CREATING, PaymentState.OPEN, PaymentState.PROCESSING})

RECEIVED = frozenset(
    {
        PaymentState.SUCCEEDED,
        PaymentState.RETURNING,
        PaymentState.REFUNDING,
        PaymentState.REFUNDED,
        PaymentState.REFUND_FAILED,
    }
)
"""Its money came in; nothing that is said of its intent changes that."""

REFUND_UNDER_WAY = frozenset({PaymentState.RETURNING, PaymentState.REFUNDING})
"""Stripe is asked for a refund."""


class Payment(Struct, frozen=True):
    """One attempt to pay for a booking: at most one PaymentIntent, at most one refund at a time."""

    id: UUID
    booking_id: int
    attempt: int
    """Counts from 1."""
    amount_minor: int
    currency: str
    state: PaymentState
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None = None
    """When the worker is to see to it next; None: not before a lane says so."""
    intent_id: str | None = None
    decline: str | None = None
    """Why the last try to pay, to make the intent or to refund failed, in Stripe's words."""
    received_minor: int = 0
    refunded_minor: int = 0
    refund_id: str | None = None
    refund_reason: str | None = None
    sent: bool = False
    """The worker's own: it may have asked Stripe for the intent."""
    returning_minor: int = 0
    """What Stripe is asked to give back now: fixed until that is done, as the same key must ask for the same."""
    refund_number: int = 0
    """Counts the refunds that were ordered; together with `returning_minor` it names the present one."""
    owed_minor: int = 0
    """What is to go back after that."""
    failed_minor: int = 0
    """What Stripe could not refund. A person must; it is not ordered again."""

    @property
    def kept_minor(self) -> int:
        """What came in and is not refunded, nor ordered to be: it pays for the booking."""
        ordered_minor = self.returning_minor + self.owed_minor + self.failed_minor
        return self.received_minor - self.refunded_minor - ordered_minor
