"""Reads the feed, and what its events need to be told, from PostgreSQL.

A page and what its events are about come from one REPEATABLE READ transaction, so that a
booking is never older than the event that tells of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection, IsolationLevel

from core.store.bookings.rows import SQL_NEWEST_VIEWS, SQL_VIEWS_BY_ID, view_of
from core.store.connections.database import API_LIMITS, connect_async
from core.store.feed import SQL_AFTER, SQL_HEAD, SQL_RENEW_OF, SQL_SETTLE, FeedEvent, Position, feed_event
from core.store.inbox.bulk_status import read_counts
from core.store.inbox.outcomes import CommandRecord
from core.store.revision import check_schema_async
from core.wire.contracts.admin_bookings import AdminBooking, admin_booking
from core.wire.contracts.bulk import BulkProgress, progress
from core.wire.feeds import BookingsTold, BookingTold, ProgressTold, SlotTold
from core.wire.outcomes import command_status
from notifier import messages
from notifier.feeds import BOOKING_WORDS, Kind, News, news_of
from notifier.hub import Message

Connection = AsyncConnection[Any]

SQL_RECORDS = """
SELECT id, type, owner, accepted_at, decided_at, status, http_status, response::text
FROM outcome WHERE id = ANY(%s::uuid[])
"""
"""Decided commands as `CommandRecord`s."""

Told = tuple[FeedEvent, News]


class Page(Struct, frozen=True):
    """Events after a position, at most as many as were asked for, and where the feed was then."""

    head: Position
    events: list[FeedEvent]

    def follows(self, number: int) -> bool:
        """Whether nothing is missing after `number`. Positions are dense: a jump is trimmed history."""
        if not self.events:
            return number == self.head.number
        numbers = [event.number for event in self.events]
        return numbers == list(range(number + 1, number + 1 + len(numbers)))


async def prepare(connection: Connection) -> None:
    """How our connections read; for the pool and for the source's own."""
    await connection.set_autocommit(True)
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    connection.prepare_threshold = 2


async def connect(database_url: str) -> Connection:
    connection = await connect_async(database_url, API_LIMITS, "holdfast notifier feed")
    await check_schema_async(connection)
    await prepare(connection)
    return connection


async def read_head(connection: Connection) -> Position:
    row = await (await connection.execute(SQL_HEAD)).fetchone()
    if row is None:
        raise LookupError("There is no feed row: run the migrate command first.")
    return Position(*row)


async def settle_epoch(connection: Connection, known: Position, last: FeedEvent | None) -> None:
    """A new epoch if the database was restored: its origin changed, it is behind what we have sent, or it has
    another event in place of the last one that we sent.
    """
    await connection.execute(SQL_SETTLE, {"epoch": known.epoch, "number": known.number})
    if last is not None:
        present = await read_event(connection, last.number)
        if present is not None and present.command_id != last.command_id:
            await begin_epoch_after(connection, known.epoch)


async def begin_epoch_after(connection: Connection, epoch: str) -> None:
    """Begin a new epoch, as the history of this one has changed. Only the first call has an effect."""
    await connection.execute(SQL_RENEW_OF, {"epoch": epoch})


async def read_event(connection: Connection, number: int) -> FeedEvent | None:
    """None if it is trimmed or never existed."""
    row = await (await connection.execute(SQL_AFTER, {"after": number - 1, "limit": 1})).fetchone()
    found = feed_event(row) if row else None
    return found if found is not None and found.number == number else None


async def read_page(connection: Connection, after: int, limit: int) -> Page:
    """To be called in a transaction of its reader."""
    head = await read_head(connection)
    if head.number <= after:
        return Page(head, [])
    rows = await (await connection.execute(SQL_AFTER, {"after": after, "limit": limit})).fetchall()
    return Page(head, [feed_event(row) for row in rows])


def wanted(events: Sequence[FeedEvent], wants: Callable[[str], bool]) -> list[Told]:
    """What of these events somebody wants to be told."""
    return [(event, news) for event in events for news in news_of(event) if any(map(wants, news.audiences))]


async def render(connection: Connection, epoch: str, told: Sequence[Told]) -> list[Message]:
    """Encode news, with one query for all bookings and one for all outcomes."""
    bookings = await _bookings(connection, {e.booking_id for e, n in told if n.kind is Kind.BOOKING and e.booking_id})
    counts = await _counts(connection, {e.command_id for e, n in told if n.kind is Kind.PROGRESS})
    latest = {e.command_id: e.number for e, n in told if n.kind is Kind.PROGRESS}
    outcomes = await _outcomes(connection, {e.command_id for e, n in told if n.kind is Kind.COMMAND})
    rendered = []
    for event, news in told:
        position = Position(epoch, event.number)
        if news.kind is Kind.BOOKING and event.booking_id in bookings:
            payload = messages.told(BookingTold(BOOKING_WORDS[event.type], bookings[event.booking_id], str(position)))
        elif news.kind is Kind.COMMAND and event.command_id in outcomes:
            payload = messages.finished(outcomes[event.command_id], position)
        elif news.kind is Kind.PROGRESS and event.number == latest[event.command_id] and event.command_id in counts:
            payload = messages.told(ProgressTold(data=counts[event.command_id], position=str(position)))
        elif news.slot is not None:
            told_slot, face = news.slot
            payload = messages.told(SlotTold(told_slot.type, told_slot.data(face), str(position)))
        else:
            continue  # older than what is kept, or said better by what follows
        rendered.append(Message(event.number, news.audiences, payload, news.but))
    return rendered


async def _bookings(connection: Connection, ids: set[int]) -> dict[int | None, AdminBooking]:
    if not ids:
        return {}
    rows = await (await connection.execute(SQL_VIEWS_BY_ID, (sorted(ids),))).fetchall()
    views = [view_of(row) for row in rows]
    return {booking.id: admin_booking(booking, user) for booking, user in views}


async def _outcomes(connection: Connection, ids: set[UUID]) -> dict[UUID, bytes]:
    if not ids:
        return {}
    rows = await (await connection.execute(SQL_RECORDS, (list(ids),))).fetchall()
    return {row[0]: command_status(CommandRecord(*row)) for row in rows}


async def _counts(connection: Connection, ids: set[UUID]) -> dict[UUID, BulkProgress]:
    if not ids:
        return {}
    return {one.bulk.id: progress(one) for one in await read_counts(connection, list(ids))}


async def snapshot(connection: Connection, limit: int) -> tuple[Position, bytes]:
    """`bookings_data`, the newest `limit` bookings, and the position they are true at."""
    async with connection.transaction():
        head = await read_head(connection)
        rows = await (await connection.execute(SQL_NEWEST_VIEWS, (limit,))).fetchall()
    bookings = [admin_booking(*view_of(row)) for row in rows]
    return head, messages.told(BookingsTold(data=bookings, position=str(head)))
