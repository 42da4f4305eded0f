"""Deletes an account where nothing needs its row, else anonymises it, so that history keeps its bookings.

This module does what happens at once: it ends all logins and empties the account. `erasure` does the rest in steps;
`inventory` lists all of it.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import asdict
from psycopg.errors import ForeignKeyViolation

from core.domain.commands import Actor
from core.identity.personal_data.erasure import TO_COME, UNSPENT, assignments
from core.identity.personal_data.inventory import (
    ACCOUNT,
    BUSY_CALENDARS,
    COMMANDS,
    IDEMPOTENCY,
    SECRETS,
    WHEN_LEAVING,
    WORDS,
)
from core.store.connections.database import AsyncConnection, Connection
from core.store.connections.queries import fetch_one, find_as
from core.store.data_subjects import phone_name, practitioner_name, resource_name, user_name
from core.store.person import SQL_PERSON, Person

__all__ = ["WORDS", "Gone", "Left", "anonymise", "begin", "count", "delete", "lock", "remove"]


BLANKED_AGAIN_FOR = "1 hour"
"""For how long decided commands are searched for what was under way when an account was anonymised."""

SQL_LOCK = SQL_PERSON + " FOR UPDATE"
"""Stronger than for a change: no booking for this person is written until it is decided who they are."""
SQL_NAMES = """
SELECT u.phone_key, p.id, p.resource_id,
       ARRAY(SELECT phone_key FROM earlier_phone e WHERE e.user_id = u.id ORDER BY until),
       ARRAY(SELECT until FROM earlier_phone e WHERE e.user_id = u.id ORDER BY until), clock_timestamp()
FROM user_account u LEFT JOIN practitioner p ON p.user_id = u.id WHERE u.id = %(id)s
"""
SQL_BEGIN = """
INSERT INTO erasure (user_id, names, phones, until, actor, request_id)
VALUES (%(id)s, %(names)s, %(phones)s, %(until)s, %(actor)s::json, %(request_id)s) ON CONFLICT (user_id) DO NOTHING
"""
"""A second deletion changes nothing: the names were known at the first."""
SQL_BLANK_AGAIN = f"""
UPDATE outcome t SET {assignments(COMMANDS.fields)} FROM user_account u
WHERE u.anonymised_at > clock_timestamp() - interval '{BLANKED_AGAIN_FOR}' AND t.about && ARRAY['user:' || u.id]
"""
SQL_DELETE = "DELETE FROM user_account WHERE id = %(id)s"
SQL_ACCOUNT = f"""
UPDATE user_account t SET {assignments((*ACCOUNT.fields, *SECRETS.fields))}, must_change_password = false,
    is_active = false, is_staff = false, is_superuser = false, is_practitioner = false,
    auth_epoch = auth_epoch + 1, anonymised_at = coalesce(anonymised_at, clock_timestamp())
WHERE t.id = %(id)s
"""
SQL_PRACTITIONER = "UPDATE practitioner SET is_active = false, updated_at = clock_timestamp() WHERE user_id = %(id)s"
SQL_BUSY_CALENDARS = f"""
UPDATE busy_calendar t SET {assignments(BUSY_CALENDARS.fields)}, etag = NULL, last_modified = NULL, lease = NULL,
    fetch_at = NULL, sync_at = clock_timestamp(), left_to_do = 0
WHERE {BUSY_CALENDARS.find}
"""
"""The worker ends their closures and deletes them."""
SQL_WHEN_LEAVING = tuple(f"DELETE FROM {rows.table} t WHERE {rows.find}" for rows in WHEN_LEAVING if rows.is_deleted)
SQL_KEYS = f"DELETE FROM {IDEMPOTENCY.table} t WHERE {IDEMPOTENCY.find}"
_IS_PAID = f"{TO_COME} AND b.payment_status = 'succeeded' AND b.price_minor > 0"
_IN_TIME = ">= clock_timestamp() + make_interval(secs => %(notice_s)s)"
_GOES_BACK = f"""(b.starts_at {_IN_TIME} OR EXISTS (
    SELECT FROM marketplace_booking p
    WHERE p.parent_id = b.id AND p.status IN ('draft', 'confirmed') AND (p.starts_at IS NULL OR p.starts_at {_IN_TIME}))
    OR {UNSPENT})"""
"""Of what was bought in parts, those that have no time yet or are in time."""
SQL_COUNT = f"""
SELECT count(*) FILTER (WHERE {TO_COME}),
       count(*) FILTER (WHERE NOT {TO_COME}),
       count(*) FILTER (WHERE {_IS_PAID}),
       count(*) FILTER (WHERE {_IS_PAID} AND {_GOES_BACK}),
       (SELECT coalesce(sum(balance), 0)::bigint FROM credit
        WHERE user_id = %(id)s AND expires_at > clock_timestamp() AND balance < granted),
       (SELECT count(*) FROM payment p JOIN booking o ON o.id = p.booking_id WHERE o.user_id = %(id)s),
       (SELECT count(*) FROM marketplace_booking m JOIN practitioner p ON p.id = m.practitioner_id
        WHERE p.user_id = %(id)s AND m.status IN ('held', 'confirmed') AND m.starts_at > clock_timestamp())
