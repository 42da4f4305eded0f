"""What is known of addresses that mails go to: whether they were confirmed or bounced, and how many mails went there today.

An address is found by its hash, so that nobody reads addresses here. Tokens are kept hashed too.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

from msgspec import Struct

from core.store.connections.database import AsyncConnection, Connection
from core.store.connections.queries import find_one

BOUNCE_CHARS_MAX = 200
ASKED_FOR = "30 days"
"""So long the link of the mail that asks holds, and an address that says nothing is not asked again."""
BOUNCED_FOR = "30 days"
"""So long nothing is sent to an address that the mail server refused, or from which a mail came back."""
_PREFIX = b"holdfast mail\0"
HASHED = f"'\\x{_PREFIX.hex()}'::bytea"
"""What an address is hashed behind, in SQL."""

SQL_STATE = f"""
SELECT confirmed_at IS NOT NULL, refused_at IS NOT NULL, bounced_at > clock_timestamp() - interval '{BOUNCED_FOR}',
       CASE WHEN asked_at > clock_timestamp() - interval '{ASKED_FOR}' THEN asked_by END
FROM mail_address WHERE address_hash = %s
"""
SQL_ASK = """
INSERT INTO mail_address (address_hash, user_id, token_hash, asked_at, asked_by)
VALUES (%(hash)s, %(user_id)s, %(token)s, clock_timestamp(), %(by)s)
ON CONFLICT (address_hash) DO UPDATE
SET user_id = %(user_id)s, token_hash = %(token)s, asked_at = clock_timestamp(), asked_by = %(by)s
"""
SQL_BOUNCED = """
INSERT INTO mail_address (address_hash, user_id, bounced_at, bounce) VALUES (%(hash)s, %(user_id)s, clock_timestamp(), %(bounce)s)
ON CONFLICT (address_hash) DO UPDATE SET bounced_at = clock_timestamp(), bounce = %(bounce)s
"""
SQL_ANSWER = f"""
UPDATE mail_address SET confirmed_at = CASE WHEN %(yes)s THEN clock_timestamp() END,
       refused_at = CASE WHEN %(yes)s THEN NULL ELSE clock_timestamp() END
WHERE token_hash = %(token)s AND asked_at > clock_timestamp() - interval '{ASKED_FOR}' RETURNING user_id
"""
SQL_ASKED = f"""
SELECT a.confirmed_at IS NOT NULL, coalesce(u.language, '')
FROM mail_address a LEFT JOIN user_account u ON u.id = a.user_id
WHERE a.token_hash = %(token)s AND a.asked_at > clock_timestamp() - interval '{ASKED_FOR}'
"""
SQL_COUNT = """
INSERT INTO mail_count AS c (day, who, mails) SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date, %(who)s, 1
ON CONFLICT (day, who) DO UPDATE SET mails = c.mails + 1 WHERE c.mails < %(most)s RETURNING mails
"""


class AddressState(Struct, frozen=True):
    is_confirmed: bool = False
    is_refused: bool = False
    """Its reader wants no mails."""
    is_bouncing: bool | None = False
    asked_by: UUID | None = None
    """The delivery that asked, lately."""


class Asked(Struct, frozen=True):
    is_confirmed: bool
    language: str
    """Of its person; "" if they chose none."""


UNKNOWN = AddressState()


def address_hash(email: str) -> bytes:
    """The same for two spellings that are one address."""
    return hashlib.sha256(_PREFIX + email.strip().lower().encode("utf-8", "surrogatepass")).digest()


def read_state(connection: Connection, email: str) -> AddressState:
    row = connection.execute(SQL_STATE, (address_hash(email),)).fetchone()
    return AddressState(*row) if row else UNKNOWN


def note_asked(connection: Connection, email: str, user_id: int, token_hash: bytes, by: UUID) -> None:
    """The delivery `by` asks its reader, with this token, whether they want mails."""
    connection.execute(SQL_ASK, {"hash": address_hash(email), "user_id": user_id, "token": token_hash, "by": by})


def note_bounce(connection: Connection, email: str, user_id: int, answer: str) -> None:
    """The mail server refused the address for good."""
    bounce = answer[:BOUNCE_CHARS_MAX].replace("\0", "")
    connection.execute(SQL_BOUNCED, {"hash": address_hash(email), "user_id": user_id, "bounce": bounce})


def count_mail(connection: Connection, who: str, most: int) -> bool:
    """Count a mail of today to or by somebody; False if it is one too many."""
    return connection.execute(SQL_COUNT, {"who": who, "most": most}).fetchone() is not None


async def find_asked(connection: AsyncConnection, token_hash: bytes) -> Asked | None:
    """The address that was asked by this token, if one was lately."""
    row = await find_one(connection, SQL_ASKED, {"token": token_hash})
    return None if row is None else Asked(*row)


async def answer(connection: AsyncConnection, token_hash: bytes, *, yes: bool) -> int | None:
    """Note what an address's reader wants; whose address it is, or None if the token is unknown or too old."""
    row = await find_one(connection, SQL_ANSWER, {"token": token_hash, "yes": yes})
    return None if row is None else int(row[0])
