"""Time slots side by side: whether an interval is free of others of its category."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from core.domain.interval_index import IntervalIndex
from core.domain.values import TimeSlot


class Timetable:
    """The slots of each category that a batch may meet; those of one category never overlap."""

    def __init__(self) -> None:
        self._intervals: defaultdict[int, list[tuple[datetime, datetime, int]]] = defaultdict(list)
        """By category: start, end, slot id; sorted."""

    def add(self, slot: TimeSlot) -> None:
        insort(self._intervals[slot.category.id], _entry(slot))

    def remove(self, slot: TimeSlot) -> None:
        found, entry = self._intervals[slot.category.id], _entry(slot)
        place = bisect_left(found, entry)
        if place < len(found) and found[place] == entry:
            del found[place]

    def is_free(self, category_id: int, starts_at: datetime, ends_at: datetime, *, but: int | None = None) -> bool:
        """Whether no slot but that one is in the way.

        As none overlaps another, only the last that starts before the end can be.
        """
        found = self._intervals[category_id]
        before = bisect_left(found, (ends_at,)) - 1
        if before >= 0 and found[before][2] == but:
            before -= 1
        return before < 0 or found[before][1] <= starts_at


class SlotsByResource:
    """Slots by id, and by resource and time. Those of several categories may overlap."""

    def __init__(self) -> None:
        self._slots: dict[int, TimeSlot] = {}
        self._by_time: defaultdict[int, IntervalIndex[TimeSlot]] = defaultdict(IntervalIndex)

    def __bool__(self) -> bool:
        return bool(self._slots)

    def __iter__(self) -> Iterator[TimeSlot]:
        return iter(self._slots.values())

    def add(self, slot: TimeSlot) -> None:
        """Add a slot, or replace it with its new version."""
        self.remove(slot.id)
        self._slots[slot.id] = slot
        self._by_time[slot.category.resource.id].add(slot)

    def remove(self, slot_id: int) -> None:
        if (slot := self._slots.pop(slot_id, None)) is not None:
            self._by_time[slot.category.resource.id].remove(slot)

    def touching(self, resource_id: int, starts_at: datetime, ends_at: datetime) -> Iterable[TimeSlot]:
        found = self._by_time.get(resource_id)
        return found.touching(starts_at, ends_at) if found else ()


def _entry(slot: TimeSlot) -> tuple[datetime, datetime, int]:
    return slot.starts_at, slot.ends_at, slot.id
