"""A resource's time as a batch knows it: which claims touch an interval, and whose they are.

Both are asked and changed once a command, so neither may cost more the more the batch has placed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from operator import attrgetter

from core.domain.values import Claim, Holder

_NOTHING = timedelta(0)
_start = attrgetter("starts_at")


class Taken:
    """The claims on one resource, by their start."""

    def __init__(self, claims: Iterable[Claim] = ()) -> None:
        self._claims: list[Claim] = []
        self._holders: set[Holder] = set()
        self._longest = _NOTHING
        """No claim that touches an interval begins earlier than this before it."""
        for claim in claims:
            self.add(claim)

    def __iter__(self) -> Iterator[Claim]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def __copy__(self) -> Taken:
        twin = Taken()
        twin._claims, twin._holders, twin._longest = self._claims.copy(), self._holders.copy(), self._longest
        return twin

    def add(self, claim: Claim) -> None:
        insort(self._claims, claim, key=_start)
        self._holders.add(claim.holder)
        self._longest = max(self._longest, claim.ends_at - claim.starts_at)

    def give_back(self, holder: Holder) -> None:
        """All that this one has; nothing if it has nothing here."""
        if holder in self._holders:
            self._holders.remove(holder)
            self._claims = [claim for claim in self._claims if claim.holder != holder]

    def touching(self, starts_at: datetime, ends_at: datetime) -> list[Claim]:
        if not self._claims:
            return []
        first = bisect_right(self._claims, starts_at - self._longest, key=_start)
        last = bisect_left(self._claims, ends_at, lo=first, key=_start)
        return [claim for claim in self._claims[first:last] if claim.ends_at > starts_at]
