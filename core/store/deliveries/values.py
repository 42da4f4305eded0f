"""Deliveries as senders plan them and as workers have them, and the answers to their attempts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4, uuid5

import msgspec
from msgspec import Struct

from core.store.feed import FeedEvent

NAMESPACE = UUID("6f0bd4b1-6f0e-5f0a-9d0c-61c7bd5d9a3f")
ANSWER_CHARS_MAX = 500
"""Of an attempt's answer in short; what a sender keeps beyond it, it bounds itself."""


class NewDelivery(Struct, frozen=True):
    """One message to one receiver, about to be planned."""

    receiver: str
    """The key of an endpoint or of an address within its sender. Never the address itself: it stands in logs."""
    type: str
    """What it tells: the name of an event, or the kind of a mail."""
    data: Mapping[str, Any]
    """Ids and small facts. Personal data is joined when it is sent."""
    event: FeedEvent | None = None
    """What it follows from. Planned again from the same event, it has the same id."""
    booking_id: int | None = None
    """Deliveries with the same receiver and booking are sent in order; those without a booking in any."""
    key: str = ""
    """Tells apart what one event, or none, makes for one receiver. Without event and key, each has a new id."""
    once: bool = False
    """The key alone makes the id: whichever events say so, it is planned once."""
    due_at: datetime | None = None
    """Not before then; None: at once. What comes due by the clock has a key of its own and is made `once`."""

    def id_of(self, sender: str) -> UUID:
        """The stable id. The same news for the same receiver has the same one, whatever position it got."""
        if self.event is None and not self.key:
            return uuid4()
        event = None if self.once else self.event
        of_event = event and (event.command_id, event.type, event.booking_id, event.booking_version, event.data)
        return uuid5(NAMESPACE, msgspec.json.encode([sender, self.receiver, self.key, of_event]).decode())


class Delivery(Struct, frozen=True):
    """A due delivery, leased to one worker."""

    id: UUID
    sender: str
    receiver: str
    booking_id: int | None
    type: str
    epoch: str
    position: int | None
    """In the feed; None if it follows from no event."""
    data: dict[str, Any]
    attempts: int
    """This one included."""
    tried_since: datetime
    """When it was first tried, or first again after a replay."""
    created_at: datetime
    leased_at: datetime
    seq: int
    """The order in which they were planned."""


class DeliveryState(StrEnum):
    """Stable: in the database, in lists and in metrics."""

    WAITING = "waiting"
    SENT = "sent"
    PARKED = "parked"
    """Given up on until a person replays or drops it."""
    DROPPED = "dropped"


class Verdict(StrEnum):
    """What becomes of a delivery after an attempt."""

    SENT = "sent"
    AGAIN = "again"
    """Tried again later, for three days; then it is parked."""
    NEVER = "never"
    """Parked at once: trying again is of no use until a person has changed something."""
    DROPPED = "dropped"
    """Nobody wants it any more."""


class Answer(Struct, frozen=True):
    """How an attempt ended."""

    verdict: Verdict
    words: str
    """In short, for people: `204`, `no answer within 10 s`. Without personal data or secrets."""
    retry_after_s: float | None = None
    """The receiver asked not to be tried earlier. Not longer than the longest pause."""
    is_receivers_fault: bool = True
    """Whether a failure says something of its receiver: several in a row pause all that goes there."""
    detail: dict[str, Any] | None = None
    """Kept with the attempt; bounded by its sender, without secrets."""


def sent(words: str, detail: dict[str, Any] | None = None) -> Answer:
    return Answer(Verdict.SENT, words, detail=detail)


def try_again(
    words: str,
    *,
    retry_after_s: float | None = None,
    is_receivers_fault: bool = True,
    detail: dict[str, Any] | None = None,
) -> Answer:
    return Answer(Verdict.AGAIN, words, retry_after_s, is_receivers_fault, detail)


def never(words: str, detail: dict[str, Any] | None = None) -> Answer:
    return Answer(Verdict.NEVER, words, detail=detail)


def dropped(words: str) -> Answer:
    return Answer(Verdict.DROPPED, words)
