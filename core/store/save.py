"""A batch's way out: everything it decided, in a few set-based writes of one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from core.domain.commands import Envelope
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    CanaryHeard,
    CommandDeferred,
    CommandStepped,
    Event,
    UserCreated,
)
from core.store.bookings.rows import BOOKING_COLUMNS, BOOKING_FIXED, BOOKING_TYPES
from core.store.catalogue.closures import reopen_closures, write_closures
from core.store.claims import write_claims
from core.store.connections.database import Connection
from core.store.connections.round_trip import RoundTrip
from core.store.data_subjects import data_subjects_of
from core.store.feed_events import EventRow, event_rows, write_event_rows
from core.store.inbox.outcomes import DEFERRED, SQL_MOVE_ALL, Outcome, move_parameters
from core.store.inbox.unfinished import SQL_DEFER, SQL_STEP
from core.store.marketplace.save import save_market, save_market_before_bookings
from core.store.payments.payments import write_payments
from core.store.sql.lost_races import require_all
from core.store.timeslots import SQL_CHANGE, SQL_OFFER, offered_and_changed

E = TypeVar("E", bound=Event)

_encode = msgspec.json.Encoder().encode
_OF_CHANGES = frozenset({BookingChanged, BookingDeleted})


class Decided(Struct, frozen=True):
    """One command with what happened and its answer."""

    envelope: Envelope
    events: tuple[Event, ...]
    outcome: Outcome
    """`DEFERRED` if the answer comes later, from outside or after more steps."""


SQL_USERS = require_all("""
INSERT INTO user_account (id, username, username_key, phone, phone_key, contact_email, first_name, last_name, gender,
                          country, country_code, date_joined, password_hash, must_change_password)
SELECT id, username, phone_key, phone, phone_key, email, first_name, last_name, gender, country, country_code,
       date_joined, %s::text, %s
FROM json_to_recordset(%s::json) AS u (
    id bigint, username text, phone text, phone_key text, email text, first_name text, last_name text, gender text,
    country text, country_code text, date_joined timestamptz)
ON CONFLICT DO NOTHING RETURNING id
""")
_RECORD = ", ".join(f"{name} {type_}" for name, type_ in BOOKING_TYPES.items())
_CHANGING = [name for name in BOOKING_TYPES if name not in BOOKING_FIXED]
SQL_BOOKINGS = f"""
INSERT INTO booking ({BOOKING_COLUMNS})
SELECT {BOOKING_COLUMNS} FROM json_to_recordset(%s::json) AS b ({_RECORD})
"""
SQL_CHANGES = f"""
UPDATE booking b SET {", ".join(f"{name} = c.{name}" for name in _CHANGING)}, deleted_at = c.deleted_at
FROM json_to_recordset(%s::json) AS c ({_RECORD}, deleted_at timestamptz) WHERE b.id = c.id
"""
SQL_HEAR_CANARY = """
INSERT INTO canary (stage, heard_at) VALUES (%s, %s)
ON CONFLICT (stage) DO UPDATE SET heard_at = greatest(canary.heard_at, excluded.heard_at)
"""


def save(
    connection: Connection, decided: Sequence[Decided], now: datetime, *, initial_password_hash: str | None = None
) -> None:
    """Write a decided batch and commit. Fails with `LOST_RACE` if a row went to somebody else meanwhile.

    Users go in by their unique key's order: two batches that make the same people wait for
    each other instead of deadlocking. Time is given back before time is taken, closures take
    what bookings leave, and time slots are there before their bookings.
    """
    events = list(chain.from_iterable(one.events for one in decided))
    with RoundTrip(connection) as trip:
        _write_users(trip, events, initial_password_hash)
        _write_slots(trip, events, now)
        save_market_before_bookings(trip, events, now)
        _write_bookings(trip, events)
        trip.flush()  # the longest part: PostgreSQL is busy with it while the rest is made
        reopen_closures(trip, events)
        write_claims(trip, events)
        save_market(trip, events, now)
        write_closures(trip, events)
        if _of(events, CanaryHeard):
            trip.execute(SQL_HEAR_CANARY, ("lanes", now))
        write_payments(trip, events)
        if news := _news(decided):
            write_event_rows(trip, news, now)
        _write_answers(trip, decided, now)
        trip.execute("COMMIT")


def _write_users(trip: RoundTrip, events: Sequence[Event], initial_password_hash: str | None) -> None:
    """Whose password others set may do nothing but change it."""
    users = sorted(_of(events, UserCreated), key=lambda event: event.user.phone_key or "")
    if users:
        must_change = initial_password_hash is not None
        trip.execute(SQL_USERS, (initial_password_hash, must_change, _json(_user_rows(users)), len(users)))


def _write_bookings(trip: RoundTrip, events: Sequence[Event]) -> None:
    if placed := _of(events, BookingPlaced):
        trip.execute(SQL_BOOKINGS, (_json([event.booking for event in placed]),))
    if changed := _changed_rows(events):
        trip.execute(SQL_CHANGES, (_json(changed),))


def _write_answers(trip: RoundTrip, decided: Sequence[Decided], now: datetime) -> None:
    """Last: they are what the commands' clients look for."""
    if deferred := _deferred(decided):
        ids, awaited = _columns(deferred)
        trip.execute(SQL_DEFER, (ids, awaited, ids, len(deferred)))
    if steps := _steps(decided):
        trip.execute(SQL_STEP, (_json(steps), len(steps)))
    answered = [
        (d.envelope.id, d.outcome, data_subjects_of(d.envelope, d.events)) for d in decided if d.outcome is not DEFERRED
    ]
    if answered:
        trip.execute(SQL_MOVE_ALL, [*move_parameters(answered, now), len(answered)])


