"""Lists of bookings at any size: one ordered index range for each word asked for, merged.

The tally has the totals of all, by word and by day; others are counted to the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.elements import ColumnElement, Label

from core.domain.names import folded
from core.domain.values import Booking, User
from core.store.bookings.rows import BOOKING_TYPES, user_columns, view_of
from core.store.lists.composition import beside_total, counted, summed, together
from core.store.lists.pages import Page, Total, page_of
from core.store.sql.tables import booking as b
from core.store.sql.tables import booking_count as tally
from core.store.sql.tables import user_account as u

LISTED = ("upcoming", "completed", "cancelled")
"""Every word a booking can be listed under (migration 0005)."""

_BOOKING = [b.c[name] for name in BOOKING_TYPES]
_USER: list[Label[Any]] = [
    literal_column(text).label(f"user_{n}") for n, text in enumerate(user_columns("user_account"))
]


class BookingFilter(Struct, frozen=True):
    """What a list asks for; every field that is given narrows it."""

    word: str | None = None
    day: date | None = None
    """Local to each booking's resource."""
    service: str | None = None
    """By name, however it is written."""
    category_id: int | None = None
    """Of the time slots that the bookings were made for."""
    usernames: Sequence[str] | None = None
    """Keys; any of them."""

    @property
    def words(self) -> tuple[str, ...]:
        return LISTED if self.word is None else (self.word,)

    @property
    def is_tallied(self) -> bool:
        return self.service is None and self.category_id is None and self.usernames is None


class Order(Struct, frozen=True):
    """How a list is sorted, by columns that its index ends with."""

    columns: tuple[str, ...]
    descending: bool = False

    def of(self, table: Any) -> list[ColumnElement[Any]]:
        return [table.c[name].desc() if self.descending else table.c[name] for name in self.columns]


NEWEST_FIRST = Order(("id",), descending=True)
BY_TIME = Order(("local_date", "local_time", "id"))


async def page(
    engine: AsyncEngine, wanted: BookingFilter, order: Order, limit: int, offset: int
) -> Page[tuple[Booking, User]]:
    """One page of what is wanted, and how much there is in all."""
    async with engine.connect() as connection:
        narrowed = await _narrowed(connection, wanted)
        if narrowed is None:
            return Page([], Total(0, exact=True))
        rows = (await connection.execute(_statement(wanted, narrowed, order, limit, offset))).all()
    return page_of(rows, view_of, exact=wanted.is_tallied)


async def _narrowed(connection: AsyncConnection, wanted: BookingFilter) -> list[ColumnElement[bool]] | None:
    """The conditions beside the word; None if nothing can meet them."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.day is not None:
        conditions.append(b.c.local_date == wanted.day)
    if wanted.service is not None:
        conditions.append(func.folded(b.c.service_name) == folded(wanted.service))
    if wanted.category_id is not None:
        conditions.append(b.c.category_id == wanted.category_id)
    if wanted.usernames is not None:
        ids = (await connection.execute(select(u.c.id).where(u.c.username_key.in_(wanted.usernames)))).scalars().all()
        if not ids:
            return None
        conditions.append(b.c.user_id.in_(ids))
    return conditions


def _statement(
    wanted: BookingFilter, narrowed: Sequence[ColumnElement[bool]], order: Order, limit: int, offset: int
) -> Select[Any]:
    columns = [b.c[name] for name in order.columns]
    each = [b.c.listed_as == word for word in wanted.words] if narrowed or wanted.word else [b.c.listed_as.is_not(None)]
    ranges = [select(*columns).where(one, *narrowed) for one in each]
    merged = together([one.order_by(*order.of(b)).limit(limit + offset) for one in ranges])
    ids = select(merged.c.id).order_by(*order.of(merged)).limit(limit).offset(offset).subquery()
    listed_rows = (
        select(*_BOOKING, *_USER).select_from(b).join(ids, ids.c.id == b.c.id).join(u, u.c.id == b.c.user_id).subquery()
    )
    total = _tallied(wanted) if wanted.is_tallied else counted(*ranges)
    return beside_total(total, listed_rows, order.of(listed_rows))


def _tallied(wanted: BookingFilter) -> Select[Any]:
    days = [] if wanted.day is None else [tally.c.local_date == wanted.day]
    return summed(tally.c.bookings, tally.c.listed_as.in_(wanted.words), *days)
