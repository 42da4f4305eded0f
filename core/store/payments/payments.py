"""Payments in a batch, and the later purchases that a late payment may meet.

What only the payments worker writes is in `core.store.payments.jobs`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from core.domain.bookings.status import Status
from core.domain.events import Event, PaymentChanged, PaymentMade
from core.domain.marketplace.details import MarketDetails
from core.domain.needs import Needs
from core.domain.payments.values import LIVE, Payment, PaymentState
from core.domain.state import State
from core.store.bookings.bookings import know_bookings
from core.store.bookings.rows import BOOKING_COLUMNS
from core.store.connections.database import Connection
from core.store.connections.pipeline import QueryPipeline, pipelined
from core.store.connections.round_trip import RoundTrip, Rows
from core.store.inbox.reading import SQL_FOLLOWERS, Waiting, undecoded, waiting
from core.store.marketplace.load import load_families, lock_seats
from core.store.sql.parameters import json_of

PAYMENT_TYPES = {
    "id": "uuid",
    "booking_id": "bigint",
    "attempt": "integer",
    "amount_minor": "bigint",
    "currency": "text",
    "state": "text",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
    "due_at": "timestamptz",
    "intent_id": "text",
    "decline": "text",
    "received_minor": "bigint",
    "refunded_minor": "bigint",
    "refund_id": "text",
    "refund_reason": "text",
    "sent": "boolean",
    "returning_minor": "bigint",
    "refund_number": "integer",
    "owed_minor": "bigint",
    "failed_minor": "bigint",
}
"""A payment's columns and their types, in the order of `Payment`'s fields."""

_FIXED = frozenset({"id", "booking_id", "attempt", "amount_minor", "currency", "created_at", "sent"})
assert tuple(PAYMENT_TYPES) == Payment.__struct_fields__, "PAYMENT_TYPES must name Payment's fields in order"  # noqa: S101

PAYMENT_COLUMNS = ", ".join(PAYMENT_TYPES)
_STATE = list(PAYMENT_TYPES).index("state")
_RECORD = ", ".join(f"{name} {type_}" for name, type_ in PAYMENT_TYPES.items())
_CHANGING = ", ".join(f"{name} = c.{name}" for name in PAYMENT_TYPES if name not in _FIXED)

SQL_BOOKINGS_OF = "SELECT id, booking_id FROM payment WHERE id = ANY(%s::uuid[])"
SQL_PAYMENTS = f"SELECT {PAYMENT_COLUMNS} FROM payment WHERE booking_id = ANY(%s) ORDER BY id FOR UPDATE"
"""All attempts of bookings. Bookings are locked before their payments."""
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
SQL_MAKE = f"""
INSERT INTO payment ({PAYMENT_COLUMNS}) SELECT {PAYMENT_COLUMNS} FROM json_to_recordset(%s::json) AS p ({_RECORD})
"""
SQL_CHANGE = f"""
UPDATE payment p SET {_CHANGING}, tries = CASE WHEN p.state = c.state THEN p.tries ELSE 0 END,
       parked_at = CASE WHEN p.state = c.state THEN p.parked_at END,
       problem = CASE WHEN p.state = c.state THEN p.problem END, traceparent = NULL
FROM json_to_recordset(%s::json) AS c ({_RECORD}) WHERE p.id = c.id
"""
SQL_TRACE = """
UPDATE payment SET traceparent = t.traceparent FROM unnest(%s::uuid[], %s::text[]) AS t (id, traceparent)
WHERE payment.id = t.id
"""
"""What Stripe is asked for belongs to the trace of the command that ordered it, if that is sampled."""

_OF_PAYMENTS = frozenset({PaymentMade, PaymentChanged})


def ask_paid_for(pipeline: QueryPipeline, needs: Needs) -> None:
    """The bookings that payments are for, to be locked before them."""

    def store_bookings(rows: Rows) -> None:
        needs.unnamed.update(booking_id for _, booking_id in rows)
        needs.paid_for.update(booking_id for id_, booking_id in rows if id_ in needs.received)

    if needs.payments:
        pipeline.ask(SQL_BOOKINGS_OF, (list(needs.payments),), store_bookings)


def lock_payments(pipeline: QueryPipeline, state: State, booking_ids: Collection[int]) -> None:
    def store_payments(rows: Rows) -> None:
        state.payments |= {row[0]: payment_of(row) for row in rows}

    if booking_ids:
        pipeline.ask(SQL_PAYMENTS, (sorted(booking_ids),), store_payments)


def ask_followers(pipeline: QueryPipeline, state: State, payment_ids: Collection[UUID], unreadable: list[UUID]) -> None:
    """Deferred commands by the payment that they wait for. Those that cannot be decoded go to `unreadable`."""

    def store_followers(rows: Rows) -> None:
        for awaited, readable, *row in rows:
            one = waiting(tuple(row)) if readable else undecoded(tuple(row))
            if isinstance(one, Waiting):
                state.followers.setdefault(awaited, []).append(one.envelope)
            else:
                unreadable.append(one.header.id)

    if payment_ids:
        pipeline.ask(SQL_FOLLOWERS, (list(payment_ids),), store_followers)


def load_bought_again(connection: Connection, state: State, needs: Needs) -> None:
    """Other bookings by which late payers may have bought the same again. Sessions are locked first, so that no other lane
    gives these people a seat meanwhile.
    """
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


Traced = tuple[str | None, Sequence[Event]]
"""A command's trace and its events."""


def write_payments(trip: RoundTrip, events: Sequence[Event], decided: Iterable[Traced]) -> None:
    """Write each payment as the batch leaves it, with the trace of the last command that changed it.

    Those that end go first: a booking has at most one live attempt, and a unique index is checked row by row.
    """
    if _OF_PAYMENTS.isdisjoint(map(type, events)):
        return
    made = {event.payment.id for event in events if isinstance(event, PaymentMade)}
    last = {event.payment.id: event.payment for event in events if isinstance(event, PaymentMade | PaymentChanged)}
    changed = [payment for id_, payment in last.items() if id_ not in made]
    for statement, rows in (
        (SQL_CHANGE, [payment for payment in changed if payment.state not in LIVE]),
        (SQL_MAKE, [payment for id_, payment in last.items() if id_ in made]),
        (SQL_CHANGE, [payment for payment in changed if payment.state in LIVE]),
    ):
        if rows:
            trip.execute(statement, (json_of(sorted(rows, key=lambda row: row.id)),))
    if traced := _traced(decided):
        trip.execute(SQL_TRACE, (list(traced), list(traced.values())))


def _traced(decided: Iterable[Traced]) -> dict[UUID, str]:
    """By payment, where it is sampled."""
    last = {
        event.payment.id: traceparent
        for traceparent, events in decided
        for event in events
        if isinstance(event, PaymentMade | PaymentChanged)
    }
    return {id_: traceparent for id_, traceparent in last.items() if traceparent is not None}


def payment_of(row: tuple[Any, ...]) -> Payment:
    """A row of `PAYMENT_COLUMNS` as a value."""
    values = list(row)
    values[_STATE] = PaymentState(values[_STATE])
    payment = Payment(*values)
    if payment.state is PaymentState.REFUND_FAILED and payment.returning_minor:  # as earlier releases wrote it
        return replace(payment, failed_minor=payment.failed_minor + payment.returning_minor, returning_minor=0)
    return payment
