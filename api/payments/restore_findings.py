"""`GET /api/admin/payments/restore-findings/`: what Stripe knew beyond the restored backup, for superusers."""

from __future__ import annotations

import falcon.asgi
from msgspec import Struct

from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import operation
from core.store.connections.pool import Pool
from core.store.payments.findings import WHAT_TO_DO, Finding, FindingKind, LastRestore, findings_page
from core.wire.contracts.rooms import money
from core.wire.vocabulary import Zulu, zulu


class FindingsQuery(Struct, frozen=True):
    kind: FindingKind | None = None
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class RestoreShown(Struct, frozen=True, kw_only=True):
    restored_at: Zulu
    taken_at: Zulu
    """The moment whose state the restore brought back."""
    compared_at: Zulu | None
    """When Stripe was asked; null while it has not answered: `holdfast restore --findings` asks again."""


class FindingShown(Struct, frozen=True, kw_only=True):
    kind: FindingKind
    what_to_do: str
    payment_intent_id: str
    payment_id: str | None
    booking_id: int | None
    """As Stripe has it: the restored database may not have that booking."""
    currency: str
    amount: float
    """What the intent is for."""
    provider_received: float
    provider_refunded: float
    amount_received: float
    """According to the restored database when it was compared, as is the next."""
    amount_refunded: float
    happened_at: Zulu


class RestoreFindingsShown(Struct, frozen=True, kw_only=True):
    restore: RestoreShown | None
    """The last one; null if this database was never restored."""
    total_count: int
    limit: int
    offset: int
    findings: list[FindingShown]


class RestoreFindings:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation(
        "List what Stripe knew beyond a restored backup",
        description="Charges and refunds made after the backup, for a person to decide about; nothing was changed because of them.",
        query=FindingsQuery,
        answers={200: RestoreFindingsShown},
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, FindingsQuery)
        async with self._pool.connection() as connection:
            found = await findings_page(connection, asked.kind, asked.limit, asked.offset)
        body = RestoreFindingsShown(
            restore=None if found.restore is None else _restore(found.restore),
            total_count=found.total,
            limit=asked.limit,
            offset=asked.offset,
            findings=[_finding(one) for one in found.findings],
        )
        respond(resp, body)


def _restore(last: LastRestore) -> RestoreShown:
    return RestoreShown(
        restored_at=zulu(last.restored_at),
        taken_at=zulu(last.taken_at),
        compared_at=None if last.compared_at is None else zulu(last.compared_at),
    )


def _finding(one: Finding) -> FindingShown:
    return FindingShown(
        kind=one.kind,
        what_to_do=WHAT_TO_DO[one.kind],
        payment_intent_id=one.intent_id,
        payment_id=None if one.payment_id is None else str(one.payment_id),
        booking_id=one.booking_id,
        currency=one.currency,
        amount=money(one.amount_minor, one.currency),
        provider_received=money(one.provider_received_minor, one.currency),
        provider_refunded=money(one.provider_refunded_minor, one.currency),
        amount_received=money(one.received_minor, one.currency),
        amount_refunded=money(one.refunded_minor, one.currency),
        happened_at=zulu(one.happened_at),
    )
