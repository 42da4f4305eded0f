"""A resource's time as a batch knows it: which claims touch an interval, and whose they are.

Both are asked and changed once a command, so neither may cost more the more the batch has placed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from core.domain.interval_index import IntervalIndex
from core.domain.values import Claim, Holder


class ClaimIndex:
    """The claims on one resource."""

    def __init__(self, claims: Iterable[Claim] = ()) -> None:
        self._claims: IntervalIndex[Claim] = IntervalIndex()
        self._by_holder: dict[Holder, list[Claim]] = {}
        for claim in claims:
            self.add(claim)

    def __iter__(self) -> Iterator[Claim]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def __copy__(self) -> ClaimIndex:
        twin = ClaimIndex()
        twin._claims = self._claims.copy()
        twin._by_holder = {holder: claims.copy() for holder, claims in self._by_holder.items()}
        return twin

    def add(self, claim: Claim) -> None:
        self._claims.add(claim)
        self._by_holder.setdefault(claim.holder, []).append(claim)

    def of(self, holder: Holder) -> Sequence[Claim]:
        """The claims of this holder."""
        return self._by_holder.get(holder, ())

    def give_back(self, holder: Holder) -> None:
        """All that this one has; nothing if it has nothing here."""
        for claim in self._by_holder.pop(holder, ()):
            self._claims.remove(claim)

    def touching(self, starts_at: datetime, ends_at: datetime) -> list[Claim]:
        """By start."""
        return self._claims.touching(starts_at, ends_at)
