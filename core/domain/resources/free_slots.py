"""Free slots: exactly the grid starts that `decide` would accept at this moment."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice, takewhile

from msgspec import Struct

from core.domain.resources.local_time import MINUTE_US, SpanUs, at_us, day_us, grid
from core.domain.values import Claim, Resource, Rules


class Slot(Struct, frozen=True):
    """An interval offered. `at` is local to the resource."""

    at: time
    starts_at: datetime
    ends_at: datetime


def free_slots(
    rules: Rules, resource: Resource, minutes: int, day: date, claims: Sequence[Claim], now: datetime
) -> list[Slot]:
    """Free grid starts of a local day, in order. `claims` are the resource's on and around that day."""
    taken = _InOrder(claims)
    return [
        Slot(at, starts_at, ends_at)
        for at, starts_at, ends_at in grid(day, minutes, rules.hours, resource.zone)
        if not any(taken.touching(starts_at, ends_at)) and (rules.allow_past or starts_at > now)
    ]


class _InOrder:
    """Claims walked along once, by questions that move forward in time."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        self._claims = sorted(claims, key=lambda claim: claim.starts_at)
        self._ahead = 0
        """The first claim that may still matter: those before it are over."""

    def touching(self, starts_at: datetime, ends_at: datetime) -> Iterator[Claim]:
        """Those that overlap an interval, which begins no earlier than the one asked about before."""
        claims = self._claims
        while self._ahead < len(claims) and claims[self._ahead].ends_at <= starts_at:
            self._ahead += 1
        begun = takewhile(lambda claim: claim.starts_at < ends_at, islice(claims, self._ahead, None))
        return (claim for claim in begun if claim.ends_at > starts_at)


class Taken(Struct, frozen=True):
    """What is taken of a resource, in order. Two of one kind never overlap; a closure may lie over the others."""

    bookings: Sequence[SpanUs]
    sessions: Sequence[SpanUs] = ()
    closures: Sequence[SpanUs] = ()


def free_days(
    rules: Rules, resource: Resource, minutes: int, days: Sequence[date], taken: Taken, now_us: int
) -> Iterator[tuple[date, int, int]]:
    """(day, bookings that begin on it, free slots) of some days."""
    kinds = [_Apart(spans) for spans in (taken.bookings, taken.sessions, taken.closures)]
    for day in days:
        begins, ends, is_plain = day_us(day, resource.zone)
        busy = [span for kind in kinds for span in kind.touching(begins, ends)]
        booked = kinds[0].beginning(begins, ends)
        if rules.hours.is_off(day):
            yield day, booked, 0
        elif is_plain:
            yield day, booked, _count_free(rules, minutes, begins, busy, now_us)
        else:
            claims = [Claim(resource.id, at_us(starts), at_us(over), None) for starts, over in busy]
            yield day, booked, len(free_slots(rules, resource, minutes, day, claims, at_us(now_us)))


def _count_free(rules: Rules, minutes: int, begins: int, busy: Iterable[SpanUs], now_us: int) -> int:
    """How many slots of a day's grid are free, worked out from what is taken and not slot by slot."""
    opens, length = begins + rules.hours.opens_minute * MINUTE_US, minutes * MINUTE_US
    slots = (rules.hours.closes_minute - rules.hours.opens_minute) // minutes
    begun = 0 if rules.allow_past else max(0, (now_us - opens) // length + 1)
    free, next_slot = 0, min(begun, slots)
    for starts, ends in sorted(busy):
        first, beyond = (starts - opens) // length, -((opens - ends) // length)
        if first > next_slot:
            free += min(first, slots) - next_slot
        next_slot = max(next_slot, min(beyond, slots))
    return free + slots - next_slot


class _Apart:
    """Spans in order that do not overlap, so that their ends are in order too."""

    def __init__(self, spans: Sequence[SpanUs]) -> None:
        self._spans = spans
        self._starts = [starts for starts, _ in spans]
        self._ends = [ends for _, ends in spans]

    def touching(self, begins: int, ends: int) -> Sequence[SpanUs]:
        return self._spans[bisect_right(self._ends, begins) : bisect_left(self._starts, ends)]

    def beginning(self, begins: int, ends: int) -> int:
        """How many begin within it."""
        return bisect_left(self._starts, ends) - bisect_left(self._starts, begins)
