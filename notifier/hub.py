"""The hub: the subscribers by audience, and what is delivered to them. Pure: no I/O, no clock, no tasks.

The source announces how far it has read *before* it renders what it read, and decides at the same
moment, with no await between, what subscribers want of it. So a subscriber that joins meanwhile knows
where its own reading must end (`join`) and where live delivery takes over: no event is missed between
the two, and none comes twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from core.store.feed import Position
from core.store.feed_filter import AboutBooking
from notifier.subscriber import Subscriber

ONCE = "command:"
"""Begins the names of audiences that hear one message and then end."""


class Message(Struct, frozen=True):
    """One event, encoded once for all its receivers."""

    number: int
    audiences: tuple[str, ...]
    payload: bytes
    left_out: str | None = None
    """An audience whose members get another message instead."""
    traceparent: str | None = None
    """Of the sampled request that the event goes back to."""
    about: AboutBooking | None = None
    """What a subscriber's filter is held against; None if filters do not concern it."""


class Hub:
    """All subscribers of one notifier. `epoch` is empty until the feed was read for the first time."""

    def __init__(self) -> None:
        self.epoch = ""
        self.announced = 0
        """Events up to here are delivered or on their way; a subscriber that joins later reads them itself."""
        self.delivered = 0
        """The source reads on from here, even after it failed between announcing and delivering."""
        self._members: dict[str, dict[Subscriber, None]] = {}

    @property
    def head(self) -> Position:
        """Where a subscriber that joins now would begin."""
        return Position(self.epoch, self.announced)

    def position_of(self, subscriber: Subscriber) -> Position | None:
        """The position up to which a live subscriber was sent everything; None while it is catching up."""
        if not subscriber.live:
            return None
        return Position(self.epoch, max(subscriber.after, self.delivered))

    def wants(self, audience: str) -> bool:
        return audience in self._members

    def reset(self, epoch: str, head: int, reload: bytes) -> None:
        """The feed began anew or has a hole: no subscriber can go on from where it was."""
        self.epoch, self.announced, self.delivered = epoch, head, head
        for subscriber in {s for members in self._members.values() for s in members}:
            subscriber.go_live(after=head, keep_held=False)
            subscriber.put(reload)
            self._drop_if_ended(subscriber)

    def announce(self, number: int) -> None:
        """Call with no await after the last `wants` about events up to `number`."""
        self.announced = max(self.announced, number)

    def deliver(self, messages: Sequence[Message], number: int) -> None:
        """Deliver what was rendered of the events up to `number`, in order."""
        for message in messages:
            once = [audience for audience in message.audiences if audience.startswith(ONCE)]
            for subscriber in self._receivers(message):
                if not subscriber.wants(message.about):
                    continue
                if subscriber.offer(message.number, message.payload):
                    for audience in once:
                        self.unlisten(subscriber, audience)
                self._drop_if_ended(subscriber)
        self.delivered = max(self.delivered, number)

    def join(self, subscriber: Subscriber, number: int) -> int | None:
        """Add a subscriber that has everything up to `number`.

        Returns None if it is live. Otherwise news is held for it, and it must be given the events up
        to the returned number and then be `release`d.
        """
        for audience in subscriber.audiences:
            self._members.setdefault(audience, {})[subscriber] = None
        if number >= self.announced:
            subscriber.go_live(after=number)
            return None
        subscriber.hold(after=self.announced)
        return self.announced

    def release(self, subscriber: Subscriber) -> None:
        """Let a subscriber that has caught up have what was held for it."""
        subscriber.go_live(after=subscriber.after)

    def leave(self, subscriber: Subscriber) -> None:
        """Deliver nothing more to it; what is already in its queue stays there."""
        subscriber.live = False
        for audience in subscriber.audiences:
            self._leave_one(subscriber, audience)

    def listen(self, subscriber: Subscriber, audience: str) -> None:
        """Add an audience to a live subscriber."""
        subscriber.audiences.add(audience)
        self._members.setdefault(audience, {})[subscriber] = None

    def unlisten(self, subscriber: Subscriber, audience: str) -> None:
        subscriber.audiences.discard(audience)
        self._leave_one(subscriber, audience)

    def _receivers(self, message: Message) -> Iterable[Subscriber]:
        members = [self._members[audience] for audience in message.audiences if audience in self._members]
        found = tuple(members[0]) if len(members) == 1 else tuple({s: None for some in members for s in some})
        others = self._members.get(message.left_out or "")
        return found if not others else [subscriber for subscriber in found if subscriber not in others]

    def _drop_if_ended(self, subscriber: Subscriber) -> None:
        if subscriber.closing is not None:
            self.leave(subscriber)

    def _leave_one(self, subscriber: Subscriber, audience: str) -> None:
        members = self._members.get(audience)
        if members is not None:
            members.pop(subscriber, None)
            if not members:
                del self._members[audience]
