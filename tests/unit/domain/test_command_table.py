"""The tables of commands and events are complete: mypy does not compare the keys of a table with a union."""

from __future__ import annotations

from typing import get_args

from core.domain import events
from core.domain.command_table import HANDLERS
from core.domain.commands import Command
from core.domain.events import Event
from core.domain.evolve import CHANGES
from core.domain.marketplace.events import SessionEmptied
from core.domain.refusals import CommandRefused

CHANGE_NOTHING = {
    events.BookingUnchanged,
    events.SlotUnchanged,
    events.SlotAvailabilityChanged,
    events.WeeklyOffered,
    events.PaymentUnchanged,
    events.PaymentReady,
    CommandRefused,
    events.CommandDeferred,
    events.CommandStepped,
    events.NothingDue,
    events.CanaryHeard,
    SessionEmptied,
}
"""Answers and news: the state of a batch is the same after them."""


def test_every_command_has_one_handler() -> None:
    assert set(HANDLERS) == set(get_args(Command))
    assert all(handler.command is kind for kind, handler in HANDLERS.items())


def test_every_event_changes_the_state_or_is_known_to_change_nothing() -> None:
    assert set(CHANGES) | CHANGE_NOTHING == set(get_args(Event))
    assert set(CHANGES).isdisjoint(CHANGE_NOTHING)
