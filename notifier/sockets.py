"""Connections, and how many of them there may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from msgspec import Struct
from websockets.asyncio.server import ServerConnection

from core.access import Principal
from core.store.feed import Position
from notifier.feeds import Feed
from notifier.limits import Limits


class Visit(Struct, frozen=True):
    """What a handshake established."""

    feed: Feed
    principal: Principal
    address: str
    last_position: str | None
    """As asked for in the query; None if it was not."""
    start: Position
    """The feed's head when it came: later news is for it."""


class Socket(ServerConnection):
    """A connection that knows who visits, and says when it is lost, whatever became of it."""

    visit: Visit | None = None
    on_lost: Callable[[], None] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()


class Places:
    """Counts connections, overall and by address."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_address: Counter[str] = Counter()
        self._all = 0

    def is_full(self) -> bool:
        return self._all >= self._limits.connections

    def is_full_for(self, address: str) -> bool:
        return self._by_address[address] >= self._limits.connections_per_address

    def take(self, socket: Socket, address: str) -> None:
        """Until the socket is lost."""
        self._all += 1
        self._by_address[address] += 1
        socket.on_lost = lambda: self._give_back(address)

    def _give_back(self, address: str) -> None:
        self._all -= 1
        self._by_address[address] -= 1
        if self._by_address[address] == 0:
            del self._by_address[address]
