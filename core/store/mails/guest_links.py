"""Links by which a guest without a login reaches one booking. Their tokens are kept hashed.

A link ends some days after its booking, with the booking itself, and when the guest's address is another one.
"""

from __future__ import annotations

from core.domain.values import Booking
from core.store.connections.database import AsyncConnection, Connection
from core.store.connections.queries import find_one
from core.store.mails.addresses import address_hash
from core.store.mails.facts import FACTS, FACTS_FROM, MailFacts, facts_of

LINK_DAYS_AFTER = 7
"""After the booking's end."""

SQL_MAKE = """
INSERT INTO guest_link (token_hash, booking_id, address_hash, ends_at)
VALUES (%(token)s, %(booking_id)s, %(address)s, %(ends_at)s) ON CONFLICT (token_hash) DO UPDATE SET ends_at = %(ends_at)s
"""
SQL_FIND = f"""
SELECT {FACTS}, g.address_hash FROM guest_link g JOIN {FACTS_FROM.replace("booking b", "booking b ON b.id = g.booking_id", 1)}
WHERE g.token_hash = %(token)s AND b.deleted_at IS NULL AND u.anonymised_at IS NULL
  AND b.ends_at > clock_timestamp() - interval '{LINK_DAYS_AFTER} days'
"""


def make_link(connection: Connection, token_hash: bytes, booking: Booking, email: str) -> None:
    """Let the reader of this address reach this booking. Harmless if the link exists."""
    row = {"booking_id": booking.id, "ends_at": booking.ends_at, "address": address_hash(email)}
    connection.execute(SQL_MAKE, {"token": token_hash, **row})


async def give_link(connection: AsyncConnection, token_hash: bytes, booking: Booking, email: str) -> None:
    """The same for the booking page, which shows the link at once."""
    row = {"booking_id": booking.id, "ends_at": booking.ends_at, "address": address_hash(email)}
    await connection.execute(SQL_MAKE, {"token": token_hash, **row})


async def find_linked(connection: AsyncConnection, token_hash: bytes) -> MailFacts | None:
    """The booking that a link leads to, if it still does."""
    row = await find_one(connection, SQL_FIND, {"token": token_hash})
    if row is None:
        return None
    facts = facts_of(row[:-1])
    return facts if address_hash(facts.client.email) == bytes(row[-1]) else None
