"""The table of feeds: where they are, who may listen, and which events are for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import get_args

from msgspec import Struct

from core.identity.principals import Principal, PrincipalKind
from core.store.feed import FeedEvent
from core.store.feed_events import BULK_PROGRESS
from core.wire.feeds import (
    ADMIN_BOOKINGS,
    ALL_UNDERSTAND,
    CALENDAR,
    COMMANDS,
    BookingWord,
    FeedDescription,
    message_types_of,
)
from notifier.calendar import EVERYBODY, STAFF, AudienceView, Telling, telling
from notifier.calendar import owner_audience as calendar_owner

ADMIN = "admin"


class Kind(StrEnum):
    """How an event is told."""

    BOOKING = "booking"
    """By the event's own type, with the booking in the admin shape."""
    COMMAND = "command_finished"
    PROGRESS = "batch_progress"
    """How far a bulk is: of several such events that are told together, the last will do."""
    SLOT = "slot"
    """In the calendar's words, with the time slot as the event knows it."""


class News(Struct, frozen=True):
    """One telling of one event."""

    kind: Kind
    audiences: tuple[str, ...]
    but: str | None = None
    """An audience whose members hear it in another telling."""
    slot: tuple[Telling, AudienceView] | None = None


BOOKING_WORDS: Mapping[str, BookingWord] = {word: word for word in get_args(BookingWord)}


def news_of(event: FeedEvent) -> list[News]:
    """What is told of an event, and to whom. Canaries are told to nobody."""
    if event.type == "canary":
        return []
    if event.type == BULK_PROGRESS:
        return [News(Kind.PROGRESS, (owner_audience(event.owner or ""),))]
    news = []
    if event.type in BOOKING_WORDS:
        news.append(News(Kind.BOOKING, (ADMIN,)))
    if (told := telling(event)) is not None:
        news += [News(Kind.SLOT, audiences, but, (told, face)) for face, audiences, but in told.faces()]
    if event.is_final:
        by_id = command_audience(str(event.command_id))
        news.append(News(Kind.COMMAND, (by_id,) if event.owner is None else (by_id, owner_audience(event.owner))))
    return news


def owner_audience(owner: str) -> str:
    """`owner` as events carry it: `user:4` or `key:7`."""
    return f"owner:{owner}"


def command_audience(command_id: str) -> str:
    """Who holds this command's id and may see it."""
    return f"command:{command_id}"


class Feed(Struct, frozen=True):
    """A path that clients connect to."""

    words: FeedDescription
    """Its path, and what is said there."""
    public: bool
    """Whether strangers may listen; else they must say who they are before anything else."""
    allows: Callable[[Principal], bool]
    audiences: Callable[[Principal], set[str]]

    @property
    def requests(self) -> frozenset[str]:
        """Types of the messages that its clients may send."""
        return frozenset(word for kind in (*self.words.understands, *ALL_UNDERSTAND) for word in message_types_of(kind))


def _own(principal: Principal) -> set[str]:
    owner = principal.actor.owner
    return set() if owner is None else {owner_audience(owner)}


def _calendar(principal: Principal) -> set[str]:
    assert principal.user_id is not None  # noqa: S101 - only people are allowed in
    return {STAFF if principal.is_staff else EVERYBODY, calendar_owner(principal.user_id)}


def _known_as_staff(principal: Principal) -> bool:
    return principal.kind in {PrincipalKind.STAFF, PrincipalKind.SUPERUSER}


FEEDS = {
    feed.words.path: feed
    for feed in (
        Feed(ADMIN_BOOKINGS, False, _known_as_staff, lambda _: {ADMIN}),
        Feed(CALENDAR, False, lambda who: who.user_id is not None, _calendar),
        Feed(COMMANDS, True, lambda _: True, _own),
    )
}
"""By path without its trailing slash."""
