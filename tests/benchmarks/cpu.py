"""Processor time by process: what a booking costs, whatever else the machine is doing."""

from __future__ import annotations

import os
import resource
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LOAD_GENERATOR = "wrk"


class Meter:
    """Reads the processor time that each named process has used, its children's included (Linux only)."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        """`roots` are process ids by the name to count them under; numbered instances count together."""
        self._roots = roots

    def read(self) -> dict[str, float]:
        """Seconds by name, the load generator's among them."""
        parents, seconds = _all_processes()
        total: defaultdict[str, float] = defaultdict(float)
        for name, root in self._roots.items():
            total[_kind(name)] += sum(used for pid, used in seconds.items() if _descends(pid, root, parents))
        finished = resource.getrusage(resource.RUSAGE_CHILDREN)
        total[LOAD_GENERATOR] = finished.ru_utime + finished.ru_stime
        return dict(total)


def per_booking_us(before: Mapping[str, float], after: Mapping[str, float], bookings: int) -> dict[str, float]:
    return {name: (after[name] - before.get(name, 0.0)) / max(1, bookings) * 1e6 for name in after}


def seconds_of(pids: Iterable[int]) -> float:
    """Of those of them that run."""
    _, seconds = _all_processes()
    return sum(seconds.get(pid, 0.0) for pid in pids)


def _kind(name: str) -> str:
    """`lanes-1` and `lanes-2` are `lanes`."""
    stem, _, number = name.rpartition("-")
    return stem if number.isdigit() else name


def _all_processes() -> tuple[dict[int, int], dict[int, float]]:
    """(parent by process id, seconds by process id); what ended children used counts for the process that reaped them."""
    parents, seconds = {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended just now
        parents[int(entry.name)] = int(fields[1])
        seconds[int(entry.name)] = sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_S
    return parents, seconds


def _descends(pid: int, root: int, parents: Mapping[int, int]) -> bool:
    while pid not in (0, root):
        pid = parents.get(pid, 0)
    return pid == root
