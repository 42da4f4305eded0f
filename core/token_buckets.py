"""Token buckets: how often somebody may do something, counted by one process for itself."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from msgspec import Struct


class Rate(Struct, frozen=True):
    """`burst` at once, and `per_s` a second in the long run."""

    burst: int
    per_s: float

    @property
    def full_after_s(self) -> float:
        """How long an empty bucket takes to fill up, and so how long it is remembered."""
        return self.burst / self.per_s


class Buckets:
    """A bucket for each caller. Those that are full again are forgotten, so memory is bounded by the rate."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        """By caller: how much was left, and when. The one that was not used for longest comes first."""

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, who: Hashable) -> float:
        """Take a token: 0.0 if there was one, else the seconds until there is one."""
        now = self._clock()
        self._forget(now)
        left, since = self._levels.pop(who, (float(self._rate.burst), now))
        left = min(self._rate.burst, left + (now - since) * self._rate.per_s)
        taken = left >= 1.0
        self._levels[who] = (left - 1.0 if taken else left, now)
        return 0.0 if taken else (1.0 - left) / self._rate.per_s

    def _forget(self, now: float) -> None:
        while self._levels:
            who, (_, since) = next(iter(self._levels.items()))
            if now - since < self._rate.full_after_s:
                return
            del self._levels[who]
