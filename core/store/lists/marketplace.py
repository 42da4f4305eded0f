"""Pages of marketplace bookings, at any size: few are gathered and sorted, many are walked in order.

What is asked for is first gathered, up to the limit of counting, by whatever index finds it: that is
the count, and if it is all there is, the page too. Where there is more, ordered index ranges are
walked and merged: one for each thing somebody may see (a client their bookings, a practitioner also
their appointments, staff all), and for each status, type or service where one is named. Both see one snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from core.domain.bookings.status import PaymentStatus, Status
from core.domain.marketplace.details import Kind
from core.domain.names import folded
from core.store.catalogue import practitioners
from core.store.connections.database import AsyncConnection
from core.store.lists.pages import COUNT_LIMIT

ORDERS: dict[str, tuple[str, str]] = {
    "start_time": ("starts_at", "ASC NULLS FIRST"),
    "-start_time": ("starts_at", "DESC NULLS LAST"),
    "created_at": ("created_at", "ASC"),
    "-created_at": ("created_at", "DESC"),
    "price_charged_cents": ("price_minor", "ASC"),
    "-price_charged_cents": ("price_minor", "DESC"),
}
"""By the document's word: column and direction, as the indexes of the table have them. Ties go by id, the same way."""

PRACTITIONERS_FOUND_MAX = 1000
"""Practitioners whose name holds the words searched for."""
SQL_NAMED = "SELECT id FROM practitioner WHERE name_folded LIKE %s LIMIT %s"
SQL_ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
SQL_WALK = "SET LOCAL enable_bitmapscan = off"
"""There are many, as the gathering has shown: the planner, who guesses what a search finds, is not to sort them all."""


SORTED_AT_ONCE = timedelta(days=31)
UPCOMING = frozenset({Status.HELD, Status.CONFIRMED})
"""What is still to come, if its start is."""


class MarketBookingFilter(Struct, frozen=True, kw_only=True):
    """What a list asks for; every field that is given narrows it."""

    user_id: int | None
    """Whose list it is; None is staff's: all."""
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
    own = None if wanted.user_id is None else await practitioners.id_of_user(connection, wanted.user_id)
    named = await _named(connection, wanted.search)
    narrowed, values = _narrowed(wanted, named)
    values |= {"limit": limit, "offset": offset, "most": offset + limit, "count": count_limit}
    scopes = _scopes(wanted.user_id, own, values)
    async with connection.transaction():
        await connection.execute(SQL_ONE_SNAPSHOT)
        cursor = await connection.execute(_gathering(scopes, narrowed, wanted.order).encode(), values, prepare=False)
        count, ids = await cursor.fetchone() or (0, [])
        return Found(await _page(connection, wanted, scopes, narrowed, values) if ids is None else list(ids), count)


async def _page(
    connection: AsyncConnection,
    wanted: MarketBookingFilter,
    scopes: Sequence[str],
    narrowed: str,
    values: Any,
) -> list[int]:
    """Of more than is counted."""
    if _is_sorted_at_once(wanted):
        sql = _sorting(scopes, narrowed, wanted.order)
    else:
        await connection.execute(SQL_WALK)
        sql = _walking([f"{scope} AND {cut}" for scope in scopes for cut in _cuts(wanted)], narrowed, wanted.order)
    cursor = await connection.execute(sql.encode(), values, prepare=False)
    return [row[0] for row in await cursor.fetchall()]


async def _named(connection: AsyncConnection, search: str | None) -> list[int]:
    if not search:
        return []
    rows = await connection.execute(SQL_NAMED, (_like(search), PRACTITIONERS_FOUND_MAX))
    return [row[0] for row in await rows.fetchall()]


def _like(search: str) -> str:
    """Whatever holds these words; what LIKE takes for signs stands for itself."""
    plain = folded(search).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{plain}%"


def _scopes(user_id: int | None, practitioner_id: int | None, values: dict[str, Any]) -> list[str]:
    """Ranges that do not overlap, so that they can be merged and counted one by one."""
    if user_id is None:
        return ["true"]
    values["user"] = user_id
    if practitioner_id is None:
        return ["m.user_id = %(user)s"]
    values["own"] = practitioner_id
    return ["m.user_id = %(user)s", "m.practitioner_id = %(own)s AND m.user_id <> %(user)s"]


