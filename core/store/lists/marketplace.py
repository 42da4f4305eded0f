"""Pages of marketplace bookings, at any size: few are gathered and sorted, many are walked in order.

What is asked for is first gathered, up to the limit of counting, by whatever index finds it: that is
the count, and if it is all there is, the page too. Where there is more, ordered index ranges are
walked and merged: one for each thing somebody may see (a client their bookings, a practitioner also
their appointments, staff all), and for each status, type or service where one is named. Both see one snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Select,
    and_,
    any_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
)

from core.domain.bookings.status import PaymentStatus, Status
from core.domain.marketplace.details import Kind
from core.domain.names import folded
from core.store.catalogue import practitioners
from core.store.connections.database import AsyncConnection
from core.store.lists.composition import together
from core.store.lists.pages import COUNT_LIMIT
from core.store.sql.tables import TYPES, bound, text_of
from core.store.sql.tables import marketplace_booking as m

COLUMNS = {"start_time": "starts_at", "created_at": "created_at", "price_charged_cents": "price_minor"}
ORDERS = tuple(f"{sign}{word}" for word in COLUMNS for sign in ("", "-"))
"""What lists are ordered by, in the contract's words; "-" is descending."""

PRACTITIONERS_FOUND_MAX = 1000
"""Practitioners whose name holds the words searched for."""
SQL_NAMED = "SELECT id FROM practitioner WHERE name_folded LIKE %s LIMIT %s"
SQL_ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
SQL_WALK = "SET LOCAL enable_bitmapscan = off"
"""Gathering has shown that there are many. The planner only guesses what a search finds, and must not sort them all."""


SORTED_AT_ONCE = timedelta(days=31)
STATEMENTS_KEPT = 256
"""Composed statements, by the filters and order that they are for."""
UPCOMING = frozenset({Status.HELD, Status.CONFIRMED})
"""What is still to come, if its start is."""


class MarketBookingFilter(Struct, frozen=True, kw_only=True):
    """What a list asks for; every field that is given narrows it."""

    user_id: int | None
    """Whose list it is; None is staff's: all."""
    as_client: bool = False
    """Only what they booked, and no appointments that they give as a practitioner."""
    statuses: Sequence[Status] = ()
    payment_statuses: Sequence[str] = ()
    practitioner_id: int | None = None
    service_id: int | None = None
    kinds: Sequence[str] = ()
    first: datetime | None = None
    before: datetime | None = None
    is_upcoming: bool | None = None
    search: str | None = None
    order: str = "-start_time"


class Found(Struct, frozen=True):
    ids: list[int]
    count: int
    """Counted up to the limit."""


async def find(
    connection: AsyncConnection,
    wanted: MarketBookingFilter,
    limit: int,
    offset: int,
    count_limit: int = COUNT_LIMIT,
) -> Found:
    """One page and the bounded total. Each statement is planned for its own values: a filter may mean ten rows or all."""
    if wanted.is_upcoming and wanted.statuses and not UPCOMING & set(wanted.statuses):
        return Found([], 0)
    own = None
    if wanted.user_id is not None and not wanted.as_client:
        own = await practitioners.id_of_user(connection, wanted.user_id)
    values = _values(wanted)
    shape = _Shape(
        _scopes(wanted.user_id, own), tuple(name for name in _CONDITIONS if values[name] is not None), wanted.order
    )
    values |= {"user": wanted.user_id, "own": own, "named": await _named(connection, wanted.search)}
    values |= {"limit": limit, "offset": offset, "most": offset + limit, "count": count_limit}
    async with connection.transaction():
        await connection.execute(SQL_ONE_SNAPSHOT)
        cursor = await connection.execute(_gathering(shape).encode(), values, prepare=False)
        count, ids = await cursor.fetchone() or (0, [])
        return Found(await _page(connection, wanted, shape, values) if ids is None else list(ids), count)


async def _page(
    connection: AsyncConnection, wanted: MarketBookingFilter, shape: _Shape, values: Mapping[str, Any]
) -> list[int]:
    """Of more than is counted."""
    if _is_sorted_at_once(wanted):
        sql = _sorting(shape)
    else:
        await connection.execute(SQL_WALK)
        sql = _walking(shape, _cuts(wanted))
    cursor = await connection.execute(sql.encode(), values, prepare=False)
    return [row[0] for row in await cursor.fetchall()]


async def _named(connection: AsyncConnection, search: str | None) -> list[int]:
    if not search:
        return []
    rows = await connection.execute(SQL_NAMED, (_like(search), PRACTITIONERS_FOUND_MAX))
    return [row[0] for row in await rows.fetchall()]


def _like(search: str) -> str:
    """Whatever holds these words; LIKE's wildcards stand for themselves."""
    plain = folded(search).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"


def _scopes(user_id: int | None, practitioner_id: int | None) -> tuple[str, ...]:
    """Ranges that do not overlap, so that they can be merged and counted one by one."""
    if user_id is None:
        return ("all",)
    return ("user",) if practitioner_id is None else ("user", "own")


def _any(name: str, type_: str) -> Any:
    return any_(bindparam(name, type_=ARRAY(TYPES[type_])))


def _text(value: str) -> ColumnElement[str]:
    """A constant in the statement, for the partial indexes."""
    return literal_column(f"'{value}'")


