"""Attempts to pay, the newest first, with what came in and what went back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import case, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from core.store.lists.composition import beside_total, counted
from core.store.lists.pages import Page, page_of
from core.store.sql.tables import payment as p


class PaymentFilter(Struct, frozen=True):
    """What a list asks for; every field that is given narrows it."""

    booking_id: int | None = None
    needs_a_person: bool = False
    """Only payments that are parked, with a failed refund, or different from the provider's books."""


class ListedPayment(Struct, frozen=True):
    """Amounts are in minor units of the currency."""

    id: UUID
    booking_id: int
    attempt: int
    state: str
    currency: str
    amount_minor: int
    received_minor: int
    refunded_minor: int
    returning_minor: int
    owed_minor: int
    failed_minor: int
    intent_id: str | None
    refund_id: str | None
    decline: str | None
    refund_reason: str | None
    parked_at: datetime | None
    problem: str | None
    created_at: datetime
    updated_at: datetime
    compared_at: datetime | None
    provider_received_minor: int | None
    provider_refunded_minor: int | None
    differs_since: datetime | None


_HAS_FAILED = p.c.state == literal_column("'refund_failed'")
_NEEDS_A_PERSON = or_(p.c.parked_at.is_not(None), _HAS_FAILED, p.c.differs_since.is_not(None))
"""As the index of migration 0029 has it."""
_SHOWN_AS = {
    "returning_minor": case((_HAS_FAILED, 0), else_=p.c.returning_minor),
    "failed_minor": case((_HAS_FAILED, p.c.failed_minor + p.c.returning_minor), else_=p.c.failed_minor),
}
_COLUMNS = [
    (_SHOWN_AS[name] if name in _SHOWN_AS else p.c[name]).label(name) for name in ListedPayment.__struct_fields__
]


async def page(engine: AsyncEngine, wanted: PaymentFilter, limit: int, offset: int) -> Page[ListedPayment]:
    """One page of the attempts that are wanted, and how many there are in all."""
    conditions = [p.c.booking_id == wanted.booking_id] if wanted.booking_id is not None else []
    conditions += [_NEEDS_A_PERSON] if wanted.needs_a_person else []
    newest = (p.c.created_at.desc(), p.c.id)
    listed = select(*_COLUMNS).where(*conditions).order_by(*newest).limit(limit).offset(offset).subquery()
    total = counted(select(p.c.id).where(*conditions))
    statement = beside_total(total, listed, [listed.c.created_at.desc(), listed.c.id])
    async with engine.connect() as connection:
        rows = (await connection.execute(statement)).all()
    return page_of(rows, lambda row: ListedPayment(*row))
