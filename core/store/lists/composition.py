"""Parts of a list's statement that SQLAlchemy composes, from the filters that are given.

What never changes is text, which psycopg runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    bindparam,
    func,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import Grouping

from core.store.lists.pages import COUNT_LIMIT
from core.store.sql.tables import TYPES


def _where_it_is(name: str) -> ColumnElement[datetime]:
    instants = Grouping(bindparam(name, type_=ARRAY(TYPES["timestamptz"])))
    zone = func.array_position(bindparam("zones", type_=ARRAY(TYPES["text"])), literal_column("r.zone"))
    found: ColumnElement[datetime] = instants[zone]
    return found


days_begin, days_end = _where_it_is("days_begin"), _where_it_is("days_end")
"""`DAYS_BEGIN` and `DAYS_END` of `core/store/sql/local_days.py`."""


def beside_total(total: Select[Any], listed: Subquery, order: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """The total beside each row of the page, and alone if the page is empty. The page's first column is never NULL."""
    counted = total.subquery()
    together = counted.outerjoin(listed, true())
    return select(counted.c.total, *listed.c).select_from(together).order_by(*order)


def summed(column: ColumnElement[int], *conditions: ColumnElement[bool]) -> Select[Any]:
    """The exact total, from the rows of a tally."""
    return select(func.coalesce(func.sum(column), 0).label("total")).where(*conditions)


def counted(*ranges: Select[Any]) -> Select[Any]:
    """How many rows there are in ranges that do not overlap, no further than `COUNT_LIMIT`."""
    found = together([one.limit(COUNT_LIMIT) for one in ranges]) if len(ranges) > 1 else ranges[0].subquery()
    return select(func.count().label("total")).select_from(select(found).limit(COUNT_LIMIT).subquery())


def together(ranges: Sequence[Select[Any]]) -> Subquery:
    """Ranges that do not overlap, as one."""
    return union_all(*(select(one.subquery()) for one in ranges)).subquery()
