"""Bookings in a batch, and the time that stands in the way of what it wants."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from core.domain.command_table import category_times_of
from core.domain.commands import Command
from core.domain.needs import Needs
from core.domain.state import State
from core.domain.values import Claim, ResourceTime
from core.store.bookings.rows import BOOKING_COLUMNS, booking_of, lapsed
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.round_trip import Rows
from core.store.sql.parameters import SQL_INTERVAL_ROWS, intervals_parameter
from core.store.timeslots import SQL_NEIGHBOURS, slot_of

SQL_BOOKINGS = f"""
SELECT {BOOKING_COLUMNS} FROM booking
WHERE deleted_at IS NULL
  AND (id = ANY(%(ids)s) OR time_slot_id = ANY(%(slots)s) AND status NOT IN ('cancelled', 'expired'))
ORDER BY id FOR UPDATE
"""
"""Locked in id order: another lane may want the same booking. Time slots are locked before bookings."""
SQL_CLAIMS = f"""
WITH w AS (SELECT id AS resource_id, tstzrange(starts_at, ends_at) AS during FROM {SQL_INTERVAL_ROWS})
SELECT DISTINCT c.resource_id, lower(c.during), upper(c.during), c.booking_id, NULL::bigint AS closure_id
FROM w JOIN claim c ON c.resource_id = w.resource_id AND c.during && w.during WHERE c.closure_id IS NULL
UNION ALL
SELECT DISTINCT c.resource_id, lower(c.during), upper(c.during), NULL::bigint, c.id
FROM w JOIN closure c ON c.resource_id = w.resource_id AND c.during && w.during
"""
"""What is taken, by bookings and by whole closures. A closure's own claims only fill what bookings
leave of it, for the constraint."""
SQL_LAPSED = f"""
SELECT {BOOKING_COLUMNS} FROM booking b WHERE id = ANY(%s) AND {lapsed("b")} ORDER BY id FOR UPDATE
"""
"""Holds that stand in the way and have run out: whoever wants their time expires them first."""
SQL_OUT_OF_THE_WAY = """
SELECT w.id FROM unnest(%s::bigint[]) AS w (id)
WHERE NOT EXISTS (SELECT FROM claim c WHERE c.booking_id = w.id)
"""
"""Bookings whose claims were read and are gone since: another lane ended them."""


def lock_bookings(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    ids = needs.bookings | needs.unnamed
    if ids or needs.slots:
        pipeline.ask(SQL_BOOKINGS, {"ids": list(ids), "slots": list(needs.slots)}, lambda rows: _know(state, rows))


def ask_claims(
    pipeline: QueryPipeline, state: State, commands: Sequence[Command], wanted: Collection[ResourceTime]
) -> None:
    """What takes the times that commands want, and the slots that are on offer there already."""

    def claims(rows: Rows) -> None:
        for row in rows:
            state.take(Claim(*row))

    def neighbours(rows: Rows) -> None:
        for row in rows:
            state.timetable.add(slot_of(row))

    if wanted:
        pipeline.ask(SQL_CLAIMS, (intervals_parameter(wanted),), claims)
    if offers := category_times_of(state, commands):
        pipeline.ask(SQL_NEIGHBOURS, (intervals_parameter(offers),), neighbours)


def ask_claims_of_sharing(pipeline: QueryPipeline, state: State) -> None:
    """What else takes the slots that this batch may turn: it decides whether they turn."""

    def take(rows: Rows) -> None:
        for claim in (Claim(*row) for row in rows):
            if claim not in state.claims[claim.resource_id].touching(claim.starts_at, claim.ends_at):
                state.take(claim)

    if state.shared_slots:
        spans = {(slot.category.resource.id, slot.starts_at, slot.ends_at) for slot in state.shared_slots}
        pipeline.ask(SQL_CLAIMS, (intervals_parameter(spans),), take)


def lock_lapsed(pipeline: QueryPipeline, state: State, lapsed: set[int]) -> None:
    """Holds in the way that have run out; their ids are added to `lapsed`.

    Claims that another lane ended since they were read are dropped: they are no longer in the way. If their time is
    taken again by now, the exclusion constraint says so.
    """

    def take(rows: Rows) -> None:
        lapsed.update(row[0] for row in rows)
        _know(state, rows)

    def forget(rows: Rows) -> None:
        for (id_,) in rows:
            state.give_back((id_, None, None))

    if in_the_way := sorted(_holders_of_time(state)):
        pipeline.ask(SQL_LAPSED, (in_the_way,), take)
        pipeline.ask(SQL_OUT_OF_THE_WAY, (in_the_way,), forget)


def _holders_of_time(state: State) -> Collection[int]:
    return {claim.booking_id for claims in state.claims.values() for claim in claims if claim.booking_id is not None}


def _know(state: State, rows: Rows) -> None:
    for row in rows:
        state.know_booking(booking_of(row))
