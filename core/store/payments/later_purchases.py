"""Loads what decides about late payments: what their payers have bought since."""

from __future__ import annotations

from core.domain.bookings.status import Status
from core.domain.marketplace.details import MarketDetails
from core.domain.needs import Needs
from core.domain.state import State
from core.store.bookings.rows import BOOKING_COLUMNS
from core.store.connections.database import Connection
from core.store.connections.pipeline import pipelined
from core.store.marketplace.load import know_bookings, load_families, lock_seats

SQL_BOUGHT_AGAIN = f"""
SELECT {BOOKING_COLUMNS} FROM booking WHERE id IN (
    SELECT o.id FROM booking late JOIN booking o ON o.user_id = late.user_id AND o.contract = late.contract
    WHERE late.id = ANY(%s) AND o.id <> late.id AND o.deleted_at IS NULL
      AND o.status NOT IN ('draft', 'cancelled', 'expired')
      AND (o.service_id = late.service_id OR late.service_id IS NULL AND o.resource_id = late.resource_id)
      AND (o.starts_at < late.ends_at AND late.starts_at < o.ends_at OR o.created_at > late.created_at))
ORDER BY id FOR UPDATE
"""
"""Other bookings of the same service or resource by the same person; the rule is in `core.domain.payments.received`."""


def load_bought_again(connection: Connection, state: State, needs: Needs) -> None:
    """After the sessions are locked, so that no other lane gives these people a seat meanwhile."""
    found = (state.bookings.get(id_) for id_ in needs.paid_for)
    late = [booking for booking in found if booking is not None and booking.status is Status.EXPIRED]
    if not late:
        return
    details = [booking.details for booking in late if isinstance(booking.details, MarketDetails)]
    sessions = {one.session_id for one in details if one.session_id is not None}
    with pipelined(connection) as pipeline:
        pipeline.ask(SQL_BOUGHT_AGAIN, ([booking.id for booking in late],), lambda rows: know_bookings(state, rows))
        if sessions:
            lock_seats(pipeline, state, sessions, {booking.user_id for booking in late})
    load_families(connection, state)
