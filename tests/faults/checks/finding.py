"""What a check found: how much it counted, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

SHOWN = 5


class Finding(Struct, frozen=True):
    check: str
    counted: int
    of: str
    """What was counted, in the plural."""
    wrong: Sequence[str] = ()
    may_be_nothing: bool = False
    """Whether the run's load may hold nothing of it; else a check that counted nothing fails."""

    @property
    def problems(self) -> list[str]:
        if not self.counted and not self.may_be_nothing:
            return [f"{self.check}: no {self.of} at all, so nothing is shown"]
        return [f"{self.check}: {one}" for one in self.wrong]

    def __str__(self) -> str:
        ends = "ok" if not self.problems else f"{len(self.problems)} WRONG"
        return f"{self.check:<48} {self.counted:>7} {self.of}, {ends}"


def some(wrong: Iterable[object], what: str) -> list[str]:
    """One sentence for many of a kind."""
    found = list(wrong)
    return [f"{len(found)} {what}, as {', '.join(map(str, found[:SHOWN]))}"] if found else []
