"""A batch's way out: everything it decided, in a few set-based writes of one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg.types.range import TimestamptzRange

from core.domain.commands import Envelope
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    BookingUnchanged,
    CanaryHeard,
    CommandRefused,
    Event,
    UserCreated,
)
from core.store.database import Connection
from core.store.inbox import SQL_MOVE, Outcome

EVENT_VERSION = 1
E = TypeVar("E", bound=Event)


class BatchLostRace(Exception):  # noqa: N818 - not an error: the batch is loaded and decided again
    """A row this batch counted on was written or taken by somebody else first."""


class Decided(Struct, frozen=True):
    """One command with what happened and its answer."""

    envelope: Envelope
    events: tuple[Event, ...]
    outcome: Outcome


class EventRow(Struct, frozen=True):
    """An event as the feed keeps it: ids and small facts, no personal data."""

    type: str
    command_id: UUID
    is_final: bool
    booking_id: int | None
    booking_version: int | None
    owner: str | None
    actor: str
    contract: str
    request_id: str
    data: str | None


SQL_USERS = """
INSERT INTO user_account (id, username, username_key, phone, phone_key, contact_email, first_name, last_name, gender,
                          country, country_code, date_joined)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                     %s::text[], %s::text[], %s::text[], %s::timestamptz[])
ON CONFLICT DO NOTHING
"""
SQL_BOOKINGS = """
INSERT INTO booking (id, public_uuid, contract, user_id, service_id, service_name, resource_id, starts_at, ends_at,
                     local_date, local_time, duration_minutes, status, payment_status, notes, version, command_id,
                     created_at, updated_at)
SELECT * FROM unnest(%s::bigint[], %s::uuid[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[],
                     %s::timestamptz[], %s::timestamptz[], %s::date[], %s::time[], %s::integer[], %s::text[],
                     %s::text[], %s::text[], %s::integer[], %s::uuid[], %s::timestamptz[], %s::timestamptz[])
"""
SQL_CHANGES = """
UPDATE booking b
SET status = c.status, version = c.version, updated_at = c.updated_at, deleted_at = c.deleted_at
FROM unnest(%s::bigint[], %s::text[], %s::integer[], %s::timestamptz[], %s::timestamptz[])
     AS c (id, status, version, updated_at, deleted_at)
WHERE b.id = c.id
"""
SQL_CLAIMS = """
INSERT INTO claim (resource_id, booking_id, during)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::tstzrange[])
"""
SQL_FREE = "DELETE FROM claim WHERE booking_id = ANY(%s::bigint[])"
SQL_EVENTS = """
WITH batch AS (INSERT INTO event_batch (events, created_at) VALUES (%s, %s) RETURNING id)
INSERT INTO event (batch_id, n, version, type, command_id, is_final, booking_id, booking_version, owner, actor,
                   contract, request_id, data)
SELECT batch.id, e.n - 1, %s, e.type, e.command_id, e.is_final, e.booking_id, e.booking_version, e.owner, e.actor,
       e.contract, e.request_id, e.data::json
FROM batch, unnest(%s::text[], %s::uuid[], %s::boolean[], %s::bigint[], %s::integer[], %s::text[], %s::text[],
                   %s::text[], %s::text[], %s::text[]) WITH ORDINALITY
     AS e (type, command_id, is_final, booking_id, booking_version, owner, actor, contract, request_id, data, n)