def _write_slots(trip: RoundTrip, events: Sequence[Event], now: datetime) -> None:
    offered, changed = offered_and_changed(events)
    if changed:
        trip.execute(SQL_CHANGE, {"rows": _json(changed), "now": now})
    if offered:
        trip.execute(SQL_OFFER, {"rows": _json(offered), "now": now})


def _deferred(decided: Sequence[Decided]) -> list[tuple[UUID, UUID]]:
    """(command, what it awaits)."""
    last = ((one.envelope.id, one.events[-1]) for one in decided)
    return [(id_, event.payment_id) for id_, event in last if isinstance(event, CommandDeferred)]


def _steps(decided: Sequence[Decided]) -> list[dict[str, Any]]:
    last = ((one.envelope.id, one.events[-1]) for one in decided)
    return [{"id": id_, **asdict(event)} for id_, event in last if isinstance(event, CommandStepped)]


def _columns(rows: Sequence[tuple[UUID, UUID]]) -> list[list[UUID]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _of(events: Sequence[Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def _json(rows: Sequence[object]) -> str:
    """Rows as one parameter: encoded in C at once, where arrays would be dumped value by value."""
    return _encode(rows).decode()


def _user_rows(events: Sequence[UserCreated]) -> list[dict[str, Any]]:
    return [{**asdict(event.user), "country_code": event.country_code} for event in events]


def _changed_rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Each booking that changed, as the batch leaves it."""
    if _OF_CHANGES.isdisjoint(map(type, events)):
        return []
    last: dict[int, dict[str, Any]] = {}
    for event in events:
        if isinstance(event, BookingChanged):
            last[event.booking.id] = {**asdict(event.booking), "deleted_at": None}
        elif isinstance(event, BookingDeleted):
            b = event.booking
            last[b.id] = {**asdict(b), "deleted_at": b.updated_at}
    return [last[id_] for id_ in sorted(last)]


def _news(decided: Sequence[Decided]) -> list[EventRow]:
    return list(chain.from_iterable(event_rows(one.envelope, one.events) for one in decided))
