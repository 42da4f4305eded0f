"""Work that is too large for one visit to a lane is done in steps, each a transaction of its own.

A step decides part of a command and leaves it in the inbox with how far it is; the last one answers
it. The first puts what the command is about out of everybody's reach, so that nothing is added to
what is left. A worker that dies between two steps leaves a command that any other goes on with.
"""

from __future__ import annotations

from msgspec import Struct

STEP_BOOKINGS = 30
"""Bookings loaded and changed by one step; a single purchase with more parts is taken whole. Less than what bulk may
have of a batch while people wait (`core.store.lanes`), so that other bulk goes on beside it."""


class Progress(Struct, frozen=True):
    """How far a command is that was begun and is not over."""

    done: int
    total: int
    """As it was counted at the beginning, or what is done, if that became more."""


class Step(Struct):
    """What one step of cancelling a session sees of it."""

    live: int = 0
    """Bookings to be cancelled, when the command was begun; not counted again."""
    more: bool = False
    """Some are left for the next step."""
