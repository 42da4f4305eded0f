"""The feed: events in one order without holes, and what they carry when they are delivered.

A position is `epoch-number`, opaque to clients. The relay numbers batches of committed events,
one short transaction at a time under the feed row's lock, so a reader that asks "after 41"
cannot miss 40. If the epoch is another one, or the events are deleted by now, the reader must reload.

A restored database would give numbers a second time, so it first gets a new epoch. A restore is noticed
by what it does not keep (`feed.origin`), or because the relay, Redis or a notifier remembers a later
position.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from msgspec import Struct
from psycopg.rows import TupleRow

from core.store.connections.database import AsyncConnection, Connection
from core.store.connections.round_trip import RoundTrip

log = structlog.get_logger()

RELAY_BATCHES = 500
"""Batches numbered in one transaction."""

_NEW = "substr(md5(gen_random_uuid()::text), 1, 8)"
_HERE = "origin = feed_origin(), server_started_at = pg_postmaster_start_time()"
_NEW_EPOCH = f"SET epoch = {_NEW}, epoch_began_at = clock_timestamp(), {_HERE}"
_RESTORED = "origin IS DISTINCT FROM feed_origin() OR (epoch = %(epoch)s AND last_position < %(number)s)"
_STARTED = "server_started_at IS DISTINCT FROM pg_postmaster_start_time()"
SQL_SETTLE = f"UPDATE feed {_NEW_EPOCH} WHERE {_RESTORED} RETURNING epoch, last_position"
"""A new epoch if the database was restored: it has another origin, or is behind what is known of it. One without a
recorded origin may be a dump of an earlier release. At worst, clients reload once without need."""
SQL_SETTLE_BEFORE_NUMBERING = f"""
UPDATE feed SET epoch = CASE WHEN {_RESTORED} OR epoch <> %(epoch)s THEN {_NEW} ELSE epoch END,
       epoch_began_at = CASE WHEN {_RESTORED} OR epoch <> %(epoch)s THEN clock_timestamp() ELSE epoch_began_at END, {_HERE}
WHERE {_RESTORED} OR {_STARTED} RETURNING epoch, last_position
"""
"""The same; and after a restart of the server, some process has to know the epoch. Otherwise an older snapshot of the
disk may have been restored, and no process would notice."""
SQL_RENEW_OF = f"UPDATE feed {_NEW_EPOCH} WHERE epoch = %(epoch)s RETURNING epoch, last_position"
"""Only the first of those that notice that this epoch's history has changed gets a new one."""
SQL_RENEW = f"UPDATE feed {_NEW_EPOCH} RETURNING epoch, last_position"

SQL_LOCK_FEED = "SELECT epoch, last_position FROM feed FOR UPDATE"
SQL_NUMBER = """
WITH next AS (
    SELECT id, events, sum(events) OVER (ORDER BY id) - events AS before
    FROM (SELECT id, events FROM event_batch WHERE first_position IS NULL ORDER BY id LIMIT %(limit)s) AS waiting
), numbered AS (
    UPDATE event_batch b SET first_position = feed.last_position + 1 + next.before
    FROM next, feed WHERE b.id = next.id RETURNING b.events
)
UPDATE feed SET last_position = last_position + (SELECT coalesce(sum(events), 0) FROM numbered) RETURNING last_position
"""

SQL_UNNUMBERED = "SELECT EXISTS (SELECT FROM event_batch WHERE first_position IS NULL)"

SQL_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
SQL_HEAD = "SELECT epoch, last_position FROM feed"

_EVENT = """b.first_position + e.n, e.type, e.version, e.command_id, e.is_final, e.booking_id, e.booking_version,
       e.owner, e.actor, e.contract, e.request_id, e.data::text, b.created_at,
       e.traceparent"""
