"""What a process remembers of lanes that failed, also when it reconnects. Bounded by the number of lanes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from core.domain.commands import EngineCommand
from core.store.save import Decided

REMEMBERED = 16
"""Commands of a lane that failed alone: more than one visit tries."""


class LaneFailures:
    def __init__(self) -> None:
        self._outages: set[int] = set()
        """Lanes whose last visit ended in an outage."""
        self._since: defaultdict[int, dict[UUID, float]] = defaultdict(dict)
        """By lane, when a command first failed alone through no fault of its own; until it is decided."""
        self._decided_at = float("-inf")
        self.cut_off: int | None = None
        """The notes' owner before it lost its connections in an outage: its old notes mean nothing."""

    def outage(self, lanes: Collection[int]) -> bool:
        """Record an outage; returns whether it is the first in a row for all of these lanes."""
        first = self._outages.isdisjoint(lanes)
        self._outages.update(lanes)
        return first

    def failed_alone(self, lane: int, id_: UUID) -> bool:
        """Record that a command did; returns whether it is the first time."""
        since = self._since[lane]
        if id_ in since:
            return False
        if len(since) >= REMEMBERED:
            del since[next(iter(since))]
        since[id_] = time.monotonic()
        return True

    def others_were_decided(self, lane: int, ids: Iterable[UUID]) -> bool:
        """In any lane, since the first of these failed. The engine's own commands do not count: they touch few tables."""
        since = self._since[lane]
        return self._decided_at > min((since[id_] for id_ in ids if id_ in since), default=float("inf"))

    def decided(self, lanes: Collection[int], decided: Sequence[Decided]) -> None:
        self._outages.difference_update(lanes)
        for lane in self._since.keys() & set(lanes) if self._since else ():
            for one in decided:
                self._since[lane].pop(one.envelope.id, None)
        if any(not isinstance(one.envelope.command, EngineCommand) for one in decided):
            self._decided_at = time.monotonic()
