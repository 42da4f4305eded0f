"""The nouns of paying: an attempt to pay for a booking is one row, `Payment`.

The domain moves no money: a payment's state says what the payments worker does next, and its reports say what came of
it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct


class IntentStatus(StrEnum):
    """The status of a PaymentIntent, in Stripe's words."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CAPTURE = "requires_capture"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class RefundStatus(StrEnum):
    """The status of a refund, in Stripe's words."""

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
    """The payer may pay. Due: look whether they did, as a webhook may be lost."""
    PROCESSING = "processing"
    """At the payer's bank. Due: look."""
    CLOSING = "closing"
    """It must not be paid any more. Due: cancel the intent, or find that it was paid."""
    CANCELED = "canceled"
    FAILED = "failed"
    """Stripe refused to make its intent, or does not know it."""
    SUCCEEDED = "succeeded"
    """Paid and kept for the booking, less what was refunded for parts of it."""
    RETURNING = "returning"
    """Paid and kept, but for some that is to be refunded. Due: refund that."""
    REFUNDING = "refunding"
    """Paid, and to be refunded. Due: refund."""
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    """Stripe could not refund it, or some of it: a person must. No other refund is due now."""


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
"""Can still be charged, or was and is kept. A booking has at most one of these."""

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
"""Its money came in. No report of its intent changes that."""

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
    """When the worker is to act on it next; None: not before a lane sets it."""
    intent_id: str | None = None
    decline: str | None = None
    """Why the last attempt to pay, to make the intent or to refund failed, in Stripe's words."""
    received_minor: int = 0
    refunded_minor: int = 0
    refund_id: str | None = None
    refund_reason: str | None = None
    sent: bool = False
    """Written by the worker: it may have asked Stripe for the intent."""
    returning_minor: int = 0
    """What Stripe is asked to refund now. It is fixed until that is done, as one key must always ask for the same."""
    refund_number: int = 0
    """Counts the refunds that were ordered; the last one is for `returning_minor`."""
    owed_minor: int = 0
    """What is to be refunded after that."""
    failed_minor: int = 0
    """What Stripe could not refund: a person must. It is not ordered again."""

    @property
    def kept_minor(self) -> int:
        """What came in and is neither refunded nor ordered to be: it pays for the booking."""
        ordered_minor = self.returning_minor + self.owed_minor + self.failed_minor
        return self.received_minor - self.refunded_minor - ordered_minor
