"""A command that is too large for one batch is decided in steps, each a transaction of its own.

A step decides part of a command and leaves it in the inbox with its progress; the last step answers
it. The first step closes what the command is about, so that nothing is added to the remaining work.
If a worker dies between two steps, another one continues.
"""

from __future__ import annotations

from msgspec import Struct

STEP_BOOKINGS = 30
"""Bookings loaded and changed by one step; a single purchase with more parts is taken whole. Less than bulk's
share of a batch while people wait (`core.store.inbox.lane_batches`), so that other bulk runs beside it."""


class Progress(Struct, frozen=True):
    """The progress of an unfinished command."""

    done: int
    total: int
    """As counted at the beginning, or more if `done` has exceeded that."""


class Step(Struct):
    """What one step of cancelling a session has loaded of it."""

    live: int = 0
    """How many bookings were to be cancelled when the command was begun; not counted again."""
    more: bool = False
    """Whether some are left for the next step."""
