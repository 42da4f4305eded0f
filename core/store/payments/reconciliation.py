"""Payments to compare with the provider's books, and the results.

A payment is compared a minute after its last change, when nothing is under way for it any more; again a day later if
money came in, as the provider's events may be lost; and every hour while the books differ, so that a resolved
difference disappears.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from core.payments.provider import ProviderTotals
from core.store.connections.database import Connection

QUIET_S = 60.0
"""After its last change: until then reports of it may be under way."""
COMPARED_WITHIN_S = 120.0
"""Longer than both calls may take; after that another worker compares it."""
AGAIN_S = 86_400.0
DIFFERS_AGAIN_S = 3_600.0
CALLS = 2
"""Calls that one comparison makes, at the background's pace."""

_SETTLED = """state IN ('succeeded', 'refunded', 'refund_failed', 'canceled', 'failed') AND intent_id IS NOT NULL
  AND due_at IS NULL AND (comparing_until IS NULL OR comparing_until <= clock_timestamp())"""
CHANGED = f"""{_SETTLED} AND (compared_at IS NULL OR compared_at < updated_at) AND updated_at >= compared_since
  AND updated_at <= clock_timestamp() - interval '{QUIET_S} seconds'"""
AGAIN = f"{_SETTLED} AND compare_again_at <= clock_timestamp()"
"""Conditions on `payment`, each with an index of its own; `CHANGED` needs the row of `payments_gate` beside it."""
SQL_TAKE = f"""
WITH due AS (
    (SELECT id FROM payment, payments_gate WHERE {CHANGED} ORDER BY updated_at LIMIT %(limit)s)
    UNION (SELECT id FROM payment WHERE {AGAIN} ORDER BY compare_again_at LIMIT %(limit)s)
), found AS (
    SELECT id FROM payment WHERE id IN (SELECT id FROM due) LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE payment p SET comparing_until = %(until)s FROM found f WHERE p.id = f.id
RETURNING p.id, p.booking_id, p.intent_id, p.received_minor, p.refunded_minor, p.updated_at
"""
SQL_NOTE = """
UPDATE payment SET comparing_until = NULL, compared_at = %(taken_at)s,
       provider_received_minor = %(received)s, provider_refunded_minor = %(refunded)s,
       differs_since = CASE WHEN %(differs)s THEN coalesce(differs_since, clock_timestamp()) END,
       compare_again_at = CASE
           WHEN %(differs)s THEN clock_timestamp() + %(differs_again)s
           WHEN received_minor > 0 AND %(taken_at)s < updated_at + %(again)s THEN updated_at + %(again)s END
WHERE id = %(id)s AND updated_at = %(updated_at)s
"""
"""A payment that changed meanwhile is not updated here, and is compared again after its change."""


class PaymentToReconcile(Struct, frozen=True):
    """A payment as our books have it."""

    id: UUID
    booking_id: int
    intent_id: str
    received_minor: int
    refunded_minor: int
    updated_at: datetime
    taken_at: datetime

    def differs(self, books: ProviderTotals) -> bool:
        return (self.received_minor, self.refunded_minor) != (books.received_minor, books.refunded_minor)


def take_to_reconcile(connection: Connection, limit: int, now: datetime) -> list[PaymentToReconcile]:
    """At most `limit` payments, which no other worker compares meanwhile."""
    if limit < 1:
        return []
    parameters = {"limit": limit, "until": now + timedelta(seconds=COMPARED_WITHIN_S)}
    return [PaymentToReconcile(*(*row, now)) for row in connection.execute(SQL_TAKE.encode(), parameters).fetchall()]


def note_reconciled(connection: Connection, one: PaymentToReconcile, books: ProviderTotals) -> None:
    """Record what the provider's books say of a payment, beside ours."""
    parameters = {
        "id": one.id,
        "updated_at": one.updated_at,
        "taken_at": one.taken_at,
        "received": books.received_minor,
        "refunded": books.refunded_minor,
        "differs": one.differs(books),
        "again": timedelta(seconds=AGAIN_S),
        "differs_again": timedelta(seconds=DIFFERS_AGAIN_S),
    }
    connection.execute(SQL_NOTE, parameters)
