"""Addresses that bounced, as staff see them, and how far the mailbox was read that undeliverable mails come back to."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from core.store.connections.database import AsyncConnection, Connection
from core.store.connections.queries import fetch_all_as, fetch_one, find_one
from core.store.mails.addresses import BOUNCED_FOR, HASHED, address_hash, note_bounce
from core.store.mails.kept import SENDER

ADDRESS_OF = f"sha256({HASHED} || convert_to(lower(btrim(u.shown_email)), 'UTF8'))"
"""The hash of a person's present address, as `address_hash` makes it."""
_BOUNCED = f"""mail_address a JOIN user_account u ON u.id = a.user_id
WHERE a.bounced_at > clock_timestamp() - interval '{BOUNCED_FOR}' AND a.address_hash = {ADDRESS_OF}"""
SQL_LIST = f"""
SELECT u.id AS user_id, u.first_name, u.last_name, u.shown_email AS address, a.bounced_at, coalesce(a.bounce, '') AS answer,
       a.bounced_at + interval '{BOUNCED_FOR}' AS silent_until
FROM {_BOUNCED} ORDER BY a.bounced_at DESC, u.id LIMIT %(limit)s OFFSET %(offset)s
"""
SQL_COUNT = f"SELECT count(*) FROM (SELECT FROM {_BOUNCED} LIMIT 10001) AS counted"
SQL_WORKS = """
UPDATE mail_address SET bounced_at = NULL, bounce = NULL WHERE address_hash = %s AND bounced_at IS NOT NULL
RETURNING bounced_at
"""
SQL_MAILED = f"""
SELECT u.id, u.shown_email FROM delivery d JOIN user_account u ON u.id = substr(d.receiver, 6)::bigint
WHERE d.id = %s AND d.sender = '{SENDER}' AND d.receiver LIKE 'user:%%' AND d.state = 'sent' AND u.shown_email <> ''
"""
SQL_CAME_BACK = "UPDATE delivery SET answer = %(answer)s WHERE id = %(id)s AND answer IS DISTINCT FROM %(answer)s"
SQL_LOOK = """
INSERT INTO bounce_mailbox (mailbox, read_at) VALUES (%(mailbox)s, clock_timestamp())
ON CONFLICT (mailbox) DO UPDATE SET read_at = clock_timestamp()
WHERE bounce_mailbox.read_at < clock_timestamp() - make_interval(secs => %(every_s)s)
RETURNING uid_validity, last_uid
"""
SQL_READ = """
UPDATE bounce_mailbox SET uid_validity = %(uid_validity)s, last_uid = %(last_uid)s, problem = %(problem)s
WHERE mailbox = %(mailbox)s
"""
SQL_FAILED = "UPDATE bounce_mailbox SET problem = %(problem)s WHERE mailbox = %(mailbox)s"


class BouncedAddress(Struct, frozen=True):
    user_id: int
    first_name: str
    last_name: str
    address: str
    bounced_at: datetime
    answer: str
    """The mail server's code, or the status that the report of a mail that came back names."""
    silent_until: datetime
    """Until then nothing is sent there."""


class Place(Struct, frozen=True):
    """How far a mailbox was read."""

    uid_validity: int | None
    last_uid: int


async def list_bounced(connection: AsyncConnection, limit: int, offset: int) -> tuple[list[BouncedAddress], int]:
    """One page, the latest first, and how many there are in all, counted to 10,001.

    Addresses that are nobody's any more are left out: nothing would be sent there anyway.
    """
    rows = await fetch_all_as(connection, BouncedAddress, SQL_LIST, {"limit": limit, "offset": offset})
    return rows, int((await fetch_one(connection, SQL_COUNT))[0])


async def works_again(connection: AsyncConnection, address: str) -> bool:
    """Forget that an address bounced; False if it had not."""
    return await find_one(connection, SQL_WORKS, (address_hash(address),)) is not None


def mailed_to(connection: Connection, delivery_id: UUID) -> tuple[int, str] | None:
    """(user, their present address) of a mail that the mail server took."""
    row = connection.execute(SQL_MAILED.encode(), (delivery_id,)).fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def note_came_back(connection: Connection, delivery_id: UUID, user_id: int, address: str, status: str) -> None:
    """A mail that was taken came back later: the address is no good, and the list of mails says so."""
    note_bounce(connection, address, user_id, status)
    connection.execute(SQL_CAME_BACK, {"id": delivery_id, "answer": f"it came back: {status}"})


def lease_look(connection: Connection, mailbox: str, every_s: float) -> Place | None:
    """How far the mailbox was read, if it is time to look again; nobody else looks meanwhile."""
    row = connection.execute(SQL_LOOK, {"mailbox": mailbox, "every_s": every_s}).fetchone()
    return None if row is None else Place(*row)


def note_read(connection: Connection, mailbox: str, place: Place) -> None:
    row = {"uid_validity": place.uid_validity, "last_uid": place.last_uid, "problem": None}
    connection.execute(SQL_READ, {"mailbox": mailbox, **row})


def note_unread(connection: Connection, mailbox: str, problem: str) -> None:
    connection.execute(SQL_FAILED, {"mailbox": mailbox, "problem": problem[:200].replace("\0", "")})
