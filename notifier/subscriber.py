"""One client in the hub: what it listens to, how far it is, and what waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from core.store.feed_filter import AboutBooking, FeedFilter
from core.wire.close_codes import TOO_SLOW, CloseCode
from notifier.limits import Limits


class Subscriber:
    """Bounded in messages and bytes: the connection of a client that reads too slowly is ended, and may resume.

    `wake` is called when there is something to write, or to close.
    """

    __slots__ = ("_bytes", "_held", "_limits", "_queue", "_wake", "after", "audiences", "closing", "filter", "live")

    def __init__(self, audiences: Iterable[str], limits: Limits, wake: Callable[[], None]) -> None:
        self.audiences = set(audiences)
        self.after = 0
        """Events up to this number are not offered to it: it has them, or reads them itself."""
        self.live = False
        self.filter: FeedFilter | None = None
        """Which news of bookings it wants; None is all."""
        self.closing: CloseCode | None = None
        self._limits = limits
        self._wake = wake
        self._queue: deque[bytes] = deque()
        self._held: deque[bytes] | None = None
        self._bytes = 0

    def wants(self, about: AboutBooking | None) -> bool:
        """Whether its filter lets such news through; filters ask of bookings only."""
        return about is None or self.filter is None or self.filter.matches(about)

    def hold(self, after: int) -> None:
        """Hold news back until it has caught up."""
        self.after = after
        self.live = False
        self._held = deque()

    def go_live(self, after: int, *, keep_held: bool = True) -> None:
        held, self._held = self._held, None
        self.after = after
        self.live = True
        for payload in held or ():
            if keep_held:
                self._queue.append(payload)
            else:
                self._bytes -= len(payload)
        self._wake()

    def offer(self, number: int, payload: bytes) -> bool:
        """News of event `number`; False if it has that already (see `after`)."""
        if number <= self.after:
            return False
        self._append(self._queue if self._held is None else self._held, payload)
        return True

    def put(self, payload: bytes) -> None:
        """An answer, a replayed event or a snapshot: not held back."""
        self._append(self._queue, payload)

    def end(self, closing: CloseCode) -> None:
        """Close it once its queue is written; the first reason stays."""
        if self.closing is None:
            self.closing = closing
            self._wake()

    def cut(self, closing: CloseCode) -> None:
        """Close it without writing its queue: it may no longer have that, or does not read."""
        self._queue.clear()
        self._held = None
        self._bytes = 0
        self.end(closing)

    def take(self) -> bytes | None:
        """The next payload to write; None if there is none."""
        if not self._queue:
            return None
        payload = self._queue.popleft()
        self._bytes -= len(payload)
        return payload

    @property
    def is_empty(self) -> bool:
        return not self._queue

    def _append(self, queue: deque[bytes], payload: bytes) -> None:
        if self.closing is not None:
            return
        queue.append(payload)
        self._bytes += len(payload)
        waiting = len(self._queue) + len(self._held or ())
        if waiting > self._limits.queued_messages or self._bytes > self._limits.queued_bytes:
            self.cut(TOO_SLOW)  # it may resume from its last position
        else:
            self._wake()
