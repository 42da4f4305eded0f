"""What a process remembers of lanes in trouble when it reconnects. Bounded by the number of lanes."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from core.domain.commands import EngineCommand
from core.store.save import Decided


class Troubles:
    def __init__(self) -> None:
        self._outages: set[int] = set()
        """Lanes whose last visit ended in an outage."""
        self._since: dict[int, float] = {}
        """By lane, when a command first failed there through no fault of its own; until one is decided there."""
        self._decided_at = float("-inf")
        self.cut_off: int | None = None
        """The notes' owner before it lost its connections in an outage: its old notes mean nothing."""

    def outage(self, lanes: Collection[int]) -> bool:
        """Record an outage; returns whether it is the first in a row for all of these lanes."""
        first = self._outages.isdisjoint(lanes)
        self._outages.update(lanes)
        return first

    def failed_alone(self, lane: int) -> bool:
        """Record that a command did; returns whether it is the first in a row."""
        first = lane not in self._since
        self._since.setdefault(lane, time.monotonic())
        return first

    def others_were_decided(self, lane: int) -> bool:
        """In other lanes, since this lane's trouble began. The engine's own commands do not count: they touch few tables."""
        return self._decided_at > self._since.get(lane, float("inf"))

    def decided(self, lanes: Collection[int], decided: Sequence[Decided]) -> None:
        self._outages.difference_update(lanes)
        for lane in lanes:
            self._since.pop(lane, None)
        if any(not isinstance(one.envelope.command, EngineCommand) for one in decided):
            self._decided_at = time.monotonic()
