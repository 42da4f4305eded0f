"""Parked deliveries, as a person puts them right: tried again from the start, or left alone.

A replayed delivery keeps its id, so a receiver that has had it drops it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from core.store.audit import AuditEntry, Author, record
from core.store.connections.database import Connection
from core.store.deliveries.leases import SQL_WAKE_RECEIVER
from core.store.sql.parameters import texts_of

SQL_TRIED = """
SELECT number, at, duration_ms, verdict, answer, detail FROM delivery_attempt WHERE delivery_id = %(id)s
UNION ALL
SELECT attempts, tried_at, duration_ms, 'sent', answer, detail FROM delivery WHERE id = %(id)s AND tried_at IS NOT NULL
"""
"""All attempts of a delivery: those that failed, and the one by which it was sent, which stands in its own row."""
_COLUMNS = "id, sender, receiver, booking_id, type, state, attempts, answer, created_at, done_at"
_WANTED = """parked_at IS NOT NULL AND (%(sender)s::text IS NULL OR sender = %(sender)s)
  AND (%(receivers)s::json IS NULL OR receiver IN (SELECT json_array_elements_text(%(receivers)s::json)))
  AND (%(since)s::timestamptz IS NULL OR done_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR done_at < %(until)s)"""
SQL_LIST = f"SELECT {_COLUMNS} FROM delivery WHERE {_WANTED} ORDER BY seq LIMIT %(limit)s"
"""In the order of planning: in this one they are replayed."""
SQL_LOOK = f"SELECT {_COLUMNS} FROM delivery WHERE id = %s"
SQL_LOCK = f"{SQL_LOOK} FOR UPDATE"
SQL_SHOW = (
    """
SELECT (to_jsonb(d) - '{lease,leased_until,tried_at,duration_ms,detail}'::text[] || jsonb_build_object('tried', coalesce(
    (SELECT jsonb_agg(to_jsonb(a) ORDER BY number) FROM ("""
    + SQL_TRIED.replace("%(id)s", "d.id")
    + """) AS a), '[]')))::text
FROM delivery d WHERE id = %s
"""
)
SQL_REPLAY = """
UPDATE delivery SET state = 'waiting', due_at = clock_timestamp(), retry_at = clock_timestamp(), parked_at = NULL,
       done_at = NULL, tried_since = NULL WHERE id = %s
"""
SQL_DROP = "UPDATE delivery SET state = 'dropped', parked_at = NULL, done_at = clock_timestamp() WHERE id = %s"
"""What was the matter stays readable."""


class ParkedDelivery(Struct, frozen=True):
    """A delivery that was given up on, or another one that was asked for."""

    id: UUID
    sender: str
    receiver: str
    booking_id: int | None
    type: str
    state: str
    attempts: int
    answer: str | None
    created_at: datetime
    done_at: datetime | None


class ParkedDeliveries(Struct, frozen=True):
    """What a list asks for."""

    sender: str | None = None
    receivers: Collection[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


class DeliveryNotParkedError(Exception):
    """The message says how it is instead."""


def parked_deliveries(connection: Connection, wanted: ParkedDeliveries, limit: int) -> list[ParkedDelivery]:
    """In the order in which they were planned."""
    values = {
        "sender": wanted.sender,
        "receivers": None if wanted.receivers is None else texts_of(wanted.receivers),
        "since": wanted.since,
        "until": wanted.until,
        "limit": limit,
    }
    return [ParkedDelivery(*row) for row in connection.execute(SQL_LIST.encode(), values).fetchall()]


def parked_delivery(connection: Connection, id_: UUID) -> ParkedDelivery:
    """Raises DeliveryNotParkedError."""
    return _parked(connection.execute(SQL_LOOK.encode(), (id_,)).fetchone(), id_)


def show_delivery(connection: Connection, id_: UUID) -> str | None:
    """All that is kept of one, parked or not, with its attempts, as JSON."""
    row = connection.execute(SQL_SHOW, (id_,)).fetchone()
    return None if row is None else str(row[0])


def replay_delivery(connection: Connection, id_: UUID, by: Author) -> None:
    """Try it again, for as long as a new one. Raises DeliveryNotParkedError."""
    with connection.transaction():
        one = _change(connection, id_, by, SQL_REPLAY, "delivery.replayed", "waiting")
        connection.execute(SQL_WAKE_RECEIVER, {"sender": one.sender, "receiver": one.receiver})


def drop_delivery(connection: Connection, id_: UUID, by: Author) -> None:
    """It is not sent any more. Raises DeliveryNotParkedError."""
    with connection.transaction():
        _change(connection, id_, by, SQL_DROP, "delivery.dropped", "dropped")


def _change(connection: Connection, id_: UUID, by: Author, statement: str, action: str, state: str) -> ParkedDelivery:
    one = _parked(connection.execute(SQL_LOCK.encode(), (id_,)).fetchone(), id_)
    connection.execute(statement.encode(), (id_,))
    before = {"state": one.state, "sender": one.sender, "receiver": one.receiver, "attempts": one.attempts}
    also = [] if one.booking_id is None else [f"booking:{one.booking_id}"]
    record(connection, AuditEntry(by, action, f"delivery:{id_}", before, {"state": state}, also=also))
    return one


def _parked(row: tuple[Any, ...] | None, id_: UUID) -> ParkedDelivery:
    if row is None:
        raise DeliveryNotParkedError(f"There is no delivery {id_}: it never was, or is no longer kept")
    one = ParkedDelivery(*row)
    if one.state != "parked":
        raise DeliveryNotParkedError(f"The delivery {id_} is not parked: its state is {one.state}")
    return one
