"""`GET /api/admin/payments/`: every attempt to pay, with what came in and what went back; newest first, for staff."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import falcon.asgi
from msgspec import Struct
from msgspec.structs import asdict
from psycopg_pool import AsyncConnectionPool

from api.http.fields import Id
from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import operation
from core.domain.payments.values import PaymentState
from core.store.lists.pages import COUNT_EXACT_TO
from core.wire.contracts.rooms import money
from core.wire.vocabulary import Zulu, zulu

V = TypeVar("V")
W = TypeVar("W")

SQL_LEDGER = """
SELECT id, booking_id, attempt, state, currency, amount_minor, received_minor, refunded_minor,
       CASE WHEN state = 'refund_failed' THEN 0 ELSE returning_minor END, owed_minor,
       CASE WHEN state = 'refund_failed' THEN failed_minor + returning_minor ELSE failed_minor END, intent_id, refund_id,
       decline, refund_reason, parked_at, problem, created_at, updated_at, compared_at, provider_received_minor,
       provider_refunded_minor, differs_since
FROM payment WHERE {which} ORDER BY created_at DESC, id LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT = f"SELECT count(*) FROM (SELECT FROM payment WHERE {{which}} LIMIT {COUNT_EXACT_TO + 1}) AS found"
OF_A_BOOKING = "booking_id = %(booking_id)s"
NEEDS_A_PERSON = "(parked_at IS NOT NULL OR state = 'refund_failed' OR differs_since IS NOT NULL)"
"""Each filter has an index of its own (migrations 0014 and 0029), so the statement holds only those asked for."""


class Asked(Struct, frozen=True):
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
    """Since when it is tried but once an hour, as it could not be seen to."""
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
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @operation("List attempts to pay", query=Asked, answers={200: Ledger})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, Asked)
        which, wanted = _which(asked), asdict(asked)
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(SQL_LEDGER.format(which=which), wanted)).fetchall()
            count = (await (await connection.execute(SQL_COUNT.format(which=which), wanted)).fetchone() or (0,))[0]
        body = Ledger(
            total_count=min(count, COUNT_EXACT_TO),
            total_exact=count <= COUNT_EXACT_TO,
            limit=asked.limit,
            offset=asked.offset,
            payments=[_shown(*row) for row in rows],
        )
        respond(resp, body)


def _which(asked: Asked) -> str:
    wishes = [OF_A_BOOKING] if asked.booking_id is not None else []
    wishes += [NEEDS_A_PERSON] if asked.needs_a_person else []
    return " AND ".join(wishes) or "true"


def _shown(
    id_: Any, booking_id: int, attempt: int, state: str, currency: str, amount: int, received: int, refunded: int,
    returning: int, owed: int, failed: int, intent_id: str | None, refund_id: str | None, decline: str | None, refund_reason: str | None,
    parked_at: datetime | None, problem: str | None, created_at: datetime, updated_at: datetime,
    compared_at: datetime | None, provider_received: int | None, provider_refunded: int | None,
    differs_since: datetime | None,
) -> PaymentShown:  # fmt: skip
    def in_currency(minor: int) -> float:
        return money(minor, currency)

    return PaymentShown(
        id=str(id_),
        booking_id=booking_id,
        attempt=attempt,
        state=PaymentState(state),
        currency=currency,
        amount=money(amount, currency),
        amount_received=money(received, currency),
        amount_refunded=money(refunded, currency),
        amount_returning=money(returning, currency),
        amount_owed=money(owed, currency),
        amount_failed=money(failed, currency),
        payment_intent_id=intent_id,
        refund_id=refund_id,
        decline=decline,
        refund_reason=refund_reason,
        parked_at=_or_none(zulu, parked_at),
        problem=problem,
        created_at=zulu(created_at),
        updated_at=zulu(updated_at),
        compared_at=_or_none(zulu, compared_at),
        provider_received=_or_none(in_currency, provider_received),
        provider_refunded=_or_none(in_currency, provider_refunded),
        differs_since=_or_none(zulu, differs_since),
    )


def _or_none(shown: Callable[[V], W], value: V | None) -> W | None:
    return None if value is None else shown(value)
