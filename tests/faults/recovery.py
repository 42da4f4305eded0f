"""How long each fault lasted, how soon the stack served again, and how long a client waited at most."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from statistics import median

from msgspec import Struct

from tests.faults.history.operations import Operation
from tests.faults.history.records import Asked

MOST_SHOWN = 3
"""Of the different things that one client heard while it waited."""


class Struck(Struct, frozen=True):
    """One strike, on the monotonic clock."""

    name: str
    kind: str
    began_at: float
    repaired_at: float
    served_at: float
    began_wall: datetime
    served_wall: datetime

    @property
    def recovered_s(self) -> float:
        """From the repair until a booking went all the way."""
        return self.served_at - self.repaired_at


class Row(Struct, frozen=True):
    """Of all strikes of a fault."""

    name: str
    times: int
    median_s: float
    worst_s: float
    longest_silence_s: float
    """From a request until its client knew the end, among those that the strikes met."""
    why: str
    """What that client heard meanwhile."""


def rows(struck: Sequence[Struck], operations: Sequence[Operation], history: Sequence[Asked]) -> list[Row]:
    by_name: defaultdict[str, list[Struck]] = defaultdict(list)
    for one in struck:
        by_name[one.name].append(one)
    return [_row(name, found, operations, history) for name, found in sorted(by_name.items())]


def _row(name: str, struck: Sequence[Struck], operations: Sequence[Operation], history: Sequence[Asked]) -> Row:
    times = [one.recovered_s for one in struck]
    met = [one for each in struck for one in _met(each, operations)]
    longest = max(met, key=_silence_s, default=None)
    silence_s, why = (0.0, "") if longest is None else (_silence_s(longest), why_of(longest, history))
    return Row(name, len(struck), median(times), max(times), silence_s, why)


def _met(struck: Struck, operations: Sequence[Operation]) -> list[Operation]:
    return [
        one for one in operations if one.answers and one.began_at < struck.served_at and one.ended_at > struck.began_at
    ]


def _silence_s(one: Operation) -> float:
    return one.ended_at - one.began_at


def why_of(one: Operation, history: Sequence[Asked]) -> str:
    """Its requests until the end was known, by what they met, the most time first."""
    took: Counter[str] = Counter()
    for asked in history:
        if asked.operation == one.name and one.began_at <= asked.sent_at <= one.ended_at:
            what = "looked" if asked.is_poll else "asked"
            took[f"{what}: {asked.problem or asked.status}"] += round(1000 * (asked.ended_at - asked.sent_at))  # ms
    parts = [f"{what} {ms / 1000:.1f} s" for what, ms in took.most_common(MOST_SHOWN)]
    return f"{one.story} {one.action}: {', '.join(parts)}"


def table(found: Sequence[Row]) -> str:
    """For docs/reliability.md."""
    head = "| fault | times | recovered, median | worst | longest silence | its requests |\n|---|---|---|---|---|---|"
    lines = [
        f"| {one.name} | {one.times} | {one.median_s:.1f} s | {one.worst_s:.1f} s | {one.longest_silence_s:.1f} s | {one.why} |"
        for one in found
    ]
    return "\n".join([head, *lines])
