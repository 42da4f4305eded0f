"""Marketplace bookings as people read them: with what they show from other tables, in few round trips."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.state import State
from core.domain.values import Policy
from core.store.bookings.bookings import know_bookings
from core.store.bookings.rows import BOOKING_COLUMNS
from core.store.connections.database import AsyncConnection
from core.store.connections.pipeline import pipelined_async
from core.store.connections.round_trip import Rows
from core.store.marketplace.booking_notes import ask_notes
from core.store.marketplace.load import ask_context, market_bookings
from core.store.people import SQL_USERS, know_users
from core.store.sql.parameters import array_of

CHILDREN_SHOWN = 200
SQL_NOW = "SELECT clock_timestamp()"
SQL_BOOKINGS = f"""
SELECT {BOOKING_COLUMNS} FROM booking WHERE id = ANY(%s) AND deleted_at IS NULL AND contract = 'marketplace'
"""
SQL_CHILDREN = f"""
SELECT {BOOKING_COLUMNS} FROM booking WHERE deleted_at IS NULL AND id IN (
    SELECT booking_id FROM marketplace_booking WHERE parent_id = ANY(%s) ORDER BY booking_id LIMIT {CHILDREN_SHOWN})
"""


async def read_bookings(connection: AsyncConnection, ids: Sequence[int], policy: Policy, *, in_full: bool) -> State:
    """The bookings among these ids that exist, with practitioners, services, places and the clock.

    In full: with children, notes and their people too.
    """
    state = State(rules=None, policy=policy)

    def read_clock(rows: Rows) -> None:
        state.market.now = rows[0][0]

    async with pipelined_async(connection) as pipeline:
        pipeline.ask(SQL_BOOKINGS, (list(ids),), lambda rows: know_bookings(state, rows))
        pipeline.ask(SQL_NOW, None, read_clock)
        if in_full:
            pipeline.ask(SQL_CHILDREN, (list(ids),), lambda rows: know_bookings(state, rows))
    pairs = market_bookings(state)
    async with pipelined_async(connection) as pipeline:
        if pairs:
            ask_context(pipeline, state, pairs)
        if pairs and in_full:
            ask_notes(pipeline, state, ids)
            owners = sorted({booking.user_id for booking, _ in pairs})
            pipeline.ask(SQL_USERS, (array_of(owners),), lambda rows: know_users(state, rows))
    return state
