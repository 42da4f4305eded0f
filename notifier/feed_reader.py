"""Reads the feed from PostgreSQL, with what its messages need.

A page and what its events are about come from one REPEATABLE READ transaction, so that a
booking is never older than the event that tells of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from psycopg import IsolationLevel

from core.store.bookings.rows import read_newest_views
from core.store.connections.database import API_LIMITS, AsyncConnection, connect_async
from core.store.feed import FeedEvent, Position, read_head
from core.store.feed_filter import AboutBooking, about_booking
from core.store.inbox.bulk_status import read_counts
from core.store.inbox.outcomes import read_decided
from core.store.revision import check_schema_async
from core.wire.contracts.admin_bookings import admin_booking
from core.wire.contracts.bulk import BulkProgress, progress
from core.wire.feeds import BookingsTold, ProgressTold, SlotTold
from core.wire.outcomes import command_status
from core.wire.told_bookings import booking_told, read_bookings, webhook_told
from notifier import messages
from notifier.hub import Message
from notifier.news import Kind, News, news_of

Told = tuple[FeedEvent, News]


async def prepare(connection: AsyncConnection) -> None:
    """Set a connection up for reading; for the pool's and the source's own."""
    await connection.set_autocommit(True)
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    connection.prepare_threshold = 2


async def connect(database_url: str) -> AsyncConnection:
    connection = await connect_async(database_url, API_LIMITS, "holdfast notifier feed")
    await check_schema_async(connection)
    await prepare(connection)
    return connection


def wanted(events: Sequence[FeedEvent], wants: Callable[[str], bool]) -> list[Told]:
    """The news of these events that some subscriber wants."""
    return [(event, news) for event in events for news in news_of(event) if any(map(wants, news.audiences))]


def about(event: FeedEvent, news: News) -> AboutBooking | None:
    """What a filter is held against."""
    return about_booking(event) if news.kind is Kind.BOOKING else None


async def render(connection: AsyncConnection, epoch: str, told: Sequence[Told]) -> list[Message]:
    """Encode news, with one query for all bookings and one for all outcomes."""
    bookings = await read_bookings(
        connection, {e.booking_id for e, n in told if n.kind is Kind.BOOKING and e.booking_id}
    )
    counts = await _counts(connection, {e.command_id for e, n in told if n.kind is Kind.PROGRESS})
    latest = {e.command_id: e.number for e, n in told if n.kind is Kind.PROGRESS}
    outcomes = await _outcomes(connection, {e.command_id for e, n in told if n.kind is Kind.COMMAND})
    rendered = []
    for event, news in told:
        position = Position(epoch, event.number)
        if news.kind is Kind.BOOKING and event.booking_id in bookings:
            payload = booking_told(event, bookings[event.booking_id], epoch)
        elif news.kind is Kind.COMMAND and event.command_id in outcomes:
            payload = messages.finished(outcomes[event.command_id], position)
        elif news.kind is Kind.PROGRESS and event.number == latest[event.command_id] and event.command_id in counts:
            payload = messages.told(ProgressTold(data=counts[event.command_id], position=str(position)))
        elif news.kind is Kind.WEBHOOK:
            payload = webhook_told(event, epoch)
        elif news.slot is not None:
            slot, view = news.slot
            payload = messages.told(SlotTold(slot.type, slot.data(view), str(position)))
        else:
            continue  # not kept any more, or a later message says it better
        facts = about(event, news)
        rendered.append(Message(event.number, news.audiences, payload, news.left_out, event.traceparent, facts))
    return rendered


async def _outcomes(connection: AsyncConnection, ids: set[UUID]) -> dict[UUID, bytes]:
    if not ids:
        return {}
    return {record.id: command_status(record) for record in await read_decided(connection, list(ids))}


async def _counts(connection: AsyncConnection, ids: set[UUID]) -> dict[UUID, BulkProgress]:
    if not ids:
        return {}
    return {one.bulk.id: progress(one) for one in await read_counts(connection, list(ids))}


async def snapshot(connection: AsyncConnection, limit: int) -> tuple[Position, bytes]:
    """`bookings_data`, the newest `limit` bookings, and the position they are true at."""
    async with connection.transaction():
        head = await read_head(connection)
        views = await read_newest_views(connection, limit)
    bookings = [admin_booking(booking, user) for booking, user in views]
    return head, messages.told(BookingsTold(data=bookings, position=str(head)))
