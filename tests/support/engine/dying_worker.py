"""A worker that one command kills: `python -m tests.support.engine.dying_worker DATABASE_URL COMMAND_ID`.

Visits lane 0 until nothing waits and ends with 0; deciding that command, it dies on the spot,
without a word to anybody, as a segfault or the kernel's OOM killer would have it.
"""

from __future__ import annotations

import os
import sys
from typing import Any
from uuid import UUID

from core.domain import decide as deciding
from core.domain.values import Policy
from core.engine import lane
from core.engine.lane import Lanes
from core.store.connections.database import connect_lane
from core.store.inbox.lane_notes import LaneNotes

DEATH = 9


def main(url: str, deadly: UUID) -> None:
    def decide(state: Any, envelope: Any, now: Any, ids: Any) -> Any:
        if envelope.id == deadly:
            os._exit(DEATH)
        return deciding.decide(state, envelope, now, ids)

    setattr(lane, "decide", decide)  # noqa: B010 - a name that `lane` only imports
    notes = LaneNotes(connect_lane(url, "mortal note"))
    connection = connect_lane(url, "mortal")
    lanes = Lanes(connection, notes, Policy(allow_past=True))
    while lanes.visit([0]).more:
        pass
    notes.close()
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1], UUID(sys.argv[2]))
