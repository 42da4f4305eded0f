"""What the calendar is told of an event, and the faces it has: for everybody, for staff, for its owner.

Rendered from the event's own facts, once a face and not once a socket. A slot that is gone by
then is told as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import get_args

import msgspec
from msgspec import UNSET, Struct

from core.domain.bookings.status import KEEPS_SLOT
from core.store.feed import FeedEvent
from core.store.feed_events import SlotFacts
from core.wire.contracts.calendar import CategoryShown, ToldSlot
from core.wire.feeds import SlotWord
from core.wire.vocabulary import zulu

EVERYBODY = "calendar"
"""Whoever is signed in and not staff."""
STAFF = "calendar:staff"


class AudienceView(Enum):
    EVERYBODY = auto()
    STAFF = auto()
    OWNER = auto()


class Telling(Struct, frozen=True):
    """One event in the calendar's words."""

    type: SlotWord
    slot: SlotFacts
    booking_id: int | None

    def data(self, face: AudienceView) -> ToldSlot:
        """The slot; the booking's id only for its owner and staff."""
        slot = self.slot
        return ToldSlot(
            id=slot.id,
            category=CategoryShown(slot.category_id, slot.category),
            start_time=zulu(slot.starts_at),
            end_time=zulu(slot.ends_at),
            is_booked=slot.is_booked,
            booked_by_me=face is AudienceView.OWNER and slot.is_booked,
            booking_id=UNSET if face is AudienceView.EVERYBODY or self.booking_id is None else self.booking_id,
        )

    def faces(self) -> list[tuple[AudienceView, tuple[str, ...], str | None]]:
        """(face, audiences, whom of them it is not for): nobody is told twice."""
        if self.slot.user_id is None:
            return [(AudienceView.EVERYBODY, (EVERYBODY, STAFF), None)]
        owner = owner_audience(self.slot.user_id)
        return [
            (AudienceView.EVERYBODY, (EVERYBODY,), owner),
            (AudienceView.STAFF, (STAFF,), owner),
            (AudienceView.OWNER, (owner,), None),
        ]


def owner_audience(user_id: int) -> str:
    return f"calendar:user:{user_id}"


class _Facts(Struct):
    slot: SlotFacts | None = None
    was: str = ""


_decode = msgspec.json.Decoder(_Facts).decode


def telling(event: FeedEvent) -> Telling | None:
    """None for what is no news of the calendar."""
    if event.data is None or '"slot"' not in event.data:
        return None
    facts = _decode(event.data)
    if facts.slot is None or (type_ := _type(event.type, facts)) is None:
        return None
    return Telling(type_, facts.slot, event.booking_id)


_WORDS: Mapping[str, SlotWord] = {word: word for word in get_args(SlotWord)}


def _type(type_: str, facts: _Facts) -> SlotWord | None:
    """The calendar's word for it."""
    match type_:
        case "booking_created" | "timeslot_created" | "timeslot_updated" | "timeslot_deleted":
            return _WORDS[type_]
        case "booking_updated" if facts.was in KEEPS_SLOT and not (facts.slot and facts.slot.is_booked):
            return "booking_cancelled"
        case "booking_deleted" if facts.was in KEEPS_SLOT:
            return "booking_cancelled"
        case _:
            return None
