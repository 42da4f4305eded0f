"""Decides commands as if it were now, one after another, and keeps nothing of it."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.commands import Envelope
from core.domain.decide import decide
from core.domain.evolve import evolve
from core.domain.values import Policy
from core.engine.fresh_ids import made_up_ids
from core.store.connections.database import connect_lane
from core.store.inbox.outcomes import Outcome
from core.store.load import Loaded, load
from core.wire.outcomes import render


class DryRun:
    """Decides as a lane would, on what was loaded; ids are made up."""

    def __init__(self, loaded: Loaded) -> None:
        self._state = loaded.state
        self._now = loaded.now
        self._ids = made_up_ids()

    def decide(self, envelope: Envelope) -> Outcome:
        events = decide(self._state, envelope, self._now, self._ids)
        for event in events:
            evolve(self._state, event)
        return render(envelope, events, self._state)


def prepare(database_url: str, envelopes: Sequence[Envelope], policy: Policy) -> DryRun:
    """Load what these commands touch at one moment; blocks. The locks of loading are released at once."""
    with connect_lane(database_url, "holdfast dry run") as connection, connection.transaction(force_rollback=True):
        return DryRun(load(connection, envelopes, policy, with_ids=False))
