"""Time slots in a batch: locked and loaded before it, written after it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from core.domain.bookings.status import TAKES_TIME
from core.domain.command_table import category_times_of
from core.domain.commands import Command
from core.domain.events import Event, SlotChanged, SlotOffered, SlotRemoved
from core.domain.needs import Needs
from core.domain.state import State
from core.domain.values import ResourceTime, TimeSlot
from core.store.catalogue.categories import category_of
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.round_trip import RoundTrip, Rows
from core.store.sql.parameters import SQL_INTERVAL_ROWS, array_of, intervals_parameter, json_of

SLOT_COLUMNS = "s.id, c.id, c.name, r.id, r.kind, r.name, r.zone, s.starts_at, s.ends_at"
_TABLES = "time_slot s JOIN category c ON c.id = s.category_id JOIN resource r ON r.id = c.resource_id"

SQL_SLOTS = f"""
SELECT {SLOT_COLUMNS} FROM {_TABLES}
WHERE s.deleted_at IS NULL
  AND s.id = ANY(%(slots)s::bigint[] || ARRAY(SELECT b.time_slot_id FROM booking b
                                              WHERE b.id = ANY(%(bookings)s) AND b.time_slot_id IS NOT NULL))
ORDER BY s.id FOR UPDATE OF s
"""
"""Locked before any booking, in id order. A booking may have gone to another slot when it is locked itself: that one is
locked later (`lock_new_slots`)."""
SQL_NEW_SLOTS = f"""
SELECT {SLOT_COLUMNS} FROM {_TABLES} WHERE s.deleted_at IS NULL AND s.id = ANY(%s) ORDER BY s.id FOR UPDATE OF s
"""
SQL_NEIGHBOURS = f"""
SELECT DISTINCT {SLOT_COLUMNS}
FROM {SQL_INTERVAL_ROWS}
JOIN time_slot s ON s.category_id = w.id AND s.deleted_at IS NULL
                AND tstzrange(s.starts_at, s.ends_at) && tstzrange(w.starts_at, w.ends_at)
JOIN category c ON c.id = s.category_id JOIN resource r ON r.id = c.resource_id
"""
"""Slots in the way of those that would be offered. They are not locked: the exclusion constraint finds later ones."""
SQL_SHARING = f"""
WITH w AS (
    SELECT id AS resource_id, starts_at, ends_at FROM {SQL_INTERVAL_ROWS}
    UNION
    SELECT resource_id, lower(during), upper(during) FROM claim WHERE booking_id = ANY(%s::bigint[])
)
SELECT DISTINCT {SLOT_COLUMNS}
FROM w JOIN category c ON c.resource_id = w.resource_id JOIN resource r ON r.id = c.resource_id
JOIN time_slot s ON s.category_id = c.id AND s.deleted_at IS NULL
                AND tstzrange(s.starts_at, s.ends_at) && tstzrange(w.starts_at, w.ends_at)
WHERE NOT EXISTS (SELECT FROM booking o WHERE o.time_slot_id = s.id AND o.status IN ('completed', 'no_show')
                                          AND o.deleted_at IS NULL)
"""
"""Slots on the resources whose time a batch may take or free. A slot whose booking is over stays booked, whatever
becomes of its resource."""
SQL_OFFER = """
INSERT INTO time_slot (id, category_id, starts_at, ends_at, created_at, deleted_at)
SELECT id, category_id, starts_at, ends_at, %(now)s, CASE WHEN removed THEN %(now)s::timestamptz END
FROM json_to_recordset(%(rows)s::json) AS s (
    id bigint, category_id bigint, starts_at timestamptz, ends_at timestamptz, removed boolean)
"""
SQL_CHANGE = """
UPDATE time_slot s
SET category_id = n.category_id, starts_at = n.starts_at, ends_at = n.ends_at,
    deleted_at = CASE WHEN n.removed THEN %(now)s::timestamptz END
FROM json_to_recordset(%(rows)s::json) AS n (
    id bigint, category_id bigint, starts_at timestamptz, ends_at timestamptz, removed boolean)
WHERE s.id = n.id
"""


def lock_slots(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    """Before any booking."""

    def store_slots(rows: Rows) -> None:
        state.slots |= {row[0]: slot_of(row) for row in rows}

    bookings = needs.bookings | needs.unnamed
    if needs.slots or bookings:
        pipeline.ask(SQL_SLOTS, {"slots": list(needs.slots), "bookings": list(bookings)}, store_slots)


def lock_new_slots(pipeline: QueryPipeline, state: State) -> None:
    """Slots of bookings that another lane moved to them between the look at their slots and at themselves."""

    def store_slots(rows: Rows) -> None:
        state.slots |= {row[0]: slot_of(row) for row in rows}

    had = {booking.time_slot_id for booking in state.bookings.values() if booking.time_slot_id is not None}
    if missing := had - state.slots.keys():
        pipeline.ask(SQL_NEW_SLOTS, (sorted(missing),), store_slots)


def ask_neighbours(pipeline: QueryPipeline, state: State, commands: Sequence[Command]) -> None:
    """The slots that are on offer already where commands offer some."""

    def store_neighbours(rows: Rows) -> None:
        for row in rows:
            state.timetable.add(slot_of(row))

    if offers := category_times_of(state, commands):
        pipeline.ask(SQL_NEIGHBOURS, (intervals_parameter(offers),), store_neighbours)


def ask_shared_slots(pipeline: QueryPipeline, state: State, wanted: Collection[ResourceTime]) -> None:
    """The slots that other bookings, or closures, of this batch may take off the offer or give back to it."""

    def store_shared(rows: Rows) -> None:
        for row in rows:
            state.shared_slots.add(slot_of(row))

    spans = {*wanted}
    spans |= {(closure.resource.id, closure.starts_at, closure.ends_at) for closure in state.closures.values()}
    taking = [booking.id for booking in state.bookings.values() if booking.status in TAKES_TIME]
    if spans or taking:
        pipeline.ask(SQL_SHARING, (intervals_parameter(spans), array_of(taking)), store_shared)


def slot_of(row: Sequence[Any]) -> TimeSlot:
    """A row that begins with `SLOT_COLUMNS`."""
    return TimeSlot(row[0], category_of(row[1:7]), row[7], row[8])


_OF_SLOTS = frozenset({SlotOffered, SlotChanged, SlotRemoved})


def write_slots(trip: RoundTrip, events: Sequence[Event], now: datetime) -> None:
    """Each time slot as the batch leaves it."""
    if _OF_SLOTS.isdisjoint(map(type, events)):
        return
    new: dict[int, dict[str, Any]] = {}
    old: dict[int, dict[str, Any]] = {}
    for event in events:
        match event:
            case SlotOffered(slot=slot):
                new[slot.id] = _row(slot, removed=False)
            case SlotChanged(slot=slot) | SlotRemoved(slot=slot):
                rows = new if slot.id in new else old
                rows[slot.id] = _row(slot, removed=isinstance(event, SlotRemoved))
            case _:
                pass
    if old:
        trip.execute(SQL_CHANGE, {"rows": json_of([old[id_] for id_ in sorted(old)]), "now": now})
    if new:
        trip.execute(SQL_OFFER, {"rows": json_of(list(new.values())), "now": now})


def _row(slot: TimeSlot, *, removed: bool) -> dict[str, datetime | int | bool]:
    return {
        "id": slot.id,
        "category_id": slot.category.id,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "removed": removed,
    }
