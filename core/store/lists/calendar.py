"""The calendar as it is listed: time slots with whether they are taken, and where the feed was then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    and_,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    text,
)

from core.domain.values import Booking, TimeSlot, User
from core.store.bookings.rows import VIEW_COLUMNS, lapsed, view_of
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all
from core.store.feed import Position, read_head
from core.store.lists.composition import days_begin, days_end
from core.store.sql import tables
from core.store.sql.local_days import in_zones, zones_in_use
from core.store.sql.tables import TYPES, bound, text_of
from core.store.timeslots import SLOT_COLUMNS, slot_of

SQL_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
STATEMENTS_KEPT = 128
"""Composed statements, by the filters that they are for."""

s, c, r = tables.time_slot.alias("s"), tables.category.alias("c"), tables.resource.alias("r")
_SLOTS = s.join(c, c.c.id == s.c.category_id).join(r, r.c.id == c.c.resource_id)
_TAKEN: ColumnElement[bool] = literal_column(
    f"""
(EXISTS (SELECT FROM claim k LEFT JOIN booking h ON h.id = k.booking_id
         WHERE k.resource_id = c.resource_id AND k.during && tstzrange(s.starts_at, s.ends_at)
           AND {lapsed("h")} IS NOT TRUE)
 OR EXISTS (SELECT FROM booking o WHERE o.time_slot_id = s.id AND o.deleted_at IS NULL
                                    AND o.status NOT IN ('cancelled', 'expired')))
""",
    Boolean(),
)
"""By its own booking, also one that is over, or because its resource is. A lapsed hold takes nothing."""
SQL_HOLDERS = f"""
SELECT {VIEW_COLUMNS} FROM booking b JOIN user_account u ON u.id = b.user_id
WHERE b.time_slot_id = ANY(%s) AND b.deleted_at IS NULL AND b.status NOT IN ('cancelled', 'expired')
"""


class SlotFilter(Struct, frozen=True):
    """What a list asks for; every field that is given narrows it. Days are local, both ends included."""

    limit: int
    offset: int = 0
    id: int | None = None
    first: date | None = None
    last: date | None = None
    category_id: int | None = None
    categories: Sequence[str] | None = None
    """Case-folded names; any of them."""
    taken: bool | None = None
    after: bool = False
    """Only slots that have not begun."""

    @property
    def by_day(self) -> bool:
        return self.first is not None or self.last is not None


class SlotListed(Struct, frozen=True):
    slot: TimeSlot
    is_taken: bool
    holder: tuple[Booking, User] | None


class SlotList(Struct, frozen=True):
    slots: list[SlotListed]
    more: bool
    """Whether there are others beyond the page."""
    position: Position


async def list_slots(connection: AsyncConnection, wanted: SlotFilter) -> SlotList:
    """One page of slots with their holders, and the feed's position in the same snapshot."""
    values = _values(wanted)
    statement = _statement(tuple(name for name in _CONDITIONS if values[name] is not None))
    values |= {"limit": wanted.limit + 1, "offset": wanted.offset}
    async with connection.transaction():
        await connection.execute(SQL_SNAPSHOT)
        head = await read_head(connection)
        if wanted.by_day:
            values |= in_zones(await zones_in_use(connection), wanted.first, wanted.last)
        rows = await fetch_all(connection, statement, values)
        found = await (await connection.execute(SQL_HOLDERS, ([row[0] for row in rows],))).fetchall()
    holders = {booking.time_slot_id: (booking, user) for booking, user in map(view_of, found)}
    listed = [SlotListed(slot_of(row), row[-1], holders.get(row[0])) for row in rows[: wanted.limit]]
    return SlotList(listed, len(rows) > wanted.limit, head)


_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "id": s.c.id == bound("id", "bigint"),
    "first": and_(s.c.starts_at >= bound("days_earliest", "timestamptz"), s.c.starts_at >= days_begin),
    "last": and_(s.c.starts_at < bound("days_latest", "timestamptz"), s.c.starts_at < days_end),
    "category": s.c.category_id == bound("category", "bigint"),
    "categories": c.c.name_folded == any_(bindparam("categories", type_=ARRAY(TYPES["text"]))),
    "taken": bound("taken", "boolean") == _TAKEN,
    "after": s.c.starts_at > func.clock_timestamp(),
}
"""By the value that is given."""


def _values(wanted: SlotFilter) -> dict[str, Any]:
    """By the names of `_CONDITIONS`; what is None narrows nothing."""
    return {
        "id": wanted.id,
        "first": wanted.first,
        "last": wanted.last,
        "category": wanted.category_id,
        "categories": None if wanted.categories is None else list(wanted.categories),
        "taken": wanted.taken,
        "after": wanted.after or None,
    }


@lru_cache(maxsize=STATEMENTS_KEPT)
def _statement(given: tuple[str, ...]) -> str:
    """Whether a slot is taken is asked of the page alone, unless it is what is asked for."""
    chosen = (
        select(s.c.id)
        .select_from(_SLOTS)
        .where(s.c.deleted_at.is_(None), *(_CONDITIONS[name] for name in given))
        .order_by(s.c.starts_at, s.c.id)
        .limit(bound("limit", "bigint"))
        .offset(bound("offset", "bigint"))
        .cte("chosen")
    )
    page = select(text(SLOT_COLUMNS)).add_columns(_TAKEN).select_from(_SLOTS.join(chosen, chosen.c.id == s.c.id))
    return text_of(page.order_by(s.c.starts_at, s.c.id))


SQL_BOOKINGS = f"""
SELECT {VIEW_COLUMNS}, clock_timestamp() FROM booking b JOIN user_account u ON u.id = b.user_id
WHERE b.user_id = %(user_id)s AND b.deleted_at IS NULL AND b.status NOT IN ('draft', 'cancelled', 'expired')
  AND NOT {lapsed("b")}
  AND (%(over)s::boolean IS NULL OR %(over)s = (
       b.status IN ('completed', 'no_show') OR b.status = 'confirmed' AND b.ends_at <= clock_timestamp()))
"""
SOONEST_FIRST = "ORDER BY b.starts_at, b.id LIMIT %(limit)s OFFSET %(offset)s"
LATEST_FIRST = "ORDER BY b.starts_at DESC, b.id DESC LIMIT %(limit)s OFFSET %(offset)s"


class MyBookings(Struct, frozen=True):
    bookings: list[Booking]
    more: bool
    now: datetime | None
    """None if there are none."""


async def my_bookings(
    connection: AsyncConnection, user_id: int, *, over: bool | None, limit: int, offset: int
) -> MyBookings:
    """Somebody's bookings of every contract: upcoming ones soonest first, others latest first."""
    order = SOONEST_FIRST if over is False else LATEST_FIRST
    wanted = {"user_id": user_id, "over": over, "limit": limit + 1, "offset": offset}
    rows = await (await connection.execute((SQL_BOOKINGS + order).encode(), wanted)).fetchall()
    found = [view_of(row[:-1])[0] for row in rows[:limit]]
    return MyBookings(found, len(rows) > limit, rows[0][-1] if rows else None)
