"""Booking many rows in one command: every one of them, or none."""

from __future__ import annotations

from datetime import datetime

from core.domain.bookings.appointments import place
from core.domain.commands import Envelope, PlaceAll
from core.domain.events import Event
from core.domain.evolve import evolve
from core.domain.ids import Ids
from core.domain.refusals import CommandRefused, Refusal, Refused, RowRefused
from core.domain.state import State


def place_all(state: State, envelope: Envelope, command: PlaceAll, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """Each row sees what the ones before it would do; all that stand in the way are named, not only the first."""
    tried = state.fork()
    made: list[Event] = []
    refused: list[RowRefused] = []
    for row in command.rows:
        try:
            events = place(tried, envelope, row.place, now, ids)
        except Refused as problem:
            refused.append(RowRefused(row.row, problem.event))
            continue
        for event in events:
            evolve(tried, event)
        made += events
    if refused or command.refused:
        return (CommandRefused(Refusal.BATCH_REFUSED, rows=tuple(refused)),)
    return tuple(made)
