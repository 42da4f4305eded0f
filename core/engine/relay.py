"""The relay: gives committed events their place in the feed, then tells who listens."""

from __future__ import annotations

from collections.abc import Callable

from core.store.database import Connection
from core.store.feed import number_events


def relay(connection: Connection, tell: Callable[[str], None]) -> bool:
    """Number what waits and tell the new head; True if there was something.

    The table is the truth: a telling that gets lost only makes readers slower.
    """
    head = number_events(connection)
    if head is None:
        return False
    tell(str(head))
    return True
