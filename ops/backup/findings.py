"""What Stripe knows that a restored database does not: charges and refunds made after the backup. It only looks.

A charge that came after the backup is of an intent that was made since, or of one that the backup has as open. Refunds
are listed by their own time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from core.domain.payments.values import IntentStatus
from core.payments.provider import (
    Intent,
    IntentMissingError,
    ListedIntent,
    PaymentHistory,
    PaymentsAwayError,
    PaymentsError,
)
from core.payments.stripe import StripePayments
from core.settings import Settings
from core.store.connections.database import Connection
from core.store.payments.findings import (
    Finding,
    FindingKind,
    KnownPayment,
    LastRestore,
    keep_findings,
    known_payments,
    open_intents,
)

MARGIN = timedelta(minutes=10)
"""Before the backup: clocks differ, and what was under way then may not be in it."""
PAYABLE = frozenset(
    {
        IntentStatus.REQUIRES_PAYMENT_METHOD,
        IntentStatus.REQUIRES_CONFIRMATION,
        IntentStatus.REQUIRES_ACTION,
        IntentStatus.REQUIRES_CAPTURE,
        IntentStatus.PROCESSING,
    }
)
AT_ONCE = 500
"""Payments that are looked up together."""

Told = Callable[[int], None]
"""Called with the number of intents and refunds looked at so far."""


class ProviderAwayError(Exception):
    """Stripe did not answer, or refused; the message has its words."""


def compare(settings: Settings, connection: Connection, restore: LastRestore, told: Told) -> list[Finding]:
    """Ask Stripe, and keep what it knows beyond the backup. Raises `ProviderAwayError`; nothing is kept then."""
    stripe = settings.stripe
    if stripe is None:
        keep_findings(connection, restore.id, [])
        return []
    history = StripePayments(stripe.secret_key, stripe.api_base, stripe.method_types)
    try:
        found = find(history, connection, restore.taken_at - MARGIN, told)
    except PaymentsAwayError as problem:
        raise ProviderAwayError(f"Stripe does not answer ({problem})") from None
    except PaymentsError as problem:
        raise ProviderAwayError(f"Stripe refuses ({problem})") from None
    keep_findings(connection, restore.id, found)
    return found


def find(history: PaymentHistory, connection: Connection, since: datetime, told: Told) -> list[Finding]:
    """The differences, in no order."""
    count = _Counter(told)
    listed: dict[str, ListedIntent] = {}
    for one in history.intents_since(since):
        listed[one.intent.id] = one
        count.up()
    refunds: dict[str, datetime] = {}
    for refund in history.refunds_since(since):
        refunds.setdefault(refund.intent_id, refund.created_at)
        count.up()
    for intent_id in open_intents(connection):
        if intent_id not in listed and (present := _present(history, intent_id)) is not None:
            listed[intent_id] = ListedIntent(present, None, since)
            count.up()
    return [*_differing(_Books(history, connection, listed, refunds))]


class _Counter:
    def __init__(self, told: Told) -> None:
        self._told, self._count = told, 0

    def up(self) -> None:
        self._count += 1
        self._told(self._count)


def _present(history: PaymentHistory, intent_id: str) -> Intent | None:
    """None if the provider does not know it: another account, perhaps. The workers find that out too."""
    try:
        return history.intent(intent_id)
    except IntentMissingError:
        return None


class _Books:
    """Both sides: what the provider listed, and the payments that we have of it."""

    def __init__(
        self,
        history: PaymentHistory,
        connection: Connection,
        listed: dict[str, ListedIntent],
        refunds: dict[str, datetime],
    ) -> None:
        self._history = history
        self.listed, self.refunds = listed, refunds
        self.by_payment: dict[UUID, KnownPayment] = {}
        self.by_intent: dict[str, KnownPayment] = {}
        intents = sorted(listed.keys() | refunds.keys())
        for first in range(0, len(intents), AT_ONCE):
            some = intents[first : first + AT_ONCE]
            ids = [id_ for one in some if one in listed and (id_ := listed[one].intent.payment_id) is not None]
            for known in known_payments(connection, ids, some):
                self.by_payment[known.id] = known
                if known.intent_id is not None:
                    self.by_intent[known.intent_id] = known

    def ours(self, intent: Intent) -> KnownPayment | None:
        by_id = None if intent.payment_id is None else self.by_payment.get(intent.payment_id)
        return by_id or self.by_intent.get(intent.id)

    def refunded_minor(self, intent_id: str, ours: KnownPayment | None) -> int:
        """The provider's amount. Without a refund since the backup it is ours."""
        if intent_id in self.refunds:
            return self._history.refunded_minor(intent_id)
        return 0 if ours is None else ours.refunded_minor


def _differing(books: _Books) -> Iterator[Finding]:
    for intent_id, one in books.listed.items():
        ours = books.ours(one.intent)
        refunded = books.refunded_minor(intent_id, ours)
        kind = _kind(one.intent, ours, refunded)
        if kind is not None:
            at = books.refunds.get(intent_id, one.created_at) if kind is FindingKind.REFUNDED else one.created_at
            booking_id = ours.booking_id if ours is not None else one.booking_id
            yield _finding(kind, one.intent, ours, booking_id, refunded, at)
    for intent_id, at in books.refunds.items():
        known = books.by_intent.get(intent_id)
        if intent_id not in books.listed and known is not None:
            refunded = books.refunded_minor(intent_id, known)
            if refunded > known.refunded_minor:
                yield _refund_alone(intent_id, known, refunded, at)


def _kind(intent: Intent, ours: KnownPayment | None, refunded_minor: int) -> FindingKind | None:
    if ours is None:
        if intent.received_minor:
            return FindingKind.CHARGED_UNKNOWN
        return FindingKind.PAYABLE_UNKNOWN if intent.status in PAYABLE else None
    if intent.received_minor > ours.received_minor:
        return FindingKind.CHARGED
    return FindingKind.REFUNDED if refunded_minor > ours.refunded_minor else None


def _finding(
    kind: FindingKind,
    intent: Intent,
    ours: KnownPayment | None,
    booking_id: int | None,
    refunded_minor: int,
    at: datetime,
) -> Finding:
    return Finding(
        intent_id=intent.id,
        kind=kind,
        payment_id=ours.id if ours is not None else intent.payment_id,
        booking_id=booking_id,
        currency=intent.currency,
        amount_minor=intent.amount_minor,
        provider_received_minor=intent.received_minor,
        provider_refunded_minor=refunded_minor,
        received_minor=0 if ours is None else ours.received_minor,
        refunded_minor=0 if ours is None else ours.refunded_minor,
        happened_at=at,
    )


def _refund_alone(intent_id: str, known: KnownPayment, refunded_minor: int, at: datetime) -> Finding:
    """Of an intent that was paid before the backup."""
    return Finding(
        intent_id=intent_id,
        kind=FindingKind.REFUNDED,
        payment_id=known.id,
        booking_id=known.booking_id,
        currency=known.currency,
        amount_minor=known.received_minor,
        provider_received_minor=known.received_minor,
        provider_refunded_minor=refunded_minor,
        received_minor=known.received_minor,
        refunded_minor=known.refunded_minor,
        happened_at=at,
    )
