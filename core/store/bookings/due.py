"""Bookings that are due by the clock: holds that have lapsed, bookings that have begun or ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import Enum

from msgspec import Struct

from core.domain.commands import CommandClass
from core.store.bookings.rows import lapsed
from core.store.connections.database import Connection
from core.store.inbox.reading import READABLE

DUE_READ_MAX = 5_000
"""Due bookings looked at in one round: many more than one lane gets, so that a lane which is behind
does not hide what is due in the others."""


class Due(Enum):
    """Why a booking is due, each with the statement that finds it by a small index of its own (migration 0003)."""

    LAPSED = f"""
SELECT id, resource_id, local_date FROM booking b
WHERE {lapsed("b")} AND deleted_at IS NULL
ORDER BY hold_expires_at LIMIT %s
"""
    BEGUN = """
SELECT id, resource_id, local_date FROM booking
WHERE status = 'confirmed' AND contract IN ('rooms', 'marketplace') AND ends_at > created_at
  AND starts_at <= clock_timestamp() AND deleted_at IS NULL AND details->>'kind' IS DISTINCT FROM 'course'
ORDER BY starts_at LIMIT %s
"""
    ENDED = """
SELECT id, resource_id, local_date FROM booking
WHERE status = 'in_progress' AND contract IN ('rooms', 'marketplace') AND ends_at > created_at
  AND ends_at <= clock_timestamp() AND deleted_at IS NULL AND details->>'kind' IS DISTINCT FROM 'course'
ORDER BY ends_at LIMIT %s
"""
    """Of those begun or ended, what `core.domain.bookings.clock` moves on: courses follow their sessions."""


SQL_PURCHASES = """
SELECT m.booking_id, w.id, (SELECT count(*) FROM marketplace_booking f WHERE f.parent_id = w.id)
FROM marketplace_booking m, LATERAL (SELECT coalesce(m.parent_id, m.booking_id) AS id) AS w
WHERE m.booking_id = ANY(%s)
"""
SQL_WAITING = f"""
SELECT lane, type, put_offs > 0, body->'booking_ids' FROM inbox
WHERE class = {CommandClass.EXPIRY} AND {READABLE} AND type IN ('expire_due', 'move_on')
"""


class DueBooking(Struct, frozen=True):
    id: int
    resource_id: int
    day: date
    """Local. With the resource it leads to the booking's home lane."""


class Purchase(Struct, frozen=True):
    id: int
    """Of the booking that was paid for as a whole."""
    parts: int
    """All of them are loaded together."""


class WaitingClock(Struct, frozen=True):
    """A command of the clock that waits in the inbox."""

    lane: int
    type: str
    was_put_off: bool
    booking_ids: Sequence[int]


def read_due(connection: Connection, due: Due) -> list[DueBooking]:
    """At most `DUE_READ_MAX`, those that are due longest first."""
    return [DueBooking(*row) for row in connection.execute(due.value.encode(), (DUE_READ_MAX,)).fetchall()]


def read_purchases(connection: Connection, ids: Sequence[int]) -> dict[int, Purchase]:
    """The purchase that each booking belongs to, by booking; none for a booking outside the marketplace."""
    rows = connection.execute(SQL_PURCHASES, (list(ids),)).fetchall()
    return {id_: Purchase(whole, parts) for id_, whole, parts in rows}


def read_clock_commands(connection: Connection) -> list[WaitingClock]:
    """The commands of earlier rounds that no lane has decided yet."""
    return [WaitingClock(*row) for row in connection.execute(SQL_WAITING.encode()).fetchall()]
