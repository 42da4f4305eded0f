"""What the engine has to know of one type of command; `core.domain.command_table` lists one handler for each.

A handler stands at the end of the module that holds its rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from msgspec import Struct

from core.domain.commands import Command, Envelope
from core.domain.events import Event
from core.domain.ids import Ids
from core.domain.needs import Needs
from core.domain.state import State
from core.domain.values import ResourceTime

C = TypeVar("C", bound=Command)


class AlsoLoaded(Enum):
    """What else is loaded with a command and only the database knows: it adds to the command's weight."""

    NOTHING = auto()
    PURCHASES = auto()
    """The rest of the purchases to which its bookings (`booking_id`, `booking_ids`) belong."""
    PURCHASE_PAID = auto()
    """The same for the booking that its `payment_id` pays for."""
    TIME_CLOSED = auto()
    """Claims and time slots within the time that is closed."""
    TIME_REOPENED = auto()
    """Time slots within the time that is reopened."""


def _no_times(_state: State, _command: Any) -> Iterable[ResourceTime]:
    return ()


def _weighs_one(_command: Any) -> int:
    return 1


class Handler(Struct, Generic[C], frozen=True):
    command: type[C]
    decide: Callable[[State, Envelope, C, datetime, Ids], tuple[Event, ...]]
    """The rule. Raises `Refused`; the last event is what the command is answered."""
    needs: Callable[[Needs, C], None]
    """Adds what has to be loaded before the command can be decided."""
    intervals: Callable[[State, C], Iterable[ResourceTime]] = _no_times
    """The times whose claims decide it. Asked when what it needs is loaded."""
    category_times: Callable[[State, C], Iterable[ResourceTime]] = _no_times
    """The times in which other time slots decide it: (category id, start, end)."""
    weight: Callable[[C], int] = _weighs_one
    """About how many bookings, claims or time slots a batch loads and writes for it."""
    also_loaded: AlsoLoaded = AlsoLoaded.NOTHING
