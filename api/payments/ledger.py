"""`GET /api/admin/payments/`: every attempt to pay, with what came in and what went back; newest first, for staff."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import falcon.asgi
from msgspec import Struct
from msgspec.structs import asdict
from psycopg_pool import AsyncConnectionPool

from api.fields import Id
from api.openapi import operation
from api.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from core.domain.payments import PaymentState
from core.store.totals import COUNT_EXACT_TO
from core.wire.outcomes import encode
from core.wire.rooms import money
from core.wire.words import Zulu, zulu

SQL_LEDGER = """
SELECT id, booking_id, attempt, state, currency, amount_minor, received_minor, refunded_minor,
       CASE WHEN state = 'refund_failed' THEN 0 ELSE returning_minor END, owed_minor,
       CASE WHEN state = 'refund_failed' THEN failed_minor + returning_minor ELSE failed_minor END, intent_id, refund_id,
       decline, refund_reason, parked_at, problem, created_at, updated_at
FROM payment WHERE {which} ORDER BY created_at DESC, id LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT = f"SELECT count(*) FROM (SELECT FROM payment WHERE {{which}} LIMIT {COUNT_EXACT_TO + 1}) AS found"
OF_A_BOOKING = "booking_id = %(booking_id)s"
NEEDS_A_PERSON = "(parked_at IS NOT NULL OR state = 'refund_failed')"
"""Each wish by an index of its own (migration 0014), so only what is wished for stands in the statement."""


class Asked(Struct, frozen=True):
    booking_id: Id | None = None
    needs_a_person: bool = False
    """Only what cannot be seen to without help: parked, or a refund that failed."""
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
    """What Stripe is asked to give back now."""
    amount_owed: float
    """What is to be given back after that."""
    amount_failed: float
    """What Stripe could not give back: a person must."""
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
        resp.data = encode(body)
        resp.content_type = falcon.MEDIA_JSON


def _which(asked: Asked) -> str:
    wishes = [OF_A_BOOKING] if asked.booking_id is not None else []
    wishes += [NEEDS_A_PERSON] if asked.needs_a_person else []
    return " AND ".join(wishes) or "true"


def _shown(
    id_: Any, booking_id: int, attempt: int, state: str, currency: str, amount: int, received: int, refunded: int,
    returning: int, owed: int, failed: int, intent_id: str | None, refund_id: str | None, decline: str | None, refund_reason: str | None,
    parked_at: datetime | None, problem: str | None, created_at: datetime, updated_at: datetime,
) -> PaymentShown:  # fmt: skip
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
        parked_at=None if parked_at is None else zulu(parked_at),
        problem=problem,
        created_at=zulu(created_at),
        updated_at=zulu(updated_at),
    )
