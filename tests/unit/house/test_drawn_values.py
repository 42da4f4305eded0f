"""Values that must differ are counted, or drawn from very many: two drawn from few are soon one, in some run of the tests."""

from __future__ import annotations

import re
from math import prod

from tests.support.pages import ROOT

DRAWN = re.compile(r"secrets\.randbelow\(([^()]+)\)")
MANY = 10**8
"""Of a hundred that are drawn from these, two are equal in one run of twenty thousand."""


def test_nothing_that_must_differ_is_drawn_from_few() -> None:
    drawn = [
        (str(path.relative_to(ROOT)), words)
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for words in DRAWN.findall(path.read_text())
    ]
    assert drawn, "the pattern finds what it is for"
    assert [(path, words) for path, words in drawn if how_many(words) < MANY] == []


def how_many(words: str) -> int:
    base, _, power = words.replace("_", "").partition("**")
    return prod([int(base)] * int(power or 1))
