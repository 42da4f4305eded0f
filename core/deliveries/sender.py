"""What a sender is: it plans deliveries from the feed, and sends them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from typing import ClassVar

from msgspec import Struct

from core.store.connections.database import Connection
from core.store.deliveries.leases import RunLimits
from core.store.deliveries.values import Answer, Delivery, NewDelivery
from core.store.feed import FeedEvent, Position

Connections = Callable[[], AbstractContextManager[Connection]]
"""A connection for a moment. Nobody keeps one while the network is waited for."""


class Gap(Struct, frozen=True):
    """Events that a sender can plan no more: they were deleted before it came to them, or the feed began anew."""

    events: int
    """0 if the feed began anew and nothing is known to be missing."""
    why: str
    """`trimmed` or `new_epoch`."""
    position: Position
    """From where it goes on."""


class Sender(ABC):
    """One kind of messages that leave the house.

    A sender has something to do while it has a cursor: `core.store.deliveries.cursors.start_sender`, in the transaction
    that gives it its first endpoint or switches it on, and `stop_sender`. Without one it costs nothing.
    """

    name: ClassVar[str]
    """Stable: in rows, metrics and commands."""
    limits: RunLimits = RunLimits()
    """How much is taken at a time. A lease is longer than twice what `send` takes at worst, whatever the receiver does:
    nothing is begun in its second half."""
    threads: ClassVar[int] = 16
    """Of one worker that it may keep busy."""

    @abstractmethod
    def plan(self, connection: Connection, events: Sequence[FeedEvent]) -> list[NewDelivery]:
        """What follows from these events, in their order. In a transaction, with no effect beside what it returns.

        Quick, and the same whenever it is asked. What it raises stops this sender until it is mended, so that nothing
        is lost.
        """

    @abstractmethod
    def send(self, connections: Connections, delivery: Delivery) -> Answer:
        """Try once. On a thread of its own; whatever the receiver does, it returns well within a lease.

        What it raises counts as a failure of ours: it is tried again.
        """

    @contextmanager
    def sending(
        self,
        connections: Connections,
        deliveries: Sequence[Delivery],  # noqa: ARG002 - for those who read or connect once for all of them
    ) -> Iterator[Callable[[Delivery], Answer]]:
        """What sends each delivery of a run."""
        yield partial(self.send, connections)

    def happened(self, delivery: Delivery) -> datetime:
        """From when on its delay is measured: when what it tells happened, if a delivery says that."""
        return delivery.created_at

    def begin(self, connection: Connection) -> None:  # noqa: B027 - most are begun by whoever gives them something to do
        """When a worker starts: for a sender that a setting switches on or off."""

    def plan_gap(self, connection: Connection, gap: Gap) -> list[NewDelivery]:  # noqa: ARG002 - for those who tell their receivers
        """What tells the receivers that something is missing, as the feed says `reload`."""
        return []

    def reported(self, connection: Connection, delivery: Delivery, answer: Answer) -> None:  # noqa: B027 - most need nothing
        """In the transaction that writes the answer down, e.g. to count how long an endpoint has been failing."""
