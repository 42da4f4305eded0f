"""The calendar as it is listed: time slots with whether they are taken, and where the feed was then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from psycopg import sql

from core.domain.values import Booking, TimeSlot, User
from core.store.bookings.rows import VIEW_COLUMNS, lapsed, view_of
from core.store.connections.database import AsyncConnection
from core.store.feed import Position, read_head
from core.store.sql.local_days import DAYS_BEGIN, DAYS_END, in_zones, zones_in_use
from core.store.timeslots import SLOT_COLUMNS, slot_of

SQL_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_TAKEN = f"""
EXISTS (SELECT FROM claim k LEFT JOIN booking h ON h.id = k.booking_id
        WHERE k.resource_id = c.resource_id AND k.during && tstzrange(s.starts_at, s.ends_at)
          AND {lapsed("h")} IS NOT TRUE)
OR EXISTS (SELECT FROM booking o WHERE o.time_slot_id = s.id AND o.deleted_at IS NULL
                                   AND o.status NOT IN ('cancelled', 'expired'))
"""
"""By its own booking, also one that is over, or because its resource is. A lapsed hold takes nothing."""
_FROM = "FROM time_slot s JOIN category c ON c.id = s.category_id JOIN resource r ON r.id = c.resource_id"
SQL_CHOSEN = f"WITH chosen AS (SELECT s.id {_FROM} WHERE s.deleted_at IS NULL"
SQL_PAGE = f"""
ORDER BY s.starts_at, s.id LIMIT %(limit)s OFFSET %(offset)s)
SELECT {SLOT_COLUMNS}, {_TAKEN} {_FROM} JOIN chosen ON chosen.id = s.id ORDER BY s.starts_at, s.id
"""
"""Whether a slot is taken is asked of the page alone."""
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
    statement = sql.SQL(" ").join(sql.SQL(part) for part in (SQL_CHOSEN, *_conditions(wanted), SQL_PAGE))
    values = {**_values(wanted), "limit": wanted.limit + 1}
    async with connection.transaction():
        await connection.execute(SQL_SNAPSHOT)
        head = await read_head(connection)
        if wanted.by_day:
            values |= in_zones(await zones_in_use(connection), wanted.first, wanted.last)
        rows = await (await connection.execute(statement, values)).fetchall()
        found = await (await connection.execute(SQL_HOLDERS, ([row[0] for row in rows],))).fetchall()
    holders = {booking.time_slot_id: (booking, user) for booking, user in map(view_of, found)}
    listed = [SlotListed(slot_of(row), row[-1], holders.get(row[0])) for row in rows[: wanted.limit]]
    return SlotList(listed, len(rows) > wanted.limit, head)


def _conditions(wanted: SlotFilter) -> Iterator[str]:
    if wanted.id is not None:
        yield "AND s.id = %(id)s"
    if wanted.first is not None:
        yield f"AND s.starts_at >= %(days_earliest)s AND s.starts_at >= {DAYS_BEGIN}"
    if wanted.last is not None:
        yield f"AND s.starts_at < %(days_latest)s AND s.starts_at < {DAYS_END}"
    if wanted.category_id is not None:
        yield "AND s.category_id = %(category_id)s"
    if wanted.categories is not None:
        yield "AND c.name_folded = ANY(%(categories)s)"
    if wanted.taken is not None:
        yield f"AND ({_TAKEN}) = %(taken)s"
    if wanted.after:
        yield "AND s.starts_at > clock_timestamp()"


def _values(wanted: SlotFilter) -> dict[str, Any]:
    return {
        "id": wanted.id,
        "category_id": wanted.category_id,
        "categories": list(wanted.categories or ()),
        "taken": wanted.taken,
        "offset": wanted.offset,
    }


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
