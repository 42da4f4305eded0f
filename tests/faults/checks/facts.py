"""What the database holds after a run, read once, as plain values that the checks compare."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec
import psycopg
from msgspec import Struct
from psycopg.rows import dict_row

Connection = psycopg.Connection[tuple[object, ...]]
T = TypeVar("T", bound=Struct)


class Outcome(Struct, frozen=True):
    id: str
    type: str
    status: str
    http_status: int
    response: Any
    body: Any
    accepted_at: datetime
    decided_at: datetime


class Booking(Struct, frozen=True):
    id: int
    contract: str
    resource_id: int
    user_id: int
    starts_at: datetime
    ends_at: datetime
    status: str
    is_deleted: bool
    version: int
    command_id: str
    updated_at: datetime
    hold_expires_at: datetime | None
    time_slot_id: int | None
    session_id: int | None
    kind: str | None
    """Of the marketplace; None elsewhere."""
    credit_id: int | None


class Session(Struct, frozen=True):
    id: int
    capacity: int
    seats_taken: int
    is_cancelled: bool
    resource_id: int
    starts_at: datetime
    ends_at: datetime


class Credit(Struct, frozen=True):
    booking_id: int
    granted: int
    balance: int


class Event(Struct, frozen=True):
    position: int | None
    type: str
    command_id: str
    is_final: bool
    booking_id: int | None
    booking_version: int | None
    owner: str | None


class Batch(Struct, frozen=True):
    id: int
    first_position: int | None
    events: int
    rows: int
    """Events that it really has."""


class Delivery(Struct, frozen=True):
    id: str
    receiver: str
    position: int | None
    type: str
    state: str


class Facts(Struct, frozen=True):
    now: datetime
    outcomes: list[Outcome]
    inbox: dict[str, str]
    """The types of undecided commands, by id."""
    bookings: list[Booking]
    sessions: list[Session]
    credits: list[Credit]
    events: list[Event]
    batches: list[Batch]
    deliveries: list[Delivery]
    epoch: str
    head: int
    """The feed's last position."""
    parked: int
    payments_open: list[str]
    bulks: dict[str, tuple[int, int]]
    """Rows that were accepted, and those that have an outcome, by batch."""
    endpoints: dict[str, str]
    """The names of webhook endpoints (their description), by receiver."""


SQL_OUTCOMES = """
SELECT id::text, type, status, http_status, response, body, accepted_at, decided_at FROM outcome WHERE type <> 'canary'
"""
SQL_INBOX = "SELECT id::text, type FROM inbox WHERE type <> 'canary'"
SQL_BOOKINGS = """
SELECT b.id, b.contract, b.resource_id, b.user_id, b.starts_at, b.ends_at, b.status, b.deleted_at IS NOT NULL AS is_deleted,
       b.version, b.command_id::text, b.updated_at, b.hold_expires_at, b.time_slot_id, m.session_id, m.kind, m.credit_id
FROM booking b LEFT JOIN marketplace_booking m ON m.booking_id = b.id
"""
SQL_SESSIONS = """
SELECT s.id, s.capacity, s.seats_taken, s.is_cancelled, p.resource_id, s.starts_at, s.ends_at
FROM service_session s JOIN practitioner p ON p.id = s.practitioner_id
"""
SQL_CREDITS = "SELECT booking_id, granted, balance FROM credit"
SQL_EVENTS = """
SELECT b.first_position + e.n AS position, e.type, e.command_id::text, e.is_final, e.booking_id, e.booking_version, e.owner
FROM event e JOIN event_batch b ON b.id = e.batch_id ORDER BY b.first_position, b.id, e.n
"""
SQL_BATCHES = """
SELECT b.id, b.first_position, b.events, (SELECT count(*) FROM event e WHERE e.batch_id = b.id) AS rows
FROM event_batch b ORDER BY b.first_position
"""
SQL_DELIVERIES = "SELECT id::text, receiver, position, type, state FROM delivery WHERE sender = 'webhooks'"
SQL_BULKS = "SELECT id, rows, (SELECT count(*) FROM outcome o WHERE o.bulk_id = b.id) FROM bulk b"
SQL_PAYMENTS_OPEN = """
SELECT 'payment of booking ' || booking_id || ', ' || state FROM payment
WHERE state NOT IN ('canceled', 'failed', 'succeeded', 'refunded')
  AND booking_id NOT IN (SELECT id FROM booking WHERE status = 'held' AND hold_expires_at > clock_timestamp())
"""


def read_facts(connection: Connection) -> Facts:
    """In one snapshot."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        ((epoch, head),) = connection.execute("SELECT epoch, last_position FROM feed").fetchall()
        ((now,),) = connection.execute("SELECT clock_timestamp()").fetchall()
        ((parked,),) = connection.execute("SELECT count(*) FROM parked_command").fetchall()
        assert isinstance(now, datetime)
        return Facts(
            now=now,
            outcomes=_rows(connection, SQL_OUTCOMES, Outcome),
            inbox=_pairs(connection, SQL_INBOX),
            bookings=_rows(connection, SQL_BOOKINGS, Booking),
            sessions=_rows(connection, SQL_SESSIONS, Session),
            credits=_rows(connection, SQL_CREDITS, Credit),
            events=_rows(connection, SQL_EVENTS, Event),
            batches=_rows(connection, SQL_BATCHES, Batch),
            deliveries=_rows(connection, SQL_DELIVERIES, Delivery),
            epoch=str(epoch),
            head=int(str(head)),
            parked=int(str(parked)),
            payments_open=[str(row[0]) for row in connection.execute(SQL_PAYMENTS_OPEN).fetchall()],
            bulks={str(id_): (int(str(rows)), int(str(ended))) for id_, rows, ended in connection.execute(SQL_BULKS)},
            endpoints=_pairs(connection, "SELECT id::text, description FROM webhook_endpoint"),
        )


def _rows(connection: Connection, statement: str, kind: type[T]) -> list[T]:
    found = connection.cursor(row_factory=dict_row).execute(statement.encode()).fetchall()
    return msgspec.convert(found, list[kind])  # type: ignore[valid-type]


def _pairs(connection: Connection, statement: str) -> dict[str, str]:
    return {str(one): str(other) for one, other in connection.execute(statement.encode()).fetchall()}