SQL_AFTER = f"""
SELECT {_EVENT}
FROM event_batch b JOIN event e ON e.batch_id = b.id
WHERE b.first_position > (
          SELECT coalesce(max(first_position), 0) - 1 FROM event_batch WHERE first_position <= %(after)s + 1)
  AND b.first_position + e.n > %(after)s
ORDER BY b.first_position, e.n
LIMIT %(limit)s
"""
"""Events after a position. The inner query finds the batch that the position lies in."""
LAST_WITHIN = 100_000
"""Events among which the last ones of some types are looked for: a rare type does not make a statement read all."""
SQL_LAST = f"""
SELECT {_EVENT}
FROM event_batch b JOIN event e ON e.batch_id = b.id
WHERE b.first_position > %(head)s - {LAST_WITHIN} AND e.type = ANY(%(types)s)
ORDER BY b.first_position DESC, e.n DESC LIMIT %(count)s
"""


SQL_TRACED = """
SELECT DISTINCT e.traceparent
FROM event_batch b JOIN event e ON e.batch_id = b.id
WHERE b.first_position > %(after)s AND b.first_position <= %(last)s AND e.traceparent IS NOT NULL
LIMIT %(limit)s
"""
TRACED_MAX = 200
"""Spans of one numbering."""


class FeedEvent(Struct, frozen=True):
    """One numbered event. Ids only; `core.store.bookings.rows` adds the rest at delivery."""

    number: int
    type: str
    version: int
    command_id: UUID
    is_final: bool
    booking_id: int | None
    booking_version: int | None
    owner: str | None
    actor: str
    contract: str
    request_id: str
    data: str | None
    at: datetime
    traceparent: str | None = None


class Position(Struct, frozen=True):
    epoch: str
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.number}"


def parse_position(text: str) -> Position | None:
    """A position as a client sent it; None if it is none of ours."""
    epoch, dash, number = text.partition("-")
    if not dash or not number.isascii() or not number.isdigit() or len(number) > 18 or len(epoch) > 32:  # noqa: PLR2004 - bounds of bigint and epoch
        return None
    return Position(epoch, int(number))


class Page(Struct, frozen=True):
    """The events after a position, up to a limit, and the feed's head at that moment."""

    head: Position
    events: list[FeedEvent]

    def follows(self, number: int) -> bool:
        """Whether nothing is missing after `number`. Positions are dense: a jump is trimmed history."""
        if not self.events:
            return number == self.head.number
        numbers = [event.number for event in self.events]
        return numbers == list(range(number + 1, number + 1 + len(numbers)))


def feed_event(row: tuple[Any, ...]) -> FeedEvent:
    return FeedEvent(*row)


NOWHERE = Position("", 0)
"""The position of those that know none: no feed's epoch is empty."""


def renew_epoch(connection: Connection) -> Position:
    """For tools that restore a database: every client reloads. Returns the position from which the feed continues."""
    return _position(connection.execute(SQL_RENEW).fetchone())


def has_unnumbered(connection: Connection) -> bool:
    """Whether events are committed that have no position yet."""
    row = connection.execute(SQL_UNNUMBERED).fetchone()
    return bool(row and row[0])


def number_events(connection: Connection, known: Position | None = None) -> Position | None:
    """Number what is committed and not yet numbered; the new head, or None if nothing waited.

    `known` is the furthest position that any process remembers, `NOWHERE` if none does. A history that cannot be the
    one that it belongs to gets a new epoch first.
    """
    if not has_unnumbered(connection):
        return None  # most rings after a busy one find nothing, so look before locking
    with RoundTrip(connection) as trip:
        trip.execute("BEGIN")
        settle = SQL_SETTLE if known is None else SQL_SETTLE_BEFORE_NUMBERING
        trip.execute(settle, {"epoch": (known or NOWHERE).epoch, "number": (known or NOWHERE).number})
        before = trip.execute(SQL_LOCK_FEED)
        after = trip.execute(SQL_NUMBER, {"limit": RELAY_BATCHES})  # a statement of its own: it sees what the lock saw
        trip.execute("COMMIT")
    row, head = before.fetchone(), after.fetchone()
    if row is None or head is None:
        raise LookupError("There is no feed row: run the migrate command first.")
    epoch, last = row
    if known is not None and known.epoch not in {"", epoch}:
        log.warning("the database was restored: the feed has a new epoch, clients reload", known=str(known))
    return Position(epoch, head[0]) if head[0] != last else None


