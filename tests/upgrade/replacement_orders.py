"""The orders in which one release replaces another, and what was measured meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import permutations

from msgspec import Struct

from tests.upgrade.caller import REFUSED
from tests.upgrade.fleet import Fleet, kind_of
from tests.upgrade.releases import Release
from tests.upgrade.traffic import MEASURED, Traffic

MIGRATE = "migrate"
GROUPS: dict[str, tuple[str, ...]] = {
    "api": ("api",),
    "workers": ("lanes", "payments", "sweeps", "beat"),
    "notifier": ("notifier",),
}
ORDERS = tuple(permutations((MIGRATE, *GROUPS)))
WHILE_SOMEBODY_WAITS = 200
"""Commands: those that wait must take no work from those that can do it."""


class Step(Struct, frozen=True):
    """One step of an order, and the longest silence of each kind during it."""

    what: str
    took_s: float
    silences_s: dict[str, float]
    refused: int
    """How many requests were answered 503."""

    @property
    def longest_s(self) -> float:
        return max(self.silences_s.values())

    def __str__(self) -> str:
        silences = ", ".join(f"{name} {seconds:.2f}" for name, seconds in self.silences_s.items())
        return f"{self.what:<56} {self.took_s:5.1f} s, longest silence {self.longest_s:5.2f} s ({silences})"


Told = Callable[[Step], object]


class Upgrade:
    """A fleet on its way from one release to another and back, with traffic that never stops."""

    def __init__(self, fleet: Fleet, traffic: Traffic, told: Told = lambda _: None) -> None:
        self._fleet, self._traffic, self._told = fleet, traffic, told
        self.steps: list[Step] = []

    def calm(self) -> None:
        with self._step("nothing"):
            self._traffic.until()

    def forward(self, order: Sequence[str], new: Release) -> None:
        for one in order:
            if one == MIGRATE:
                self._migrate(new)
            else:
                self.replace(GROUPS[one], new)
        assert not self._fleet.waiting, "somebody still waits for the database"

    def back(self, order: Sequence[str], old: Release) -> None:
        """Processes only: what migrations added stays."""
        for one in order:
            if one != MIGRATE:
                self.replace(GROUPS[one], old)

    def replace(self, kinds: Sequence[str], release: Release) -> None:
        """One place of each kind after another; where the release waits for the database, what is there serves on."""
        first, *others = self._fleet.waves_of(*kinds)
        if self._fleet.revision() < release.head:
            with self._step(f"{words_of(first)} wait to be {release.name}"):
                self._fleet.start_beside(first, release)
                self._traffic.until(WHILE_SOMEBODY_WAITS)
            return
        for wave in (first, *others):
            self._replace(wave, release)

    def _replace(self, wave: Sequence[str], release: Release) -> None:
        with self._step(f"{words_of(wave)} become {release.name}"):
            self._fleet.replace(wave, release)
            self._traffic.until()

    def too_long(self) -> list[str]:
        """Steps in which something was silent for longer than a process takes to start."""
        longest_s = max(self._fleet.all_starts_s)
        return [str(step) for step in self.steps if step.longest_s > longest_s]

    def _migrate(self, new: Release) -> None:
        with self._step(MIGRATE):
            new.migrate(self._fleet.environment())
            self._traffic.until()
        waited = list(self._fleet.waiting)
        if not waited:
            return
        with self._step(f"{words_of(waited)} take over"):
            self._fleet.let_take_over(waited)
            self._traffic.until()
        for wave in self._fleet.waves_of(*map(kind_of, waited))[1:]:
            self._replace(wave, new)

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        ended = time.monotonic()
        journal = self._traffic.journal
        silences = {name: journal.silence_s(name, began, ended) for name in MEASURED}
        step = Step(what, ended - began, silences, journal.marked(REFUSED, began, ended))
        self.steps.append(step)
        self._told(step)


def words_of(places: Sequence[str]) -> str:
    return " ".join(places)


def silences(steps: Sequence[Step]) -> dict[str, float]:
    """The longest of each kind."""
    return {name: max(step.silences_s[name] for step in steps) for name in MEASURED}
