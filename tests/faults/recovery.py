"""How long each fault lasted, how soon the stack served again, and how long a client waited at most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from statistics import median

from msgspec import Struct

from tests.faults.history.operations import Operation


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


def rows(struck: Sequence[Struck], operations: Sequence[Operation]) -> list[Row]:
    by_name: defaultdict[str, list[Struck]] = defaultdict(list)
    for one in struck:
        by_name[one.name].append(one)
    return [
        Row(
            name,
            len(found),
            median(one.recovered_s for one in found),
            max(one.recovered_s for one in found),
            max((silence_s(one, operations) for one in found), default=0.0),
        )
        for name, found in sorted(by_name.items())
    ]


def silence_s(struck: Struck, operations: Sequence[Operation]) -> float:
    met = [one for one in operations if one.began_at < struck.served_at and one.ended_at > struck.began_at]
    return max((one.ended_at - one.began_at for one in met if one.answers), default=0.0)


def table(found: Sequence[Row]) -> str:
    """For docs/reliability.md."""
    head = "| fault | times | recovered, median | worst | longest silence |\n|---|---|---|---|---|"
    lines = [
        f"| {one.name} | {one.times} | {one.median_s:.1f} s | {one.worst_s:.1f} s | {one.longest_silence_s:.1f} s |"
        for one in found
    ]
    return "\n".join([head, *lines])
