"""A batch's way out: everything it decided, in a few set-based writes of one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

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
from core.store.inbox import SQL_MOVE, Outcome, move_parameters

EVENT_VERSION = 1
E = TypeVar("E", bound=Event)

_encode = msgspec.json.Encoder().encode


class BatchLostRace(Exception):  # noqa: N818 - not an error: the batch is loaded and decided again
    """A row this batch counted on was written or taken by somebody else first."""


class Decided(Struct, frozen=True):
    """One command with what happened and its answer."""

    envelope: Envelope
    events: tuple[Event, ...]
    outcome: Outcome


class _Change(Struct, frozen=True):
    id: int
    status: str
    version: int
    updated_at: datetime
    deleted_at: datetime | None


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
    data: dict[str, str] | None


SQL_USERS = """
INSERT INTO user_account (id, username, username_key, phone, phone_key, contact_email, first_name, last_name, gender,
                          country, country_code, date_joined)
SELECT id, username, phone_key, phone, phone_key, email, first_name, last_name, gender, country, country_code,
       date_joined
FROM json_to_recordset(%s::json) AS u (
    id bigint, username text, phone text, phone_key text, email text, first_name text, last_name text, gender text,
    country text, country_code text, date_joined timestamptz)
ON CONFLICT DO NOTHING
"""
SQL_BOOKINGS = """
INSERT INTO booking (id, public_uuid, contract, user_id, service_id, service_name, resource_id, starts_at, ends_at,
                     local_date, local_time, duration_minutes, status, payment_status, notes, version, command_id,
                     created_at, updated_at)
SELECT id, public_uuid, contract, user_id, service_id, service_name, resource_id, starts_at, ends_at, local_date,
       local_time, duration_minutes, status, payment_status, notes, version, command_id, created_at, updated_at
FROM json_to_recordset(%s::json) AS b (
    id bigint, public_uuid uuid, contract text, user_id bigint, service_id bigint, service_name text,
    resource_id bigint, starts_at timestamptz, ends_at timestamptz, local_date date, local_time time,
    duration_minutes integer, status text, payment_status text, notes text, version integer, command_id uuid,
    created_at timestamptz, updated_at timestamptz)
"""
SQL_CHANGES = """
UPDATE booking b
SET status = c.status, version = c.version, updated_at = c.updated_at, deleted_at = c.deleted_at
FROM json_to_recordset(%s::json) AS c (
    id bigint, status text, version integer, updated_at timestamptz, deleted_at timestamptz)
WHERE b.id = c.id
"""
SQL_CLAIMS = """
INSERT INTO claim (resource_id, booking_id, during)
SELECT resource_id, booking_id, tstzrange(starts_at, ends_at)
FROM json_to_recordset(%s::json) AS c (
    resource_id bigint, booking_id bigint, starts_at timestamptz, ends_at timestamptz)
"""
SQL_FREE = "DELETE FROM claim WHERE booking_id = ANY(%s::bigint[])"
SQL_EVENTS = """
WITH batch AS (INSERT INTO event_batch (events, created_at) VALUES (%s, %s) RETURNING id)
INSERT INTO event (batch_id, n, version, type, command_id, is_final, booking_id, booking_version, owner, actor,
                   contract, request_id, data)
SELECT batch.id, e.n - 1, %s, e.type, e.command_id, e.is_final, e.booking_id, e.booking_version, e.owner, e.actor,
       e.contract, e.request_id, e.data
FROM batch, ROWS FROM (json_to_recordset(%s::json) AS (
    type text, command_id uuid, is_final boolean, booking_id bigint, booking_version integer, owner text, actor text,
    contract text, request_id text, data json)) WITH ORDINALITY
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
        inserted = connection.execute(SQL_USERS, (_json(_user_rows(users)),)) if users else None
        if placed:
            connection.execute(SQL_BOOKINGS, (_json([event.booking for event in placed]),))
        _write_changes(connection, events)
        if claims:
            connection.execute(SQL_CLAIMS, (_json(claims),))
        if _of(events, CanaryHeard):
            connection.execute(SQL_HEAR_CANARY, ("lanes", now))
        _write_events(connection, decided, now)
        moved = connection.execute(SQL_MOVE, move_parameters([(d.envelope.id, d.outcome) for d in decided], now))
    if (inserted and inserted.rowcount != len(users)) or moved.rowcount != len(decided):
        raise BatchLostRace


def _of(events: Sequence[Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def _json(rows: Sequence[object]) -> str:
    """Rows as one parameter: encoded in C at once, where arrays would be dumped value by value."""
    return _encode(rows).decode()


def _user_rows(events: Sequence[UserCreated]) -> list[dict[str, Any]]:
    return [{**msgspec.structs.asdict(event.user), "country_code": event.country_code} for event in events]


def _write_changes(connection: Connection, events: Sequence[Event]) -> None:
    """The last face of each booking that changed, and the time that was given back."""
    last: dict[int, _Change] = {}
    freed: set[int] = set()
    for event in events:
        if isinstance(event, BookingChanged):
            b = event.booking
            last[b.id] = _Change(b.id, b.status, b.version, b.updated_at, None)
            if event.freed:
                freed.add(b.id)
        elif isinstance(event, BookingDeleted):
            b = event.booking
            last[b.id] = _Change(b.id, b.status, b.version, b.updated_at, b.updated_at)
            freed.add(b.id)
    if last:
        connection.execute(SQL_CHANGES, (_json(list(last.values())),))
    if freed:
        connection.execute(SQL_FREE, (sorted(freed),))


def _write_events(connection: Connection, decided: Sequence[Decided], now: datetime) -> None:
    rows = list(chain.from_iterable(event_rows(one.envelope, one.events) for one in decided))
    write_event_rows(connection, rows, now)


def write_event_rows(connection: Connection, rows: Sequence[EventRow], now: datetime) -> None:
    connection.execute(SQL_EVENTS, event_parameters(rows, now))


def event_parameters(rows: Sequence[EventRow], now: datetime) -> list[Any]:
    """For `SQL_EVENTS`: one batch of the feed."""
    return [len(rows), now, EVENT_VERSION, _json(rows)]


def final_event(envelope: Envelope, type_: str) -> EventRow:
    """The news that a command ended without any booking's change."""
    return EventRow(
        type=type_,
        command_id=envelope.id,
        is_final=True,
        booking_id=None,
        booking_version=None,
        owner=envelope.actor.owner,
        actor=_actor_name(envelope),
        contract=envelope.contract,
        request_id=envelope.request_id,
        data=None,
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
            data=data,
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
