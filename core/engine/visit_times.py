"""When a batch with sampled commands did what: its worker makes spans of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from core.domain.commands import Envelope


class VisitTimes(Struct):
    """In nanoseconds since 1970."""

    began: int
    loaded: int
    decided: dict[UUID, tuple[int, int]] = {}
    """By sampled command: from when to when."""
    saved: int = 0
    """0 if it was not saved."""

    def note_decided(self, envelope: Envelope, began: int) -> None:
        if envelope.traceparent is not None:
            self.decided[envelope.id] = (began, time.time_ns())


def times_of(envelopes: Sequence[Envelope], began: int) -> VisitTimes | None:
    """Call it when the batch is loaded; None if none of it is sampled."""
    if all(one.traceparent is None for one in envelopes):
        return None
    return VisitTimes(began, time.time_ns())
