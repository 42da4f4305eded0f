"""The life of a booking: its states and which may follow which.

The transitions are those of docs/contracts/marketplace.md and three more: held to expired, expired to confirmed (a
late payment only), and confirmed to completed, which passes through in_progress within one command.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    DRAFT = "draft"
    HELD = "held"
    CONFIRMED = "confirmed"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NO_SHOW = "no_show"


class PaymentStatus(StrEnum):
    NONE = "none"
    PENDING = "pending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUNDED = "refunded"


NEXT: dict[Status, frozenset[Status]] = {
    Status.DRAFT: frozenset({Status.HELD, Status.CANCELLED}),
    Status.HELD: frozenset({Status.CONFIRMED, Status.CANCELLED, Status.EXPIRED}),
    Status.CONFIRMED: frozenset({Status.IN_PROGRESS, Status.COMPLETED, Status.CANCELLED, Status.NO_SHOW}),
    Status.IN_PROGRESS: frozenset({Status.COMPLETED, Status.NO_SHOW}),
    Status.COMPLETED: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.NO_SHOW: frozenset(),
}
"""What anyone may ask for. A late payment's expired to confirmed is the payments' own rule."""

TAKES_TIME = frozenset({Status.HELD, Status.CONFIRMED, Status.IN_PROGRESS})
"""A booking in one of these holds claims; in any other it holds none."""

KEEPS_SLOT = frozenset(Status) - {Status.CANCELLED, Status.EXPIRED}
"""A booking in one of these has its time slot, also when it is over; else the slot is on offer again."""

RELEASED = frozenset({Status.CANCELLED, Status.EXPIRED})
"""A booking in one of these ended without taking place: its time is free, and money and credits may go back."""

FINAL = frozenset(status for status, next_ in NEXT.items() if not next_)
"""Nothing may follow one of these, but for a late payment."""


def may_become(present: Status, wanted: Status) -> bool:
    return wanted in NEXT[present]
