"""What is told of the feed's events: their messages as `/ws/admin/bookings/` sends them, and how far they reach."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import cast

from msgspec import Raw, Struct

from api.http.errors import Problem
from core.store.connections.database import AsyncConnection
from core.store.connections.pool import Pool
from core.store.feed import FeedEvent, Page, Position, read_snapshot
from core.store.feed_filter import FeedFilter, about_booking
from core.wire.contracts.admin_bookings import AdminBooking
from core.wire.feeds import BOOKING_WORDS, WEBHOOK_DISABLED, PositionText, WebhookTold
from core.wire.told_bookings import booking_told, read_bookings, webhook_told

POSITION_HEADER = "Holdfast-Position"
BEHIND_MAX = 20_000
"""Events that a caller may be behind, as on the socket: asking for everything anew is cheaper for both."""
SCANNED_AT_ONCE = 1_000
"""Events that are read at once and held against a filter."""


class BookingNews(Struct, frozen=True, kw_only=True):
    """A message of the socket. The three kinds of it are told apart for the description alone."""

    data: AdminBooking
    position: PositionText


class BookingCreatedTold(BookingNews, frozen=True, kw_only=True, tag_field="type", tag="booking_created"):
    """A booking was made."""


class BookingUpdatedTold(BookingNews, frozen=True, kw_only=True, tag_field="type", tag="booking_updated"):
    """A booking was changed."""


class BookingDeletedTold(BookingNews, frozen=True, kw_only=True, tag_field="type", tag="booking_deleted"):
    """A booking was deleted."""


EventTold = BookingCreatedTold | BookingUpdatedTold | BookingDeletedTold | WebhookTold


class EventList(Struct, frozen=True):
    events: list[EventTold]
    next: PositionText


class Told(Struct, frozen=True):
    """Messages as JSON, and the position up to which nothing else is to be told."""

    messages: Sequence[bytes]
    next: Position

    @property
    def body(self) -> EventList:
        return EventList(cast("list[EventTold]", [Raw(one) for one in self.messages]), str(self.next))


POSITION_GONE = (
    "Events after this position are no longer available: reload everything, then continue from the new position."
)


def gone(head: Position) -> Problem:
    """410: what the socket tells by `reload`."""
    return Problem(410, "position_gone", POSITION_GONE, headers={POSITION_HEADER: str(head)})


def chosen(events: Iterable[FeedEvent], wanted: FeedFilter) -> list[FeedEvent]:
    """Those about bookings that a filter lets through, and those that are told whatever it says."""
    return [
        event
        for event in events
        if event.type == WEBHOOK_DISABLED or (event.type in BOOKING_WORDS and wanted.matches(about_booking(event)))
    ]


async def messages_of(connection: AsyncConnection, events: Collection[FeedEvent], epoch: str) -> dict[int, bytes]:
    """By the event's number. Those whose booking is not kept any more have none."""
    bookings = await read_bookings(connection, {event.booking_id for event in events if event.booking_id is not None})
    about_bookings = {
        event.number: booking_told(event, bookings[event.booking_id], epoch)
        for event in events
        if event.booking_id in bookings
    }
    return about_bookings | {
        event.number: webhook_told(event, epoch) for event in events if event.type == WEBHOOK_DISABLED
    }


async def read_after(pool: Pool, after: Position, wanted: FeedFilter, limit: int) -> Told:
    """What is to be told after a position, up to `limit` messages or the feed's head. Raises Problem 410.

    The position moves on over events that the filter does not let through.
    """
    messages: list[bytes] = []
    position, is_first = after, True
    while True:
        async with pool.connection() as connection, connection.transaction():
            page = await read_snapshot(connection, position.number, _page_size(wanted, limit))
            _check_goes_on(page, position, BEHIND_MAX if is_first else None)
            events = chosen(page.events, wanted)[: limit - len(messages)]
            found = await messages_of(connection, events, position.epoch)
        messages += [found[event.number] for event in events if event.number in found]
        if len(messages) == limit:
            return Told(messages, Position(position.epoch, events[-1].number))
        if not page.events or page.events[-1].number >= page.head.number:
            return Told(messages, page.head)
        position, is_first = Position(position.epoch, page.events[-1].number), False


def _page_size(wanted: FeedFilter, limit: int) -> int:
    return limit if wanted == FeedFilter() else SCANNED_AT_ONCE


def _check_goes_on(page: Page, after: Position, behind_max: int | None) -> None:
    """Raise Problem 410 unless nothing is missing between a position and the page."""
    is_too_far = behind_max is not None and page.head.number - after.number > behind_max
    if page.head.epoch != after.epoch or is_too_far or not page.follows(after.number):
        raise gone(page.head)
