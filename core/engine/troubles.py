"""What one process remembers of lanes in trouble, over its connections. Bounded by the number of lanes."""

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
        """When the first command of a lane failed by no fault of its own, and none has been decided there since."""
        self._decided_at = float("-inf")
        self.cut_off: int | None = None
        """Whose notes mean nothing: the owner's, before it lost its connections in an outage."""

    def outage(self, lanes: Collection[int]) -> bool:
        """Note it; whether it is the first in a row for all of them."""
        first = self._outages.isdisjoint(lanes)
        self._outages.update(lanes)
        return first

    def failed_alone(self, lane: int) -> bool:
        """Note that a command did; whether it is the first in a row."""
        first = lane not in self._since
        self._since.setdefault(lane, time.monotonic())
        return first

    def others_were_decided(self, lane: int) -> bool:
        """Elsewhere, since the lane's trouble began. The engine's own commands prove little: they touch few tables."""
        return self._decided_at > self._since.get(lane, float("inf"))

    def decided(self, lanes: Collection[int], decided: Sequence[Decided]) -> None:
        self._outages.difference_update(lanes)
        for lane in lanes:
            self._since.pop(lane, None)
        if any(not isinstance(one.envelope.command, EngineCommand) for one in decided):
            self._decided_at = time.monotonic()
