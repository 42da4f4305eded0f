"""What the payment provider knows that a restored database does not, for a person to look at. Nothing follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from core.store.connections.database import AsyncConnection, Connection
from core.store.connections.queries import fetch_all, find_as

SQL_PAYMENTS = """
SELECT id, booking_id, state, intent_id, currency, received_minor, refunded_minor FROM payment
WHERE id = ANY(%(ids)s) OR intent_id = ANY(%(intents)s)
"""
SQL_OPEN_INTENTS = """
SELECT intent_id FROM payment WHERE state IN ('open', 'processing', 'closing') AND intent_id IS NOT NULL ORDER BY created_at
"""
SQL_LAST = "SELECT id, restored_at, taken_at, compared_at FROM database_restore ORDER BY id DESC LIMIT 1"
SQL_FORGET = "DELETE FROM restore_finding WHERE restore_id = %s"
SQL_KEEP = """
INSERT INTO restore_finding (restore_id, intent_id, kind, payment_id, booking_id, currency, amount_minor,
                             provider_received_minor, provider_refunded_minor, received_minor, refunded_minor, happened_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
SQL_COMPARED = "UPDATE database_restore SET compared_at = clock_timestamp() WHERE id = %s"
SQL_FOUND = """
SELECT intent_id, kind, payment_id, booking_id, currency, amount_minor, provider_received_minor,
       provider_refunded_minor, received_minor, refunded_minor, happened_at
FROM restore_finding WHERE restore_id = %s ORDER BY happened_at, intent_id
"""
SQL_PAGE = """
SELECT count(*) OVER (), intent_id, kind, payment_id, booking_id, currency, amount_minor, provider_received_minor,
       provider_refunded_minor, received_minor, refunded_minor, happened_at
FROM restore_finding WHERE restore_id = %(restore)s AND (%(kind)s::text IS NULL OR kind = %(kind)s)
ORDER BY happened_at, intent_id LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT = """
SELECT count(*) FROM restore_finding WHERE restore_id = %(restore)s AND (%(kind)s::text IS NULL OR kind = %(kind)s)
"""


class FindingKind(StrEnum):
    CHARGED = "charged"
    """More was paid for a payment than the backup says."""
    CHARGED_UNKNOWN = "charged_unknown"
    """Money came in for a payment that the backup does not have, and so for a booking that is lost."""
    PAYABLE_UNKNOWN = "payable_unknown"
    """An intent of such a payment can still be paid."""
    REFUNDED = "refunded"
    """More was refunded than the backup says."""


WHAT_TO_DO: Mapping[FindingKind, str] = {
    FindingKind.CHARGED_UNKNOWN: "paid for a booking that is lost: book it again, or refund it in Stripe's dashboard",
    FindingKind.PAYABLE_UNKNOWN: "can still be paid for a booking that is lost: cancel it in Stripe's dashboard",
    FindingKind.CHARGED: "paid after the backup: the payments workers settle it; look at the booking tomorrow",
    FindingKind.REFUNDED: "refunded after the backup: cancel the booking if it should not stand",
}
"""The advice for each kind."""


class Finding(Struct, frozen=True):
    """One intent that differs."""

    intent_id: str
    kind: FindingKind
    payment_id: UUID | None
    booking_id: int | None
    """As the provider has it."""
    currency: str
    amount_minor: int
    """What the intent is for."""
    provider_received_minor: int
    provider_refunded_minor: int
    received_minor: int
    refunded_minor: int
    happened_at: datetime


class KnownPayment(Struct, frozen=True):
    """A payment as the restored database has it."""

    id: UUID
    booking_id: int
    state: str
    intent_id: str | None
    currency: str
    received_minor: int
    refunded_minor: int


class LastRestore(Struct, frozen=True):
    id: int
    restored_at: datetime
    taken_at: datetime
    compared_at: datetime | None


def known_payments(connection: Connection, ids: Sequence[UUID], intents: Sequence[str]) -> list[KnownPayment]:
    rows = connection.execute(SQL_PAYMENTS, {"ids": list(ids), "intents": list(intents)}).fetchall()
    return [KnownPayment(*row) for row in rows]


def open_intents(connection: Connection) -> list[str]:
    """Intents that somebody may have paid since: the workers look at them too."""
    return [str(row[0]) for row in connection.execute(SQL_OPEN_INTENTS).fetchall()]


def last_restore(connection: Connection) -> LastRestore | None:
    row = connection.execute(SQL_LAST).fetchone()
    return None if row is None else LastRestore(*row)


def keep_findings(connection: Connection, restore_id: int, found: Sequence[Finding]) -> None:
    """Replaces the findings of an earlier comparison."""
    with connection.transaction():
        connection.execute(SQL_FORGET, (restore_id,))
        for one in found:
            connection.execute(SQL_KEEP, (restore_id, *(getattr(one, name) for name in one.__struct_fields__)))
        connection.execute(SQL_COMPARED, (restore_id,))


def read_findings(connection: Connection, restore_id: int) -> list[Finding]:
    rows = connection.execute(SQL_FOUND, (restore_id,)).fetchall()
    return [Finding(row[0], FindingKind(row[1]), *row[2:]) for row in rows]


class FindingsPage(Struct, frozen=True):
    """The last restore, if there was one, and some of what was found after it."""

    restore: LastRestore | None
    total: int
    findings: Sequence[Finding]


async def findings_page(connection: AsyncConnection, kind: FindingKind | None, limit: int, offset: int) -> FindingsPage:
    """The oldest first. Stripe is not asked: `holdfast restore --findings` does that."""
    last = await find_as(connection, LastRestore, SQL_LAST)
    if last is None:
        return FindingsPage(None, 0, ())
    values = {"restore": last.id, "kind": kind, "limit": limit, "offset": offset}
    rows = await fetch_all(connection, SQL_PAGE, values)
    ((total,),) = [row[:1] for row in rows[:1]] or await fetch_all(connection, SQL_COUNT, values)
    return FindingsPage(last, total, [Finding(row[1], FindingKind(row[2]), *row[3:]) for row in rows])
