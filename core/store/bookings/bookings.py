"""Bookings in a batch: locked and loaded before it, written after it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from msgspec.structs import asdict

from core.domain.events import BookingChanged, BookingDeleted, BookingPlaced, Event
from core.domain.needs import Needs
from core.domain.state import State
from core.store.bookings.rows import BOOKING_COLUMNS, BOOKING_FIXED, BOOKING_TYPES, booking_of, lapsed
from core.store.claims import drop_ended_claims
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.round_trip import RoundTrip, Rows
from core.store.sql.parameters import json_of

SQL_BOOKINGS = f"""
SELECT {BOOKING_COLUMNS} FROM booking
WHERE deleted_at IS NULL
  AND (id = ANY(%(ids)s) OR time_slot_id = ANY(%(slots)s) AND status NOT IN ('cancelled', 'expired'))
ORDER BY id FOR UPDATE
"""
"""Locked in id order: another lane may want the same booking. Time slots are locked before bookings."""
SQL_LAPSED = f"""
SELECT {BOOKING_COLUMNS} FROM booking b WHERE id = ANY(%s) AND {lapsed("b")} ORDER BY id FOR UPDATE
"""
"""Holds in the way that have run out: a command that wants their time expires them first."""

_RECORD = ", ".join(f"{name} {type_}" for name, type_ in BOOKING_TYPES.items())
_CHANGING = [name for name in BOOKING_TYPES if name not in BOOKING_FIXED]
SQL_PLACE = f"""
INSERT INTO booking ({BOOKING_COLUMNS})
SELECT {BOOKING_COLUMNS} FROM json_to_recordset(%s::json) AS b ({_RECORD})
"""
SQL_CHANGE = f"""
UPDATE booking b SET {", ".join(f"{name} = c.{name}" for name in _CHANGING)}, deleted_at = c.deleted_at
FROM json_to_recordset(%s::json) AS c ({_RECORD}, deleted_at timestamptz) WHERE b.id = c.id
"""

_OF_CHANGES = frozenset({BookingChanged, BookingDeleted})


def lock_bookings(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    ids = needs.bookings | needs.unnamed
    if ids or needs.slots:
        pipeline.ask(
            SQL_BOOKINGS, {"ids": list(ids), "slots": list(needs.slots)}, lambda rows: know_bookings(state, rows)
        )


def lock_lapsed(pipeline: QueryPipeline, state: State, lapsed: set[int]) -> None:
    """Holds in the way that have run out; their ids are added to `lapsed`."""

    def store_lapsed(rows: Rows) -> None:
        lapsed.update(row[0] for row in rows)
        know_bookings(state, rows)

    if in_the_way := sorted(_holders_of_time(state)):
        pipeline.ask(SQL_LAPSED, (in_the_way,), store_lapsed)
        drop_ended_claims(pipeline, state, in_the_way)


def write_bookings(trip: RoundTrip, events: Sequence[Event]) -> None:
    """Each booking as the batch leaves it."""
    if placed := [event.booking for event in events if isinstance(event, BookingPlaced)]:
        trip.execute(SQL_PLACE, (json_of(placed),))
    if changed := _changed(events):
        trip.execute(SQL_CHANGE, (json_of(changed),))


def _changed(events: Sequence[Event]) -> list[dict[str, Any]]:
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


def _holders_of_time(state: State) -> Collection[int]:
    return {claim.booking_id for claims in state.claims.values() for claim in claims if claim.booking_id is not None}


def know_bookings(state: State, rows: Rows) -> None:
    for row in rows:
        state.know_booking(booking_of(row))
