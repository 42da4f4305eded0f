"""Pages of marketplace bookings: one ordered index range for each thing somebody may see, merged.

A client sees their bookings, a practitioner also their appointments, staff all. Each of these is
an index range in the order asked for; the ranges are cut to the page before they are merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from msgspec import Struct

from core.domain.status import Status

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
SQL_NAMED = "SELECT id FROM practitioner WHERE lower(name) LIKE %s LIMIT %s"
SQL_PRACTITIONER = "SELECT id FROM practitioner WHERE user_id = %s"


class Wanted(Struct, frozen=True, kw_only=True):
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
    """Up to one more than the limit it was counted to."""


async def find(
    connection: psycopg.AsyncConnection[Any], wanted: Wanted, limit: int, offset: int, count_limit: int
) -> Found:
    """One page and the bounded total, from one snapshot."""
    own = await _practitioner_of(connection, wanted.user_id)
    named = await _named(connection, wanted.search)
    narrowed, values = _narrowed(wanted, named)
    values |= {"limit": limit, "offset": offset, "most": offset + limit, "count": count_limit}
    scopes = _scopes(wanted.user_id, own, values)
    row = await (await connection.execute(_sql(scopes, narrowed, wanted.order).encode(), values)).fetchone()
    assert row is not None  # noqa: S101 - SELECT of two aggregates
    return Found(list(row[0]), row[1])


async def _practitioner_of(connection: psycopg.AsyncConnection[Any], user_id: int | None) -> int | None:
    if user_id is None:
        return None
    row = await (await connection.execute(SQL_PRACTITIONER, (user_id,))).fetchone()
    return None if row is None else int(row[0])


async def _named(connection: psycopg.AsyncConnection[Any], search: str | None) -> list[int]:
    if not search:
        return []
    rows = await connection.execute(SQL_NAMED, (_like(search), PRACTITIONERS_FOUND_MAX))
    return [row[0] for row in await rows.fetchall()]


def _like(search: str) -> str:
    """Whatever holds these words; what LIKE takes for signs stands for itself."""
    plain = search.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
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


_UPCOMING = "(m.starts_at > clock_timestamp() AND m.status IN ('held', 'confirmed')) IS TRUE"
_CONDITIONS = {
    "statuses": "m.status = ANY(%(statuses)s)",
    "payments": "m.payment_status = ANY(%(payments)s)",
    "practitioner": "m.practitioner_id = %(practitioner)s",
    "service": "m.service_id = %(service)s",
    "kinds": "m.kind = ANY(%(kinds)s)",
    "first": "m.starts_at >= %(first)s",
    "before": "m.starts_at < %(before)s",
    "upcoming": f"{_UPCOMING} = %(upcoming)s",
    "search": "(m.words LIKE %(search)s OR m.practitioner_id = ANY(%(named)s))",
}
"""By what was given."""


def _narrowed(wanted: Wanted, named: Sequence[int]) -> tuple[str, dict[str, Any]]:
    given: dict[str, Any] = {
        "statuses": [status.value for status in wanted.statuses] or None,
        "payments": list(wanted.payment_statuses) or None,
        "practitioner": wanted.practitioner_id,
        "service": wanted.service_id,
        "kinds": list(wanted.kinds) or None,
        "first": wanted.first,
        "before": wanted.before,
        "upcoming": wanted.is_upcoming,
        "search": _like(wanted.search) if wanted.search else None,
    }
    conditions = [_CONDITIONS[name] for name, value in given.items() if value is not None]
    return " AND ".join(conditions) or "true", {**given, "named": list(named)}


def _sql(scopes: Sequence[str], narrowed: str, order: str) -> str:
    column, direction = ORDERS[order]
    by = f"{column} {direction}, booking_id {direction.split()[0]}"
    pages = " UNION ALL ".join(
        f"(SELECT m.booking_id, m.{column} FROM marketplace_booking m WHERE {scope} AND {narrowed}"
        f" ORDER BY {by} LIMIT %(most)s)"
        for scope in scopes
    )
    counts = " UNION ALL ".join(
        f"(SELECT 1 FROM marketplace_booking m WHERE {scope} AND {narrowed} LIMIT %(count)s)" for scope in scopes
    )
    return f"""
SELECT ARRAY(SELECT booking_id FROM ({pages}) AS merged ORDER BY {by} LIMIT %(limit)s OFFSET %(offset)s),
       (SELECT count(*) FROM (SELECT FROM ({counts}) AS found LIMIT %(count)s) AS counted)
"""
