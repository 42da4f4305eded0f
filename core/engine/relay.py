"""The relay: numbers committed events, then publishes the feed's new head."""

from __future__ import annotations

from collections.abc import Callable

from core.store.connections.database import Connection
from core.store.feed import Position, number_events


def relay(connection: Connection, publish: Callable[[Position], None], known: Position | None = None) -> bool:
    """Number what waits and publish the new head; True if there was something.

    Readers read the table, so a lost message only makes them slower. `known` is the furthest head that was ever
    published: a table that is behind it was restored (`number_events`).
    """
    head = number_events(connection, known)
    if head is None:
        return False
    publish(head)
    return True
