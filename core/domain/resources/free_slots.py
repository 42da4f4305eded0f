"""Free slots: exactly the grid starts that `decide` would accept at this moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice, takewhile

from msgspec import Struct

from core.domain.resources.local_time import day_bounds, grid, local
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


def free_days(
    rules: Rules, resource: Resource, minutes: int, days: Sequence[date], claims: Sequence[Claim], now: datetime
) -> Iterator[tuple[date, int, int]]:
    """(day, bookings that begin on it, free slots) of consecutive local days."""
    booked = Counter(local(c.starts_at, resource.zone).date() for c in claims if c.booking_id is not None)
    taken = _InOrder(claims)
    for day in days:
        around = list(taken.touching(*day_bounds(day, resource.zone)))
        yield day, booked[day], len(free_slots(rules, resource, minutes, day, around, now))


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
