"""A collection of intervals in which those that overlap another are found without a full scan."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

_SECOND = timedelta(seconds=1)
_start = attrgetter("starts_at")


class Interval(Protocol):
    @property
    def starts_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...


T = TypeVar("T", bound=Interval)


class IntervalIndex(Generic[T]):
    """One list, sorted by start, for each power of two of lengths.

    An interval that overlaps another starts at most its own length before it. In a single list, a closure
    of a year would make each search walk a year of bookings.
    """

    def __init__(self) -> None:
        self._by_length: dict[int, list[T]] = {}

    def __iter__(self) -> Iterator[T]:
        for found in self._by_length.values():
            yield from found

    def __len__(self) -> int:
        return sum(map(len, self._by_length.values()))

    def copy(self) -> IntervalIndex[T]:
        twin: IntervalIndex[T] = IntervalIndex()
        twin._by_length = {length: found.copy() for length, found in self._by_length.items()}
        return twin

    def add(self, one: T) -> None:
        insort(self._by_length.setdefault(_length(one), []), one, key=_start)

    def remove(self, one: T) -> None:
        found = self._by_length[_length(one)]
        place = bisect_left(found, one.starts_at, key=_start)
        while found[place] != one:
            place += 1
        del found[place]

    def touching(self, starts_at: datetime, ends_at: datetime) -> list[T]:
        """By start."""
        touching: list[T] = []
        for length, found in self._by_length.items():
            first = bisect_right(found, starts_at - _SECOND * (1 << length), key=_start)
            last = bisect_left(found, ends_at, lo=first, key=_start)
            touching += [one for one in found[first:last] if one.ends_at > starts_at]
        return sorted(touching, key=_start) if len(self._by_length) > 1 else touching


def _length(one: Interval) -> int:
    """The power of two, in seconds, that it is shorter than."""
    return ((one.ends_at - one.starts_at) // _SECOND).bit_length()