_UPCOMING = "m.starts_at > now() AND m.status IN ('held', 'confirmed')"
_CONDITIONS = {
    "statuses": "m.status = ANY(%(statuses)s)",
    "payments": "m.payment_status = ANY(%(payments)s)",
    "practitioner": "m.practitioner_id = %(practitioner)s",
    "service": "m.service_id = %(service)s",
    "kinds": "m.kind = ANY(%(kinds)s)",
    "first": "m.starts_at >= %(first)s",
    "before": "m.starts_at < %(before)s",
    "upcoming": _UPCOMING,
    "not_upcoming": f"({_UPCOMING}) IS NOT TRUE",
    "search": "(m.words LIKE %(search)s OR m.practitioner_id = ANY(%(named)s))",
}
"""By what was given."""


def _narrowed(wanted: MarketBookingFilter, named: Sequence[int]) -> tuple[str, dict[str, Any]]:
    given: dict[str, Any] = {
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
    conditions = [_CONDITIONS[name] for name, value in given.items() if value is not None]
    return " AND ".join(conditions) or "true", {**given, "named": list(named)}


def _cuts(wanted: MarketBookingFilter) -> list[str]:
    """Ranges that do not overlap and make up all that is wanted, each in an index of its own in any order."""
    if wanted.is_upcoming or wanted.statuses:
        among = set(wanted.statuses or Status) & (UPCOMING if wanted.is_upcoming else set(Status))
        return [f"m.status = '{status.value}'" for status in sorted(among)]
    if wanted.payment_statuses:
        return [f"m.payment_status = '{PaymentStatus(one).value}'" for one in sorted(set(wanted.payment_statuses))]
    if wanted.is_upcoming is False and ORDERS[wanted.order][0] == "starts_at":
        return ["m.starts_at <= now()", "m.starts_at > now()", "m.starts_at IS NULL"]
    if wanted.kinds:
        return [f"m.kind = '{Kind(kind).value}'" for kind in sorted(set(wanted.kinds))]
    return ["true"]


def _gathering(scopes: Sequence[str], narrowed: str, order: str) -> str:
    """(count, ids of the page), the ids NULL where there is more than is counted."""
    column, _ = ORDERS[order]
    found = " UNION ALL ".join(
        f"(SELECT m.booking_id, m.{column} FROM marketplace_booking m WHERE {scope} AND {narrowed} LIMIT %(count)s)"
        for scope in scopes
    )
    return f"""
WITH found AS MATERIALIZED (SELECT * FROM ({found}) AS all_scopes LIMIT %(count)s)
SELECT counted.n, CASE WHEN counted.n < %(count)s THEN ARRAY(
    SELECT booking_id FROM found ORDER BY {_by(order)} LIMIT %(limit)s OFFSET %(offset)s) END
FROM (SELECT count(*) AS n FROM found) AS counted
"""


def _walking(ranges: Sequence[str], narrowed: str, order: str) -> str:
    column, _ = ORDERS[order]
    pages = " UNION ALL ".join(
        f"(SELECT m.booking_id, m.{column} FROM marketplace_booking m WHERE {one} AND {narrowed}"
        f" ORDER BY {_by(order)} LIMIT %(most)s)"
        for one in ranges
    )
    return f"SELECT booking_id FROM ({pages}) AS merged ORDER BY {_by(order)} LIMIT %(limit)s OFFSET %(offset)s"


def _is_sorted_at_once(wanted: MarketBookingFilter) -> bool:
    """A few weeks in another order than that of their days: the walk might begin years away from them."""
    if ORDERS[wanted.order][0] == "starts_at" or wanted.first is None or wanted.before is None:
        return False
    return wanted.before - wanted.first <= SORTED_AT_ONCE


def _sorting(scopes: Sequence[str], narrowed: str, order: str) -> str:
    column, _ = ORDERS[order]
    found = " UNION ALL ".join(
        f"(SELECT m.booking_id, m.{column} FROM marketplace_booking m WHERE {scope} AND {narrowed} OFFSET 0)"
        for scope in scopes
    )
    return f"SELECT booking_id FROM ({found}) AS found ORDER BY {_by(order)} LIMIT %(limit)s OFFSET %(offset)s"


def _by(order: str) -> str:
    column, direction = ORDERS[order]
    return f"{column} {direction}, booking_id {direction.split()[0]}"
