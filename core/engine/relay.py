"""The relay: gives committed events their place in the feed, then tells who listens."""

from __future__ import annotations

from collections.abc import Callable

from core.store.connections.database import Connection
from core.store.feed import Position, number_events


def relay(connection: Connection, tell: Callable[[Position], None], known: Position | None = None) -> bool:
    """Number what waits and tell the new head; True if there was something.

    The table is the truth: a lost message only makes readers slower. `known` is the furthest head that was
    ever published: a table that is behind it was restored (`number_events`).
    """
    head = number_events(connection, known)
    if head is None:
        return False
    tell(head)
    return True