def traces_between(connection: Connection, after: int, last: int) -> list[str]:
    """The sampled traces of the events that were numbered from one position on to another."""
    with RoundTrip(connection) as trip:  # prepared: asked for thirty times a second
        found = trip.execute(SQL_TRACED, {"after": after, "last": last, "limit": TRACED_MAX})
    return [row[0] for row in found.fetchall()]


def present_epoch(connection: Connection) -> str:
    return _position(connection.execute(SQL_HEAD).fetchone()).epoch


def settle_origin(connection: Connection) -> None:
    """A new epoch if this is another database than the feed began in: a dump, a copy, a standby that took over."""
    connection.execute(SQL_SETTLE, {"epoch": NOWHERE.epoch, "number": NOWHERE.number})


def events_after(connection: Connection, after: int, limit: int) -> list[FeedEvent]:
    rows = connection.execute(SQL_AFTER.encode(), {"after": after, "limit": limit}).fetchall()
    return [feed_event(row) for row in rows]


async def read_head(connection: AsyncConnection) -> Position:
    """The position of the newest event that is numbered."""
    return _position(await (await connection.execute(SQL_HEAD)).fetchone())


async def settle_epoch(connection: AsyncConnection, known: Position, last: FeedEvent | None) -> None:
    """A new epoch if the database was restored: its origin changed, it is behind what we have sent, or it has
    another event in place of the last one that we sent.
    """
    await connection.execute(SQL_SETTLE, {"epoch": known.epoch, "number": known.number})
    if last is not None:
        present = await read_event(connection, last.number)
        if present is not None and present.command_id != last.command_id:
            await begin_epoch_after(connection, known.epoch)


async def begin_epoch_after(connection: AsyncConnection, epoch: str) -> None:
    """Begin a new epoch, as the history of this one has changed. Only the first call has an effect."""
    await connection.execute(SQL_RENEW_OF, {"epoch": epoch})


async def read_event(connection: AsyncConnection, number: int) -> FeedEvent | None:
    """None if it is trimmed or never existed."""
    row = await (await connection.execute(SQL_AFTER, {"after": number - 1, "limit": 1})).fetchone()
    found = feed_event(row) if row else None
    return found if found is not None and found.number == number else None


async def read_page(connection: AsyncConnection, after: int, limit: int) -> Page:
    """Call it in a transaction."""
    head = await read_head(connection)
    if head.number <= after:
        return Page(head, [])
    rows = await (await connection.execute(SQL_AFTER, {"after": after, "limit": limit})).fetchall()
    return Page(head, [feed_event(row) for row in rows])


async def read_snapshot(connection: AsyncConnection, after: int, limit: int) -> Page:
    """The same for a connection that does not read snapshots by itself: what it reads next in this transaction is of
    the same moment. Call it first.
    """
    await connection.execute(SQL_SNAPSHOT)
    return await read_page(connection, after, limit)


async def read_last(connection: AsyncConnection, types: Collection[str], count: int) -> Page:
    """The last events of these types, in their order. Call it in a transaction."""
    head = await read_head(connection)
    wanted = {"head": head.number, "types": list(types), "count": count}
    rows = await (await connection.execute(SQL_LAST.encode(), wanted)).fetchall()
    return Page(head, [feed_event(row) for row in reversed(rows)])


def _position(row: TupleRow | None) -> Position:
    if row is None:
        raise LookupError("There is no feed row: run the migrate command first.")
    return Position(*row)
