"""How far lists are counted."""

from __future__ import annotations

from msgspec import Struct

COUNT_EXACT_TO = 10_000
"""Totals beyond it would need a scan, unless a tally has them."""


class Total(Struct, frozen=True):
    """`exact` is false where there are more than `count` and nobody counted on."""

    count: int
    exact: bool
