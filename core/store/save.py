"""Saves a batch: everything that it decided, in a few set-based writes of one transaction.

Each family writes its rows in a module of its own; here is their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain

from msgspec import Struct
from msgspec.structs import asdict

from core.domain.commands import Envelope
from core.domain.events import CanaryHeard, CommandDeferred, CommandStepped, Event
from core.store.audit import SQL_ENTER, enter_parameters
from core.store.bookings.bookings import write_bookings
from core.store.catalogue.closures import reopen_closures, write_closures
from core.store.claims import write_claims
from core.store.connections.database import Connection
from core.store.connections.round_trip import RoundTrip
from core.store.data_subjects import data_subjects_of
from core.store.decided_changes import audit_entries
from core.store.feed_events import event_rows, write_event_rows
from core.store.inbox.outcomes import DEFERRED, SQL_MOVE_ALL, Outcome, move_parameters
from core.store.inbox.unfinished import SQL_DEFER, SQL_STEP
from core.store.marketplace.save import save_market, save_market_before_bookings
from core.store.payments.payments import write_payments
from core.store.people import write_users
from core.store.sql.parameters import json_of
from core.store.timeslots import write_slots

SQL_HEAR_CANARY = """
INSERT INTO canary (stage, heard_at) VALUES (%s, %s)
ON CONFLICT (stage) DO UPDATE SET heard_at = greatest(canary.heard_at, excluded.heard_at)
"""


class Decided(Struct, frozen=True):
    """One command with its events and its answer."""

    envelope: Envelope
    events: tuple[Event, ...]
    outcome: Outcome
    """`DEFERRED` if the answer comes later, from outside or after more steps."""


def save(
    connection: Connection, decided: Sequence[Decided], now: datetime, *, initial_password_hash: str | None = None
) -> None:
    """Write a decided batch and commit. Fails with `LOST_RACE` if another transaction changed a row meanwhile.

    Time is given back before time is taken, closures take what bookings leave, and time slots are written before their
    bookings.
    """
    events = list(chain.from_iterable(one.events for one in decided))
    with RoundTrip(connection) as trip:
        if audited := audit_entries((one.envelope, one.events) for one in decided):
            trip.execute(SQL_ENTER, enter_parameters(audited, now))
        write_users(trip, events, initial_password_hash)
        write_slots(trip, events, now)
        save_market_before_bookings(trip, events, now)
        write_bookings(trip, events)
        trip.flush()  # the longest part: PostgreSQL is busy with it while the rest is made
        reopen_closures(trip, events)
        write_claims(trip, events)
        save_market(trip, events, now)
        write_closures(trip, events)
        if any(isinstance(event, CanaryHeard) for event in events):
            trip.execute(SQL_HEAR_CANARY, ("lanes", now))
        write_payments(trip, events, ((one.envelope.traceparent, one.events) for one in decided))
        if rows := list(chain.from_iterable(event_rows(one.envelope, one.events) for one in decided)):
            write_event_rows(trip, rows, now)
        _write_answers(trip, decided, now)
        trip.execute("COMMIT")


def _write_answers(trip: RoundTrip, decided: Sequence[Decided], now: datetime) -> None:
    """Last: they are what the commands' clients look for."""
    last = [(one.envelope.id, one.events[-1]) for one in decided]
    if deferred := [(id_, event.payment_id) for id_, event in last if isinstance(event, CommandDeferred)]:
        ids, awaited = (list(column) for column in zip(*deferred, strict=True))
        trip.execute(SQL_DEFER, (ids, awaited, ids, len(deferred)))
    if steps := [{"id": id_, **asdict(event)} for id_, event in last if isinstance(event, CommandStepped)]:
        trip.execute(SQL_STEP, (json_of(steps), len(steps)))
    answered = [
        (d.envelope.id, d.outcome, data_subjects_of(d.envelope, d.events)) for d in decided if d.outcome is not DEFERRED
    ]
    if answered:
        trip.execute(SQL_MOVE_ALL, [*move_parameters(answered, now), len(answered)])