FROM booking b WHERE b.user_id = %(id)s AND b.deleted_at IS NULL
"""


class Left(Struct, frozen=True):
    """What becomes of a deleted account's bookings, credits and payments."""

    bookings_being_cancelled: int
    """To come, without a time or not paid yet: the lanes cancel them, step by step."""
    bookings_kept: int
    """Over, or begun: they stay, without personal data."""
    paid_bookings_to_come: int
    refunds_expected: int
    """Of these, those whose money goes back, as for any cancellation."""
    credits_lost: int
    """Unused credits of bundles that are used in part: nothing goes back for them. Unspent bundles are cancelled."""
    payments_kept: int
    """For bookkeeping: amounts, times and the provider's numbers, without a name."""
    bookings_with_others: int
    """To come, of other people with this practitioner: staff decide about them."""


class Gone(Struct, frozen=True):
    anonymised: bool
    """Else nothing needed the account, and it is deleted."""
    left: Left

    @property
    def audited(self) -> dict[str, int]:
        """What the audit log says of it."""
        return {"anonymised": self.anonymised, **asdict(self.left)}


async def remove(connection: AsyncConnection, user_id: int, by: Actor, request_id: str, notice_s: int) -> Gone:
    """Delete an account, or anonymise it. In a transaction that has checked that it may go, and has locked it.

    `by` is who cancels its bookings to come; `notice_s` as in `count`.
    """
    left = await count(connection, user_id, notice_s)
    await begin(connection, user_id, by, request_id)
    is_deleted = await delete(connection, user_id)
    if not is_deleted:
        await anonymise(connection, user_id)
    return Gone(anonymised=not is_deleted, left=left)


async def lock(connection: AsyncConnection, user_id: int) -> Person | None:
    return await find_as(connection, Person, SQL_LOCK, {"id": user_id})


async def count(connection: AsyncConnection, user_id: int, notice_s: int) -> Left:
    """`notice_s`: money goes back for what begins at least this many seconds from now."""
    return Left(*await fetch_one(connection, SQL_COUNT, {"id": user_id, "notice_s": notice_s}))


async def begin(connection: AsyncConnection, user_id: int, by: Actor, request_id: str) -> None:
    """Note the account and the names to erase, before they are gone. In the transaction of the deletion."""
    locked = await fetch_one(connection, SQL_NAMES, {"id": user_id})
    phone, practitioner_id, resource_id, earlier, until, now = locked
    names = [user_name(user_id)]
    if practitioner_id is not None:
        names += [practitioner_name(practitioner_id), resource_name(resource_id)]
    phones = [*earlier, *([phone] if phone else [])]
    wanted = {
        "id": user_id,
        "names": names,
        "phones": [phone_name(one) for one in phones],
        "until": [*until, now][: len(phones)],
        "actor": msgspec.json.encode(by).decode(),
        "request_id": request_id,
    }
    await connection.execute(SQL_BEGIN, wanted)
    await connection.execute(SQL_KEYS.encode(), {"id": user_id})


async def delete(connection: AsyncConnection, user_id: int) -> bool:
    """True if nothing needed the row and it is deleted; else nothing changes."""
    try:
        async with connection.transaction():
            await connection.execute(SQL_DELETE, {"id": user_id})
    except ForeignKeyViolation:
        return False
    return True


async def anonymise(connection: AsyncConnection, user_id: int) -> None:
    """Empty the account and end all its logins. Username, phone and address are free for others."""
    for statement in (SQL_ACCOUNT, SQL_PRACTITIONER, SQL_BUSY_CALENDARS, *SQL_WHEN_LEAVING):
        await connection.execute(statement.encode(), {"id": user_id})


def blank_again(connection: Connection) -> None:
    """Blank what was decided about people while they were being anonymised."""
    connection.execute(SQL_BLANK_AGAIN.encode())
