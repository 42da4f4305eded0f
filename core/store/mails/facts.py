"""A booking as mails and guests' links show it: read when it is shown, so that it says what is true then."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from core.domain.bookings.status import Status
from core.domain.values import Booking, User
from core.store.bookings.rows import BOOKING_WIDTH, VIEW_COLUMNS, view_of
from core.store.connections.database import AsyncConnection, Connection
from core.store.connections.queries import fetch_all
from core.store.sql.parameters import array_of

_TYPED = "b.service_id IS NULL AND b.contract IN ('appointments', 'agent')"
"""A name that no service has is what a caller typed."""
_WIDTH = BOOKING_WIDTH + len(User.__struct_fields__)
FACTS = f"""{VIEW_COLUMNS}, b.deleted_at IS NOT NULL, r.zone, CASE WHEN {_TYPED} THEN '' ELSE b.service_name END,
       CASE WHEN u.email_key IS NULL THEN '' ELSE u.email END, u.contact_email, u.anonymised_at IS NOT NULL,
       coalesce(p.user_id, 0), coalesce(p.name, ''), CASE WHEN pu.email_key IS NULL THEN '' ELSE pu.email END,
       coalesce(u.language, ''), u.reminders, coalesce(pu.language, ''), coalesce(pu.practitioner_reminders, false),
       concat_ws(', ', nullif(l.name, ''), nullif(l.address, '')),
       (SELECT coalesce(sum(refunded_minor + returning_minor + owed_minor), 0)::bigint FROM payment y
        WHERE y.booking_id = b.id)"""
"""The columns of `MailFacts`, of `FACTS_FROM`."""
FACTS_FROM = """booking b JOIN user_account u ON u.id = b.user_id JOIN resource r ON r.id = b.resource_id
LEFT JOIN practitioner p ON b.contract = 'marketplace' AND p.id = (b.details ->> 'practitioner_id')::bigint
LEFT JOIN user_account pu ON pu.id = p.user_id
LEFT JOIN location l ON b.contract = 'marketplace' AND l.id = (b.details ->> 'location_id')::bigint"""
SQL_FACTS = f"SELECT {FACTS} FROM {FACTS_FROM} WHERE b.id = %s"
"""Deleted ones too: their cancellation is still to be told."""
SQL_STATES = """
SELECT b.id, b.status, b.version, b.hold_expires_at IS NOT NULL OR (b.details ->> 'parent_id') IS NOT NULL, b.user_id,
       p.user_id, b.deleted_at IS NOT NULL, (b.details ->> 'parent_id') IS NOT NULL,
       CASE WHEN coalesce((b.details ->> 'is_scheduled')::boolean, true) THEN b.starts_at END, b.hold_expires_at,
       u.reminders, coalesce(pu.practitioner_reminders, false)
FROM booking b JOIN user_account u ON u.id = b.user_id CROSS JOIN LATERAL (
    SELECT CASE WHEN b.contract = 'marketplace' THEN (b.details ->> 'practitioner_user_id')::bigint END AS user_id) AS p
LEFT JOIN user_account pu ON pu.id = p.user_id
WHERE b.id = ANY(%s::bigint[])
"""

SQL_PAYMENT = "SELECT received_minor, currency, refund_reason FROM payment WHERE id = %s AND booking_id = %s"
SQL_TO_COME = """
SELECT id FROM booking
WHERE user_id = %(user_id)s AND status = 'confirmed' AND deleted_at IS NULL AND ends_at > clock_timestamp()
ORDER BY starts_at, id LIMIT %(most)s
"""


class MailFacts(Struct, frozen=True):
    """All that is said of one booking."""

    booking: Booking
    client: User
    is_deleted: bool
    zone: str
    what: str
    """Of the catalogue; "" for a name that was typed."""
    login_email: str
    """Of the client; "" if there is none."""
    given_email: str
    """An address of the client that somebody else gave; "" if there is none."""
    is_anonymised: bool
    practitioner_user_id: int
    """0: nobody."""
    practitioner_name: str
    practitioner_email: str
    client_language: str
    """"" where the client chose none."""
    client_reminders: bool
    practitioner_language: str
    practitioner_reminders: bool
    where: str
    back_minor: int
    """Of the payments, what went back, is on its way or is owed."""


class PaymentFacts(Struct, frozen=True):
    """What is said of one payment."""

    received_minor: int
    currency: str
    refund_reason: str | None


class BookingState(Struct, frozen=True):
    """What planning needs of a booking."""

    status: Status
    version: int
    had_to_wait: bool
    """It was held before it was confirmed, or is a part of something that may have been."""
    user_id: int
    practitioner_user_id: int | None
    is_deleted: bool = False
    is_part: bool = False
    """Of a course or package, which was bought as a whole."""
    starts_at: datetime | None = None
    """None of what has no time."""
    hold_expires_at: datetime | None = None
    client_reminders: bool = True
    practitioner_reminders: bool = False


def facts_of(row: tuple[Any, ...]) -> MailFacts:
    """A row of `FACTS`."""
    booking, client = view_of(row[:_WIDTH])
    return MailFacts(booking, client, *row[_WIDTH:])


def read_facts(connection: Connection, booking_id: int) -> MailFacts | None:
    row = connection.execute(SQL_FACTS.encode(), (booking_id,)).fetchone()
    return None if row is None else facts_of(row)


def read_payment(connection: Connection, payment_id: str, booking_id: int) -> PaymentFacts | None:
    """A payment for this booking."""
    row = connection.execute(SQL_PAYMENT, (payment_id, booking_id)).fetchone()
    return None if row is None else PaymentFacts(*row)


def read_states(connection: Connection, booking_ids: set[int]) -> dict[int, BookingState]:
    rows: list[tuple[Any, ...]] = connection.execute(SQL_STATES, (array_of(booking_ids),)).fetchall()
    return {row[0]: BookingState(Status(row[1]), *row[2:]) for row in rows}


async def bookings_to_come(connection: AsyncConnection, user_id: int, most: int) -> list[int]:
    """A person's confirmed bookings that are not over, the next first."""
    return [row[0] for row in await fetch_all(connection, SQL_TO_COME, {"user_id": user_id, "most": most})]