_SCOPES: dict[str, tuple[ColumnElement[bool], ...]] = {
    "all": (),
    "user": (m.c.user_id == bound("user", "bigint"),),
    "own": (m.c.practitioner_id == bound("own", "bigint"), m.c.user_id != bound("user", "bigint")),
}
_UPCOMING = and_(m.c.starts_at > func.now(), m.c.status.in_([_text(status) for status in sorted(UPCOMING)]))
_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "statuses": m.c.status == _any("statuses", "text"),
    "payments": m.c.payment_status == _any("payments", "text"),
    "practitioner": m.c.practitioner_id == bound("practitioner", "bigint"),
    "service": m.c.service_id == bound("service", "bigint"),
    "kinds": m.c.kind == _any("kinds", "text"),
    "first": m.c.starts_at >= bound("first", "timestamptz"),
    "before": m.c.starts_at < bound("before", "timestamptz"),
    "upcoming": _UPCOMING,
    "not_upcoming": _UPCOMING.is_not(true()),
    "search": or_(m.c.words.like(bound("search", "text")), m.c.practitioner_id == _any("named", "bigint")),
}
"""By the value that is given."""


def _values(wanted: MarketBookingFilter) -> dict[str, Any]:
    """By the names of `_CONDITIONS`; what is None narrows nothing."""
    return {
        "statuses": [status.value for status in wanted.statuses] or None,
        "payments": list(wanted.payment_statuses) or None,
        "practitioner": wanted.practitioner_id,
        "service": wanted.service_id,
        "kinds": list(wanted.kinds) or None,
        "first": wanted.first,
        "before": wanted.before,
        "upcoming": wanted.is_upcoming or None,
        "not_upcoming": wanted.is_upcoming is False or None,
        "search": _like(wanted.search) if wanted.search else None,
    }


def _cuts(wanted: MarketBookingFilter) -> tuple[tuple[str, str], ...]:
    """(column, value) of ranges that do not overlap and make up all that is wanted, each in an index of its own."""
    if wanted.is_upcoming or wanted.statuses:
        among = set(wanted.statuses or Status) & (UPCOMING if wanted.is_upcoming else set(Status))
        return tuple(("status", status.value) for status in sorted(among))
    if wanted.payment_statuses:
        return tuple(("payment_status", PaymentStatus(one).value) for one in sorted(set(wanted.payment_statuses)))
    if wanted.is_upcoming is False and COLUMNS[wanted.order.removeprefix("-")] == "starts_at":
        return tuple(("starts_at", one) for one in _TIMES)
    if wanted.kinds:
        return tuple(("kind", Kind(kind).value) for kind in sorted(set(wanted.kinds)))
    return (("", ""),)


_TIMES: dict[str, ColumnElement[bool]] = {
    "past": m.c.starts_at <= func.now(),
    "future": m.c.starts_at > func.now(),
    "none": m.c.starts_at.is_(None),
}


def _cut(column: str, value: str) -> tuple[ColumnElement[bool], ...]:
    if column == "starts_at":
        return (_TIMES[value],)
    return (m.c[column] == _text(value),) if column else ()


class _Shape(Struct, frozen=True):
    """What a statement's text depends on; it is composed once for each and kept."""

    scopes: tuple[str, ...]
    given: tuple[str, ...]
    order: str

    @property
    def column(self) -> str:
        return COLUMNS[self.order.removeprefix("-")]

    def ranges(self, *cut: ColumnElement[bool]) -> list[Select[Any]]:
        """Ids and the column of the order, of each scope."""
        narrowed = [_CONDITIONS[name] for name in self.given]
        columns = (m.c.booking_id, m.c[self.column])
        return [select(*columns).where(*_SCOPES[scope], *cut, *narrowed) for scope in self.scopes]

    def by(self, rows: FromClause) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """As the table's indexes are ordered. Ties go by id, the same way."""
        column, id_ = rows.c[self.column], rows.c.booking_id
        if self.order.startswith("-"):
            return (column.desc().nulls_last() if self.column == "starts_at" else column.desc()), id_.desc()
        return (column.asc().nulls_first() if self.column == "starts_at" else column.asc()), id_.asc()

    def page(self, rows: FromClause) -> Select[Any]:
        chosen = select(rows.c.booking_id).order_by(*self.by(rows))
        return chosen.limit(bound("limit", "bigint")).offset(bound("offset", "bigint"))


@lru_cache(maxsize=STATEMENTS_KEPT)
def _gathering(shape: _Shape) -> str:
    """(count, ids of the page), the ids NULL where there is more than is counted."""
    most = bound("count", "bigint")
    ranges = together([one.limit(most) for one in shape.ranges()])
    found = select(ranges).limit(most).cte("found").prefix_with("MATERIALIZED")
    n = select(func.count().label("n")).select_from(found).subquery().c.n
    ids = func.array(shape.page(found).scalar_subquery())
    return text_of(select(n, case((n < most, ids))))


@lru_cache(maxsize=STATEMENTS_KEPT)
def _walking(shape: _Shape, cuts: tuple[tuple[str, str], ...]) -> str:
    ranges = [one for cut in cuts for one in shape.ranges(*_cut(*cut))]
    most = bound("most", "bigint")
    return text_of(shape.page(together([one.order_by(*shape.by(m)).limit(most) for one in ranges])))


@lru_cache(maxsize=STATEMENTS_KEPT)
def _sorting(shape: _Shape) -> str:
    return text_of(shape.page(together([one.offset(literal_column("0")) for one in shape.ranges()])))


def _is_sorted_at_once(wanted: MarketBookingFilter) -> bool:
    """A few weeks in another order than that of their days: the walk might begin years away from them."""
    if COLUMNS[wanted.order.removeprefix("-")] == "starts_at" or wanted.first is None or wanted.before is None:
        return False
    return wanted.before - wanted.first <= SORTED_AT_ONCE
