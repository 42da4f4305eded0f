"""The news of an event: in which words it is told, and to which audiences.

The calendar is told in words of its own. Its messages are rendered from the event's own facts, once a
view and not once a socket, so a slot that is gone by then is told as it was.
"""

from __future__ import annotations

from enum import Enum, auto

import msgspec
from msgspec import UNSET, Struct

from core.domain.bookings.status import KEEPS_SLOT
from core.store.feed import FeedEvent
from core.store.feed_events import BULK_PROGRESS, SlotFacts
from core.wire.contracts.calendar import CategoryShown, ToldSlot
from core.wire.feeds import BOOKING_WORDS, SLOT_WORDS, WEBHOOK_DISABLED, SlotWord
from core.wire.vocabulary import zulu
from notifier.feeds import ADMIN, CALENDAR_STAFF, CALENDAR_USERS, calendar_audience, command_audience, owner_audience


class Kind(Enum):
    """The form in which an event is told."""

    BOOKING = auto()
    """By the event's own type, with the booking in the admin shape."""
    COMMAND = auto()
    """A command that is decided."""
    PROGRESS = auto()
    """How far a bulk is: of several such events that are told together, the last will do."""
    WEBHOOK = auto()
    """An endpoint of webhooks was disabled."""
    SLOT = auto()
    """In the calendar's words, with the time slot as the event knows it."""


class AudienceView(Enum):
    """How much of a slot is shown."""

    EVERYBODY = auto()
    STAFF = auto()
    OWNER = auto()


class SlotNews(Struct, frozen=True):
    """An event in the calendar's words."""

    type: SlotWord
    slot: SlotFacts
    booking_id: int | None

    def data(self, view: AudienceView) -> ToldSlot:
        """The slot; the booking's id only for its owner and staff."""
        slot = self.slot
        return ToldSlot(
            id=slot.id,
            category=CategoryShown(slot.category_id, slot.category),
            start_time=zulu(slot.starts_at),
            end_time=zulu(slot.ends_at),
            is_booked=slot.is_booked,
            booked_by_me=view is AudienceView.OWNER and slot.is_booked,
            booking_id=UNSET if view is AudienceView.EVERYBODY or self.booking_id is None else self.booking_id,
        )

    def views(self) -> list[tuple[AudienceView, tuple[str, ...], str | None]]:
        """Each view with its audiences and the audience left out, so that nobody is told twice."""
        if self.slot.user_id is None:
            return [(AudienceView.EVERYBODY, (CALENDAR_USERS, CALENDAR_STAFF), None)]
        owner = calendar_audience(self.slot.user_id)
        return [
            (AudienceView.EVERYBODY, (CALENDAR_USERS,), owner),
            (AudienceView.STAFF, (CALENDAR_STAFF,), owner),
            (AudienceView.OWNER, (owner,), None),
        ]


class News(Struct, frozen=True):
    """One message that an event leads to."""

    kind: Kind
    audiences: tuple[str, ...]
    left_out: str | None = None
    """An audience whose members get another message instead."""
    slot: tuple[SlotNews, AudienceView] | None = None


def news_of(event: FeedEvent) -> list[News]:
    """The messages that an event leads to. A canary leads to none."""
    if event.type == "canary":
        return []
    if event.type == BULK_PROGRESS:
        return [News(Kind.PROGRESS, (owner_audience(event.owner or ""),))]
    if event.type == WEBHOOK_DISABLED:
        return [News(Kind.WEBHOOK, (ADMIN,))]
    news = []
    if event.type in BOOKING_WORDS:
        news.append(News(Kind.BOOKING, (ADMIN,)))
    if (slot := slot_news(event)) is not None:
        news += [News(Kind.SLOT, audiences, left_out, (slot, view)) for view, audiences, left_out in slot.views()]
    if event.is_final:
        by_id = command_audience(str(event.command_id))
        news.append(News(Kind.COMMAND, (by_id,) if event.owner is None else (by_id, owner_audience(event.owner))))
    return news


class _Facts(Struct):
    slot: SlotFacts | None = None
    was: str = ""
    takes_slot: bool = False
    """Its booking went to this slot from another one."""


_decode = msgspec.json.Decoder(_Facts).decode


def slot_news(event: FeedEvent) -> SlotNews | None:
    """None if the calendar is not told of this event."""
    if event.data is None or '"slot"' not in event.data:
        return None
    facts = _decode(event.data)
    if facts.slot is None or (word := _word(event.type, facts)) is None:
        return None
    return SlotNews(word, facts.slot, event.booking_id)


def _word(type_: str, facts: _Facts) -> SlotWord | None:
    """The calendar's word for an event."""
    match type_:
        case "booking_created" | "timeslot_created" | "timeslot_updated" | "timeslot_deleted":
            return SLOT_WORDS[type_]
        case "booking_updated" if facts.takes_slot:
            return "timeslot_updated"
        case "booking_updated" if facts.was in KEEPS_SLOT and not (facts.slot and facts.slot.is_booked):
            return "booking_cancelled"
        case "booking_deleted" if facts.was in KEEPS_SLOT:
            return "booking_cancelled"
        case _:
            return None
