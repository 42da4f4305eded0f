"""Parked payments, as an operator puts them right: tried again at once, or left alone.

A replay only makes the payment due. The payments worker then looks at the provider first, as it does whenever the
same was asked before (`PaymentJob.was_asked`), so nothing is charged or refunded twice.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from core.store.audit import AuditEntry, Author, record
from core.store.connections.database import Connection

_COLUMNS = "id, booking_id, state, amount_minor, currency, tries, problem, parked_at, due_at, lease IS NOT NULL AND leased_until > clock_timestamp()"
SQL_LIST = f"SELECT {_COLUMNS} FROM payment WHERE parked_at IS NOT NULL ORDER BY parked_at, id LIMIT %s"
SQL_LOCK = f"SELECT {_COLUMNS} FROM payment WHERE id = %s FOR UPDATE"
SQL_LOOK = f"SELECT {_COLUMNS} FROM payment WHERE id = %s"
SQL_REPLAY = """
UPDATE payment SET due_at = clock_timestamp(), tries = 1, parked_at = NULL, problem = NULL, lease = NULL, leased_until = NULL
WHERE id = %s
"""
"""One try is remembered: of a refund that an earlier release asked for, it says that the provider was asked."""
SQL_DROP = "UPDATE payment SET due_at = NULL, parked_at = NULL, lease = NULL, leased_until = NULL WHERE id = %s"
"""The reason stays readable."""


class ParkedPayment(Struct, frozen=True):
    """A payment that failed again and again, and is tried once an hour only. Amounts are in minor units."""

    id: UUID
    booking_id: int
    state: str
    amount_minor: int
    currency: str
    tries: int
    problem: str | None
    parked_at: datetime | None
    due_at: datetime | None
    is_tried_now: bool


class PaymentNotParkedError(Exception):
    """The message says what state it is in."""


def parked_payments(connection: Connection, limit: int) -> list[ParkedPayment]:
    """Oldest first."""
    return [ParkedPayment(*row) for row in connection.execute(SQL_LIST.encode(), (limit,)).fetchall()]


def find_payment(connection: Connection, id_: UUID) -> ParkedPayment | None:
    """Parked or not."""
    row = connection.execute(SQL_LOOK.encode(), (id_,)).fetchone()
    return None if row is None else ParkedPayment(*row)


def replay_payment(connection: Connection, id_: UUID, by: Author) -> None:
    """Raises PaymentNotParkedError."""
    _change(connection, id_, by, SQL_REPLAY, "payment.replayed", {"parked": False})


def drop_payment(connection: Connection, id_: UUID, by: Author) -> None:
    """It is not tried any more, until something else happens to its booking. Raises PaymentNotParkedError."""
    _change(connection, id_, by, SQL_DROP, "payment.dropped", {"parked": False, "is_tried": False})


def _change(connection: Connection, id_: UUID, by: Author, statement: str, action: str, after: dict[str, bool]) -> None:
    with connection.transaction():
        row = connection.execute(SQL_LOCK.encode(), (id_,)).fetchone()
        if row is None:
            raise PaymentNotParkedError(f"There is no payment {id_}")
        payment = ParkedPayment(*row)
        if payment.parked_at is None:
            raise PaymentNotParkedError(f"The payment {id_} is not parked: its state is {payment.state}")
        if payment.is_tried_now:
            raise PaymentNotParkedError(f"The payment {id_} is being tried at this moment: look again in a minute")
        connection.execute(statement.encode(), (id_,))
        before = {"parked": True, "state": payment.state, "tries": payment.tries}
        subject = f"payment:{id_}"
        record(connection, AuditEntry(by, action, subject, before, dict(after), also=[f"booking:{payment.booking_id}"]))
