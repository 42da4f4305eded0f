"""What Holdfast asks of a payment provider, and what can come of it. The words are Stripe's.

Every call may block until its timeout: never call it in a lane or on an event loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from core.domain.payments.values import IntentStatus, RefundStatus


class Intent(Struct, frozen=True):
    """A PaymentIntent as it is now. Without its `client_secret`: what is not here cannot be logged."""

    id: str
    status: IntentStatus
    amount_minor: int
    received_minor: int
    currency: str
    decline: str | None
    """Why the last try to pay failed, e.g. `insufficient_funds`; None if there was none."""
    payment_id: UUID | None
    """The payment it was made for; None for intents that are not ours."""


class Refund(Struct, frozen=True):
    id: str
    status: RefundStatus
    amount_minor: int


class IntentOrder(Struct, frozen=True):
    """One PaymentIntent to make. The same key makes it only once, as long as the provider remembers the key."""

    key: str
    payment_id: UUID
    booking_id: int
    amount_minor: int
    currency: str
    was_asked: datetime | None = None
    """When it may first have been requested, with an unknown outcome: then it is looked up first."""


class RefundOrder(Struct, frozen=True):
    """One refund to make, also only once under its key."""

    key: str
    payment_id: UUID
    intent_id: str
    amount_minor: int
    number: int = 1
    """Counts the payment's refunds from 1."""
    refund_id: str | None = None
    """Of a refund that is made already: it is only looked at."""
    was_asked: bool = False
    """Whether it was requested before, with an unknown outcome: then it is looked up first."""


class ProviderTotals(Struct, frozen=True):
    """What was received and refunded for one intent, according to the provider."""

    received_minor: int
    refunded_minor: int


class ListedIntent(Struct, frozen=True):
    """An intent of ours in the provider's list."""

    intent: Intent
    booking_id: int | None
    created_at: datetime


class ListedRefund(Struct, frozen=True):
    """A refund in the provider's list, by us or by a person there."""

    intent_id: str
    amount_minor: int
    created_at: datetime


class PaymentsError(Exception):
    """The provider did not do what it was asked."""


class PaymentsAwayError(PaymentsError):
    """Nobody knows whether it was done: no connection, no answer in time, or an error of theirs. Ask again."""

    def __init__(self, reason: str, *, replayed: bool = False, ours: bool = True, under_way: bool = False) -> None:
        super().__init__(reason)
        self.under_way = under_way
        """It was sent and not answered in time: the provider may still do it."""
        self.replayed = replayed
        """This answer is kept under the idempotency key: only a new key can bring another one."""
        self.counts = ours
        """Whether it says that the provider is in trouble, rather than that we ask too often."""


class PaymentsRefusedError(PaymentsError):
    """It was not done, and asking again will not change that. `code` is the provider's, e.g. `amount_too_small`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class IntentMissingError(PaymentsRefusedError):
    """The provider knows no such intent."""


class PaymentProvider(Protocol):
    """Raises `PaymentsError` in one of its kinds."""

    def ping(self) -> None:
        """Does the provider answer at all? Costs nothing and changes nothing."""
        ...

    def create_intent(self, order: IntentOrder) -> Intent:
        """Make an intent, once for a payment: one that an earlier call made is found."""
        ...

    def intent(self, intent_id: str) -> Intent: ...

    def cancel_intent(self, intent_id: str) -> Intent:
        """The intent as it is afterwards; one that cannot be cancelled any more comes back as it is."""
        ...

    def refund(self, order: RefundOrder) -> Refund:
        """Refund, once for a payment and number: asked again, it finds the first refund."""
        ...

    def books(self, intent_id: str) -> ProviderTotals:
        """What was received and refunded for an intent; nothing if the provider does not know it."""
        ...

    def refunded_minor(self, intent_id: str) -> int:
        """How much of an intent's money was refunded or is on its way back, by us or by a person at Stripe."""
        ...

    def client_secret(self, intent_id: str) -> str:
        """What the payer's browser pays with. For the intent's owner only; keep it nowhere."""
        ...


class PaymentHistory(Protocol):
    """What happened at the provider since a moment, the latest first. Raises `PaymentsError` in one of its kinds."""

    def intents_since(self, since: datetime) -> Iterator[ListedIntent]:
        """Intents that were made for payments of ours since then."""
        ...

    def refunds_since(self, since: datetime) -> Iterator[ListedRefund]:
        """Refunds that succeeded or are on their way, of anybody's intents."""
        ...

    def intent(self, intent_id: str) -> Intent: ...

    def refunded_minor(self, intent_id: str) -> int: ...
