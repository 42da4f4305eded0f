"""How far lists are counted."""

from __future__ import annotations

from msgspec import Struct

COUNT_EXACT_TO = 10_000
"""Totals beyond it would need a scan, unless a tally has them."""
COUNT_LIMIT = COUNT_EXACT_TO + 1
"""Where counting stops: there are more than are counted exactly."""


class Total(Struct, frozen=True):
    """`exact` is false where there are more than `count` and nobody counted on."""

    count: int
    exact: bool


def count_to_limit(source: str) -> str:
    """The statement that counts the rows of a FROM clause (with its WHERE), up to `COUNT_LIMIT`."""
    return f"SELECT count(*) FROM (SELECT FROM {source} LIMIT {COUNT_LIMIT}) AS found"
