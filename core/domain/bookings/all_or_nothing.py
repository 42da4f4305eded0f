"""Booking many rows in one command: every one of them, or none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from core.domain.bookings.appointments import place, place_intervals, place_needs
from core.domain.command_handler import Handler
from core.domain.commands import Envelope, PlaceAll
from core.domain.events import Event
from core.domain.evolve import evolve
from core.domain.ids import Ids
from core.domain.needs import Needs
from core.domain.refusals import CommandRefused, Refusal, Refused, RowRefused
from core.domain.state import State
from core.domain.values import ResourceTime


def place_all(state: State, envelope: Envelope, command: PlaceAll, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """Each row sees what the rows before it would do. All rows that cannot be booked are named, not only the first."""
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


def _needs(needs: Needs, command: PlaceAll) -> None:
    for row in command.rows:
        place_needs(needs, row.place)


def _intervals(state: State, command: PlaceAll) -> Iterator[ResourceTime]:
    for row in command.rows:
        yield from place_intervals(state, row.place)


HANDLERS = (Handler(PlaceAll, place_all, _needs, _intervals, weight=lambda command: len(command.rows)),)
