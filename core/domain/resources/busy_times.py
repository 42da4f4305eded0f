"""Busy times of other calendars as closures: which are to be made and which to be ended, so that both agree. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from msgspec import Struct

from core.domain.resources.local_time import Span


class PresentClosure(Struct, frozen=True):
    """A closure of the resource, as it is now."""

    id: int
    calendar_id: int | None
    """The calendar that it comes from; None for one that somebody made."""
    span: Span


class ClosureChanges(Struct, frozen=True):
    end: list[PresentClosure]
    make: list[tuple[int, Span]]
    """By calendar, in the order of their starts."""

    def __len__(self) -> int:
        return len(self.end) + len(self.make)


def closure_changes(wanted: Mapping[int, Sequence[Span]], present: Iterable[PresentClosure]) -> ClosureChanges:
    """`wanted` are the busy times by calendar. Closures of one resource may not overlap: those that somebody made come
    first, then the calendars in the order of their ids, and each closes what is left.

    A closure that lies within what its calendar wants stays: a time that grows is never open in between.
    """
    closures = list(present)
    taken = merged(one.span for one in closures if one.calendar_id is None)
    end: list[PresentClosure] = []
    make: list[tuple[int, Span]] = []
    for calendar_id in sorted({*wanted, *(one.calendar_id for one in closures if one.calendar_id is not None)}):
        own = [one for one in closures if one.calendar_id == calendar_id]
        left = subtract(merged(wanted.get(calendar_id, ())), taken)
        kept = [one for one in own if _lies_in(one.span, left)]
        end += [one for one in own if not _lies_in(one.span, left)]
        make += [(calendar_id, span) for span in subtract(left, merged(one.span for one in kept))]
        taken = merged([*taken, *left])
    return ClosureChanges(end, sorted(make, key=lambda one: one[1]))


def merged(spans: Iterable[Span]) -> list[Span]:
    """In their order; those that overlap or touch are one."""
    found: list[Span] = []
    for starts_at, ends_at in sorted(spans):
        if found and starts_at <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ends_at))
        else:
            found.append((starts_at, ends_at))
    return found


def subtract(spans: Sequence[Span], minus: Sequence[Span]) -> list[Span]:
    """What is left of `spans` without `minus`. Both are merged."""
    found: list[Span] = []
    first = 0
    for starts_at, ends_at in spans:
        begins = starts_at
        while first < len(minus) and minus[first][1] <= starts_at:
            first += 1
        at = first
        while at < len(minus) and minus[at][0] < ends_at:
            if begins < minus[at][0]:
                found.append((begins, minus[at][0]))
            begins = max(begins, minus[at][1])
            at += 1
        if begins < ends_at:
            found.append((begins, ends_at))
    return found


def _lies_in(span: Span, merged_spans: Sequence[Span]) -> bool:
    before = bisect_right(merged_spans, span[0], key=itemgetter(0))
    return before > 0 and span[1] <= merged_spans[before - 1][1]