"""
SQL_HEAR_CANARY = """
INSERT INTO canary (stage, heard_at) VALUES (%s, %s)
ON CONFLICT (stage) DO UPDATE SET heard_at = greatest(canary.heard_at, excluded.heard_at)
"""


def save(connection: Connection, decided: Sequence[Decided], now: datetime) -> None:
    """Write a decided batch. Raises `BatchLostRace` if a row went to somebody else meanwhile.

    Users go in by their unique key's order: two batches that make the same people wait for
    each other instead of deadlocking.
    """
    events = list(chain.from_iterable(one.events for one in decided))
    users = sorted(_of(events, UserCreated), key=lambda event: event.user.phone_key or "")
    placed = _of(events, BookingPlaced)
    claims = sorted((c for p in placed for c in p.claims), key=lambda c: (c.resource_id, c.starts_at))
    with connection.pipeline():
        inserted = connection.execute(SQL_USERS, _user_columns(users)) if users else None
        if placed:
            connection.execute(SQL_BOOKINGS, _booking_columns(placed))
        _write_changes(connection, events)
        if claims:
            ranges = [TimestamptzRange(c.starts_at, c.ends_at) for c in claims]
            columns = [[c.resource_id for c in claims], [c.booking_id for c in claims], ranges]
            connection.execute(SQL_CLAIMS, columns)
        if _of(events, CanaryHeard):
            connection.execute(SQL_HEAR_CANARY, ("lanes", now))
        _write_events(connection, decided, now)
        moved = connection.execute(SQL_MOVE, _outcome_parameters(decided, now))
    if (inserted and inserted.rowcount != len(users)) or moved.rowcount != len(decided):
        raise BatchLostRace


def _of(events: Sequence[Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def _user_columns(events: Sequence[UserCreated]) -> list[list[Any]]:
    users = [event.user for event in events]
    return [
        [u.id for u in users],
        [u.username for u in users],
        [u.phone_key for u in users],
        [u.phone for u in users],
        [u.phone_key for u in users],
        [u.email for u in users],
        [u.first_name for u in users],
        [u.last_name for u in users],
        [u.gender for u in users],
        [u.country for u in users],
        [event.country_code for event in events],
        [u.date_joined for u in users],
    ]


def _booking_columns(events: Sequence[BookingPlaced]) -> list[list[Any]]:
    bookings = [event.booking for event in events]
    return [
        [b.id for b in bookings],
        [b.public_uuid for b in bookings],
        [b.contract for b in bookings],
        [b.user_id for b in bookings],
        [b.service_id for b in bookings],
        [b.service_name for b in bookings],
        [b.resource_id for b in bookings],
        [b.starts_at for b in bookings],
        [b.ends_at for b in bookings],
        [b.local_date for b in bookings],
        [b.local_time for b in bookings],
        [b.duration_minutes for b in bookings],
        [b.status.value for b in bookings],
        [b.payment_status.value for b in bookings],
        [b.notes for b in bookings],
        [b.version for b in bookings],
        [b.command_id for b in bookings],
        [b.created_at for b in bookings],
        [b.updated_at for b in bookings],
    ]


def _write_changes(connection: Connection, events: Sequence[Event]) -> None:
    """The last face of each booking that changed, and the time that was given back."""
    last: dict[int, tuple[Any, ...]] = {}
    freed: set[int] = set()
    for event in events:
        if isinstance(event, BookingChanged):
            b = event.booking
            last[b.id] = (b.id, b.status.value, b.version, b.updated_at, None)
            if event.freed:
                freed.add(b.id)
        elif isinstance(event, BookingDeleted):
            b = event.booking
            last[b.id] = (b.id, b.status.value, b.version, b.updated_at, b.updated_at)
            freed.add(b.id)
    if last:
        connection.execute(SQL_CHANGES, [list(column) for column in zip(*last.values(), strict=True)])
    if freed:
        connection.execute(SQL_FREE, (sorted(freed),))


def _outcome_parameters(decided: Sequence[Decided], now: datetime) -> list[Any]:
    ids = [one.envelope.id for one in decided]
    return [
        ids,
        now,
        ids,
        [one.outcome.status for one in decided],
        [one.outcome.http_status for one in decided],
        [one.outcome.body.decode() for one in decided],
    ]


def _write_events(connection: Connection, decided: Sequence[Decided], now: datetime) -> None:
    rows = list(chain.from_iterable(event_rows(one.envelope, one.events) for one in decided))
    write_event_rows(connection, rows, now)


def write_event_rows(connection: Connection, rows: Sequence[EventRow], now: datetime) -> None:
    connection.execute(
        SQL_EVENTS,
        [
            len(rows),
            now,
            EVENT_VERSION,
            [r.type for r in rows],
            [r.command_id for r in rows],
            [r.is_final for r in rows],
            [r.booking_id for r in rows],
            [r.booking_version for r in rows],
            [r.owner for r in rows],
            [r.actor for r in rows],
            [r.contract for r in rows],
            [r.request_id for r in rows],
            [r.data for r in rows],
        ],
    )


def event_rows(envelope: Envelope, events: Sequence[Event]) -> list[EventRow]:
    """The feed's rows for one command; the last one says that the command is decided."""
    news = [fact for event in events if (fact := _news(event)) is not None]
    return [
        EventRow(
            type=type_,
            command_id=envelope.id,
            is_final=place == len(news) - 1,
            booking_id=booking_id,
            booking_version=version,
            owner=envelope.actor.owner,
            actor=_actor_name(envelope),
            contract=envelope.contract,
            request_id=envelope.request_id,
            data=msgspec.json.encode(data).decode() if data else None,
        )
        for place, (type_, booking_id, version, data) in enumerate(news)
    ]


def _actor_name(envelope: Envelope) -> str:
    actor = envelope.actor
    return f"{actor.kind}:{actor.user_id or actor.key_id}" if actor.owner else str(actor.kind)


def _news(event: Event) -> tuple[str, int | None, int | None, dict[str, str] | None] | None:
    """(type, booking id, booking version, facts) of an event; None for what the feed does not tell."""
    match event:
        case BookingPlaced(booking=b):
            return "booking_created", b.id, b.version, None
        case BookingChanged(booking=b, was=was, reason=reason):
            return "booking_updated", b.id, b.version, {"was": was, "now": b.status, "reason": reason}
        case BookingDeleted(booking=b):
            return "booking_deleted", b.id, b.version, None
        case BookingUnchanged(booking=b):
            return "command_unchanged", b.id, b.version, None
        case CommandRefused(refusal=refusal):
            return "command_refused", None, None, {"refusal": refusal}
        case CanaryHeard():
            return "canary", None, None, None
        case UserCreated():
            return None
