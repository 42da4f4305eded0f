"""When a delivery is tried again: growing pauses with jitter over three days, then it is parked. Pure.

A pause is as long as the time since the first attempt, so that time doubles with each: 5 s, 5 s, 10 s, 20 s, up to
half a day. A receiver that failed several times in a row pauses as a whole, and one delivery at a time tries it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from core.store.deliveries.leases import FAILURES_MAX
from core.store.deliveries.reports import Failed, Next

JITTER = 0.2
"""A pause is up to this part shorter, so that what failed together does not return together."""


class Pauses(Struct, frozen=True):
    """How long is waited. The usual values but in tests."""

    tried_for_s: float = 3 * 86_400.0
    """From the first attempt to the last."""
    first_s: float = 5.0
    longest_s: float = 43_200.0
    receiver_first_s: float = 2.0
    receiver_longest_s: float = 900.0

    def scaled(self, tried_for_s: float) -> Pauses:
        """The same in another time."""
        ratio = tried_for_s / self.tried_for_s
        return Pauses(
            tried_for_s,
            self.first_s * ratio,
            self.longest_s * ratio,
            self.receiver_first_s * ratio,
            self.receiver_longest_s * ratio,
        )


PAUSES = Pauses()


def after_failure(failed: Failed, pauses: Pauses, chance: float, asked_s: float | None = None) -> Next:
    """What comes after a failed attempt. `chance` is from 0 to 1; `asked_s` is what the receiver asked for."""
    return Next(
        _next_try(failed, pauses, chance, asked_s), _receiver_pause(failed, pauses, chance), _too_old(failed, pauses)
    )


def _next_try(failed: Failed, pauses: Pauses, chance: float, asked_s: float | None) -> datetime | None:
    tried = failed.now - failed.tried_since
    left = timedelta(seconds=pauses.tried_for_s) - tried  # whole microseconds: less than one would be no pause
    if left <= timedelta():
        return None
    pause_s = _shortened(min(max(tried.total_seconds(), pauses.first_s), pauses.longest_s), chance)
    if asked_s is not None:
        pause_s = max(pause_s, min(asked_s, pauses.longest_s))
    return failed.now + min(timedelta(seconds=pause_s), left)  # the last attempt is at the very end


def _receiver_pause(failed: Failed, pauses: Pauses, chance: float) -> datetime | None:
    over = failed.failures - FAILURES_MAX
    if over < 0:
        return None
    pause_s = min(pauses.receiver_first_s * 2.0 ** min(over, 32), pauses.receiver_longest_s)
    return failed.now + timedelta(seconds=_shortened(pause_s, chance))


def _too_old(failed: Failed, pauses: Pauses) -> datetime | None:
    before = failed.now - timedelta(seconds=pauses.tried_for_s)
    return before if failed.failing_since <= before else None


def _shortened(pause_s: float, chance: float) -> float:
    return pause_s * (1 - JITTER * chance)
