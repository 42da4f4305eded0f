"""Every type of command with its handler, and what follows from the table for a batch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import Any

from core.domain.bookings import all_or_nothing, appointments, changes, clock, holds, moves, rooms
from core.domain.command_handler import Handler
from core.domain.commands import Canary, Command, Envelope
from core.domain.events import CanaryHeard
from core.domain.ids import Ids
from core.domain.marketplace import rescheduling, sessions, verbs, waiting_list
from core.domain.marketplace.purchases import individual_sessions, packages, seats
from core.domain.needs import Needs
from core.domain.payments import accepted_holds, checkout, intent_reports, refund_reports
from core.domain.resources import closures
from core.domain.state import State
from core.domain.timeslots import slot_moves, timeslots
from core.domain.values import ResourceTime


def _canary(_state: State, _envelope: Envelope, _command: Canary, _now: datetime, _ids: Ids) -> tuple[CanaryHeard, ...]:
    return (CanaryHeard(),)


HANDLERS: Mapping[type[Command], Handler[Any]] = {
    handler.command: handler
    for handler in (
        *appointments.HANDLERS,
        *all_or_nothing.HANDLERS,
        *rooms.HANDLERS,
        *changes.HANDLERS,
        *moves.HANDLERS,
        *holds.HANDLERS,
        *clock.HANDLERS,
        *timeslots.HANDLERS,
        *slot_moves.HANDLERS,
        *closures.HANDLERS,
        *checkout.HANDLERS,
        *accepted_holds.HANDLERS,
        *intent_reports.HANDLERS,
        *refund_reports.HANDLERS,
        *individual_sessions.HANDLERS,
        *seats.HANDLERS,
        *packages.HANDLERS,
        *verbs.HANDLERS,
        *rescheduling.HANDLERS,
        *sessions.HANDLERS,
        *waiting_list.HANDLERS,
        Handler(Canary, _canary, needs=lambda _needs, _command: None),
    )
}

HEAVIEST = 32_000
"""The highest weight; the database keeps it in two bytes."""


def own_weight(command: Command) -> int:
    """What a command weighs, without what only the database knows (`AlsoLoaded`).

    A batch is bounded by weight, not by commands: two hundred people who buy a course of two hundred sessions are
    forty thousand bookings. The weight is written when the command is accepted (`core.store.inbox.acceptance`), so that a
    batch is cut without reading anything else.
    """
    return max(1, min(HANDLERS[type(command)].weight(command), HEAVIEST))


def needs_of(commands: Collection[Command]) -> Needs:
    """What to load first, for a batch of these commands."""
    needs = Needs()
    needs.market.commands = len(commands)
    for command in commands:
        HANDLERS[type(command)].needs(needs, command)
    return needs


def intervals_of(state: State, commands: Iterable[Command]) -> set[ResourceTime]:
    """What to load next: the times whose claims decide the commands, known from what was loaded first."""
    return set(chain.from_iterable(HANDLERS[type(command)].intervals(state, command) for command in commands))


def category_times_of(state: State, commands: Iterable[Command]) -> set[ResourceTime]:
    """(category id, start, end): the times in which other time slots decide the commands."""
    return set(chain.from_iterable(HANDLERS[type(command)].category_times(state, command) for command in commands))
