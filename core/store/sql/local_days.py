"""Local days in SQL: as instants, one pair for each zone in use.

PostgreSQL has a copy of the zones' rules of its own, which need not be ours, and takes the second of two equal
local times where we take the first. So it never converts: it compares instants with those worked out here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from core.domain.resources.local_time import day_bounds
from core.store.connections.database import AsyncConnection

SQL_ZONES = """
WITH RECURSIVE found AS (
    SELECT min(zone) AS zone FROM resource
    UNION ALL SELECT (SELECT min(zone) FROM resource WHERE zone > found.zone) FROM found WHERE found.zone IS NOT NULL)
SELECT zone FROM found WHERE zone IS NOT NULL
"""
"""Each zone that a resource is in, once: one look into the index for each, however many resources there are."""


def _where_it_is(name: str) -> str:
    return f"(%({name})s::timestamptz[])[array_position(%(zones)s::text[], r.zone)]"


DAYS_BEGIN, DAYS_END = _where_it_is("days_begin"), _where_it_is("days_end")
"""When the days that `in_zones` was asked for begin and end where a resource `r` is. `core/store/lists/composition.py`
has the same for SQLAlchemy."""

_DAY = timedelta(days=1)


async def zones_in_use(connection: AsyncConnection) -> list[str]:
    return [row[0] for row in await (await connection.execute(SQL_ZONES)).fetchall()]


def in_zones(zones: Iterable[str], first: date | None, last: date | None) -> dict[str, Any]:
    """Values for `DAYS_BEGIN` and `DAYS_END`: when the first day begins and the last one ends in each zone; None is open.

    `days_earliest` and `days_latest` are the outermost of them, for an index on instants.
    """
    names = list(zones)
    begin = [None if first is None else day_bounds(first, name)[0] for name in names]
    end = [None if last is None else day_bounds(last, name)[1] for name in names]
    return {
        "zones": names,
        "days_begin": begin,
        "days_end": end,
        "days_earliest": min((at for at in begin if at), default=None),
        "days_latest": max((at for at in end if at), default=None),
    }
