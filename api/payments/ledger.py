"""`GET /api/admin/payments/`: every attempt to pay, with what came in and what went back; newest first, for staff."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import falcon.asgi
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from api.http.fields import Id
from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import operation
from core.domain.payments.values import PaymentState
from core.store.lists.payments import ListedPayment, PaymentFilter, page
from core.wire.contracts.rooms import money
from core.wire.vocabulary import Zulu, zulu

V = TypeVar("V")
W = TypeVar("W")


class LedgerQuery(Struct, frozen=True):
    booking_id: Id | None = None
    needs_a_person: bool = False
    """Only payments that need a person: parked, with a failed refund, or different from the provider's books."""
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class PaymentShown(Struct, frozen=True, kw_only=True):
    id: str
    booking_id: int
    attempt: int
    """Of the booking's; counts from 1."""
    state: PaymentState
    currency: str
    amount: float
    amount_received: float
    amount_refunded: float
    amount_returning: float
    """What Stripe is asked to refund now."""
    amount_owed: float
    """What is refunded after that."""
    amount_failed: float
    """What Stripe could not refund: a person must."""
    payment_intent_id: str | None
    refund_id: str | None
    """Of the refund that we made."""
    decline: str | None
    refund_reason: str | None
    parked_at: Zulu | None
    """Since when it is tried only once an hour, as it failed too often."""
    problem: str | None
    created_at: Zulu
    updated_at: Zulu
    compared_at: Zulu | None
    """When it was last compared with the provider's books: at first a minute or two after its last change."""
    provider_received: float | None
    """What came in, according to the provider."""
    provider_refunded: float | None
    """What went back or is on its way, according to the provider."""
    differs_since: Zulu | None
    """Since when the provider's books differ from ours."""


class Ledger(Struct, frozen=True, kw_only=True):
    total_count: int
    total_exact: bool
    """Whether it is all of them: beyond 10,000 they are not counted."""
    limit: int
    offset: int
    payments: list[PaymentShown]


class AdminPayments:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @operation("List attempts to pay", query=LedgerQuery, answers={200: Ledger})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, LedgerQuery)
        wanted = PaymentFilter(asked.booking_id, asked.needs_a_person)
        found = await page(self._engine, wanted, asked.limit, asked.offset)
        body = Ledger(
            total_count=found.total.count,
            total_exact=found.total.exact,
            limit=asked.limit,
            offset=asked.offset,
            payments=[_shown(payment) for payment in found.rows],
        )
        respond(resp, body)


def _shown(row: ListedPayment) -> PaymentShown:
    def in_currency(minor: int) -> float:
        return money(minor, row.currency)

    return PaymentShown(
        id=str(row.id),
        booking_id=row.booking_id,
        attempt=row.attempt,
        state=PaymentState(row.state),
        currency=row.currency,
        amount=in_currency(row.amount_minor),
        amount_received=in_currency(row.received_minor),
        amount_refunded=in_currency(row.refunded_minor),
        amount_returning=in_currency(row.returning_minor),
        amount_owed=in_currency(row.owed_minor),
        amount_failed=in_currency(row.failed_minor),
        payment_intent_id=row.intent_id,
        refund_id=row.refund_id,
        decline=row.decline,
        refund_reason=row.refund_reason,
        parked_at=_or_none(zulu, row.parked_at),
        problem=row.problem,
        created_at=zulu(row.created_at),
        updated_at=zulu(row.updated_at),
        compared_at=_or_none(zulu, row.compared_at),
        provider_received=_or_none(in_currency, row.provider_received_minor),
        provider_refunded=_or_none(in_currency, row.provider_refunded_minor),
        differs_since=_or_none(zulu, row.differs_since),
    )


def _or_none(shown: Callable[[V], W], value: V | None) -> W | None:
    return None if value is None else shown(value)
