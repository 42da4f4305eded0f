"""Pages of lists: the rows of one page and how many there are in all, from one statement and so from one snapshot.

SQLAlchemy composes the statement of a list that has filters, from those that are given; what never changes is text,
which psycopg runs. A total is exact where a tally has it, else counted up to `COUNT_EXACT_TO`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, Subquery, func, select, true, union_all

COUNT_EXACT_TO = 10_000
"""Totals beyond it would need a scan, unless a tally has them."""
COUNT_LIMIT = COUNT_EXACT_TO + 1
"""Where counting stops: there are more than are counted exactly."""

Row = TypeVar("Row")


class Total(Struct, frozen=True):
    """`exact` is false where there are more than `count` and counting stopped there."""

    count: int
    exact: bool


class Page(Struct, Generic[Row], frozen=True):
    rows: list[Row]
    total: Total


def rows_and_total(rows: Sequence[Sequence[Any]], make: Callable[[Any], Row]) -> tuple[list[Row], int]:
    """Of a statement that has the total beside each row of the page, and alone, with NULLs, if the page is empty."""
    return [make(tuple(row[1:])) for row in rows if row[1] is not None], int(rows[0][0])


def page_of(rows: Sequence[Sequence[Any]], make: Callable[[Any], Row], *, exact: bool = False) -> Page[Row]:
    """The same as a page. `exact`: the total was not counted to the limit only."""
    found, total = rows_and_total(rows, make)
    exact = exact or total <= COUNT_EXACT_TO
    return Page(found, Total(total if exact else COUNT_EXACT_TO, exact))


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


def count_to_limit(source: str) -> str:
    """The statement that counts the rows of a FROM clause (with its WHERE), up to `COUNT_LIMIT`."""
    return f"SELECT count(*) FROM (SELECT FROM {source} LIMIT {COUNT_LIMIT}) AS found"
