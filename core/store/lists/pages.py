"""Pages of lists: the rows of one page and how many there are in all, from one statement and so from one snapshot.

A total is exact where a tally has it, else counted up to `COUNT_EXACT_TO`. `core/store/lists/composition.py` has the
parts of statements that SQLAlchemy composes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct

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


def count_to_limit(source: str) -> str:
    """The statement that counts the rows of a FROM clause (with its WHERE), up to `COUNT_LIMIT`."""
    return f"SELECT count(*) FROM (SELECT FROM {source} LIMIT {COUNT_LIMIT}) AS found"
