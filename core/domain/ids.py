"""Fresh ids for a rule. The engine takes them from database sequences and a source of random numbers."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from msgspec import Struct


class Ids(Struct, frozen=True):
    booking: Callable[[], int]
    user: Callable[[], int]
    slot: Callable[[], int]
    closure: Callable[[], int]
    session: Callable[[], int]
    waiting: Callable[[], int]
    uuid: Callable[[], UUID]
