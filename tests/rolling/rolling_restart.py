"""One process after another ends and starts again in its place, and what clients notice meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator

from msgspec import Struct

from tests.support.clients.steady_bookings import Figures, SteadyBookings
from tests.upgrade.fleet import Fleet
from tests.upgrade.releases import NEW
from tests.upgrade.traffic import MEASURED, Traffic

SETTLES_S = 1.0
"""How long bookings are still counted to a step after its process serves again."""


class Step(Struct, frozen=True):
    """A stretch of time, and what clients noticed in it."""

    what: str
    """The place whose process was restarted."""
    figures: Figures
    silences_s: dict[str, float]
    """The longest time without progress, by what it was."""
    ended_s: float = 0.0
    """How long the process took to end."""
    started_s: float = 0.0
    """How long its next one took to serve."""
    exit_code: int = 0
    """-9 where it had to be killed, as it did not end by itself within its time."""

    @property
    def problems(self) -> list[str]:
        return [
            *([f"{self.what} ended with {self.exit_code} after {self.ended_s:.1f} s"] if self.exit_code else []),
            *([f"{self.what}: {self.figures}"] if self.figures.refused or self.figures.lost else []),
        ]

    def __str__(self) -> str:
        silences = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.silences_s.items())
        times = f"ends in {self.ended_s:4.1f} s, serves after {self.started_s:4.1f} s" if self.ended_s else ""
        return f"{self.what:<12} {times:<37} {self.figures}; silent at most, in s: {silences}"


class RollingRestart:
    def __init__(self, fleet: Fleet, traffic: Traffic, bookings: SteadyBookings) -> None:
        self._fleet, self._traffic, self._bookings = fleet, traffic, bookings

    def calm(self, seconds: float) -> Step:
        """To compare with."""
        began = time.monotonic()
        time.sleep(seconds)  # a stretch to measure, not a wait for anything
        return self._noticed("nothing", began)

    def restart_all(self) -> Iterator[Step]:
        """Each place in the order of the fleet. Where only one of a kind runs, nobody does its work meanwhile."""
        for place in list(self._fleet.places):
            yield self._restart(place)

    def _restart(self, place: str) -> Step:
        began = time.monotonic()
        before = self._fleet.places[place]
        code = before.server.terminate()
        ended_s = time.monotonic() - began
        self._fleet.places[place] = after = self._fleet.run(NEW, place)
        self._fleet.wait_serving(after)
        self._traffic.until()
        time.sleep(SETTLES_S)  # a stretch to measure
        noticed = self._noticed(place, began)
        return Step(
            place,
            noticed.figures,
            noticed.silences_s,
            ended_s=ended_s,
            started_s=after.start_s or 0.0,
            exit_code=code,
        )

    def _noticed(self, what: str, began: float) -> Step:
        ended = time.monotonic()
        silences = {name: self._traffic.journal.silence_s(name, began, ended) for name in MEASURED}
        return Step(what, self._bookings.figures(began, ended), silences)
