"""Time slots side by side: whether an interval is free of others of its category."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from datetime import datetime

from core.domain.values import TimeSlot


class Timetable:
    """The slots of each category that a batch may meet; those of one category never overlap."""

    def __init__(self) -> None:
        self._intervals: defaultdict[int, list[tuple[datetime, datetime, int]]] = defaultdict(list)
        """By category: start, end, slot id; sorted."""

    def add(self, slot: TimeSlot) -> None:
        insort(self._intervals[slot.category.id], _entry(slot))

    def remove(self, slot: TimeSlot) -> None:
        if (entry := _entry(slot)) in self._intervals[slot.category.id]:
            self._intervals[slot.category.id].remove(entry)

    def is_free(self, category_id: int, starts_at: datetime, ends_at: datetime, *, but: int | None = None) -> bool:
        """Whether no slot but that one is in the way.

        As none overlaps another, only the last that starts before the end can be.
        """
        found = self._intervals[category_id]
        before = bisect_left(found, (ends_at,)) - 1
        if before >= 0 and found[before][2] == but:
            before -= 1
        return before < 0 or found[before][1] <= starts_at


def _entry(slot: TimeSlot) -> tuple[datetime, datetime, int]:
    return slot.starts_at, slot.ends_at, slot.id
