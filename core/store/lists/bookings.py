"""Lists of bookings at any size: one ordered index range for each word asked for, merged.

Totals are exact from the tally where it knows (all, by word, by day), else counted up to
`COUNT_EXACT_TO`. Page and total come from one statement, and so from one snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, func, literal, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.elements import ColumnElement

from core.domain.names import folded
from core.domain.values import Booking, User
from core.store.bookings.rows import BOOKING_TYPES
from core.store.bookings.views import view_of
from core.store.lists.pages import COUNT_EXACT_TO, Total
from core.store.sql.tables import booking as b
from core.store.sql.tables import booking_count as tally
from core.store.sql.tables import user_account as u

LISTED = ("upcoming", "completed", "cancelled")
"""Every word a booking can be listed under (migration 0005)."""

_BOOKING = [b.c[name] for name in BOOKING_TYPES]
_USER = (
    u.c.id, u.c.username, u.c.first_name, u.c.last_name, func.coalesce(u.c.email, u.c.contact_email), u.c.phone,
    u.c.phone_key, u.c.gender, u.c.country, u.c.is_active, u.c.is_staff, u.c.is_superuser, u.c.is_practitioner,
    u.c.date_joined,
)  # fmt: skip


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


class Page(Struct, frozen=True):
    rows: list[tuple[Booking, User]]
    total: Total


class Order(Struct, frozen=True):
    """How a list is sorted, by columns that its index ends with."""

    columns: tuple[str, ...]
    descending: bool = False

    def of(self, table: Any) -> list[ColumnElement[Any]]:
        return [table.c[name].desc() if self.descending else table.c[name] for name in self.columns]


NEWEST_FIRST = Order(("id",), descending=True)
BY_TIME = Order(("local_date", "local_time", "id"))


async def page(engine: AsyncEngine, wanted: BookingFilter, order: Order, limit: int, offset: int) -> Page:
    """One page of what is wanted, and how much there is in all."""
    async with engine.connect() as connection:
        narrowed = await _narrowed(connection, wanted)
        if narrowed is None:
            return Page([], Total(0, exact=True))
        rows = (await connection.execute(_statement(wanted, narrowed, order, limit, offset))).all()
    total = int(rows[0][0])
    exact = wanted.is_tallied or total <= COUNT_EXACT_TO
    found = [view_of(tuple(row[1:])) for row in rows if row[1] is not None]
    return Page(found, Total(total if exact else COUNT_EXACT_TO, exact))


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
    """The total beside each row of the page, and alone if the page is empty."""
    columns = [b.c[name] for name in order.columns]
    each = [b.c.listed_as == word for word in wanted.words] if narrowed or wanted.word else [b.c.listed_as.is_not(None)]
    ranges = [select(*columns).where(one, *narrowed) for one in each]
    merged = _together([one.order_by(*order.of(b)).limit(limit + offset) for one in ranges])
    ids = select(merged.c.id).order_by(*order.of(merged)).limit(limit).offset(offset).subquery()
    listed = select(*_BOOKING, *(column.label(f"user_{n}") for n, column in enumerate(_USER)))
    listed_rows = listed.join(ids, ids.c.id == b.c.id).join(u, u.c.id == b.c.user_id).subquery()
    total = (_tallied(wanted) if wanted.is_tallied else _counted(ranges)).subquery()
    together = total.outerjoin(listed_rows, true())
    return select(total.c.total, *listed_rows.c).select_from(together).order_by(*order.of(listed_rows))


def _tallied(wanted: BookingFilter) -> Select[Any]:
    chosen = select(func.coalesce(func.sum(tally.c.bookings), literal(0)).label("total"))
    chosen = chosen.where(tally.c.listed_as.in_(wanted.words))
    return chosen if wanted.day is None else chosen.where(tally.c.local_date == wanted.day)


def _counted(ranges: Sequence[Select[Any]]) -> Select[Any]:
    """No further than one beyond what is counted exactly."""
    found = _together([one.limit(COUNT_EXACT_TO + 1) for one in ranges])
    return select(func.count().label("total")).select_from(select(found).limit(COUNT_EXACT_TO + 1).subquery())


def _together(ranges: Sequence[Select[Any]]) -> Any:
    return union_all(*(select(one.subquery()) for one in ranges)).subquery()
