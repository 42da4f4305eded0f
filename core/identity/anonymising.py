"""A person leaves: deleted where nothing needs the row, else anonymised, so that history keeps its bookings.

Everything happens in the caller's transaction, in one fixed order: who is left as superuser,
then the person's row, then what hangs on it. Whatever table comes to hold personal data gets
its statement here.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from core.domain.commands import Actor, Cancel, CommandClass
from core.identity.editing import SQL_PERSON
from core.identity.person import Person
from core.store.about import phone_name, user_name
from core.store.inbox import NewCommand, accept_parameters, accept_statement, slot_key

Connection = AsyncConnection[Any]

CANCELLED_AT_ONCE_MAX = 1_000
"""Bookings to come that are cancelled with their person."""
BLANKED_AGAIN_FOR = "1 hour"
"""So long commands that were under way when somebody was anonymised are looked for."""

WORDS = "What this answer said about a person was removed"
_BLANK = f"""
SET about = NULL, body = '{{}}', response = json_build_object(
        'success', status = 'succeeded', 'message', '{WORDS}', 'error', '{WORDS}', 'detail', '{WORDS}',
        'code', 'anonymised', 'status', http_status, 'errors', '[]'::json)
"""
SQL_LOCK = SQL_PERSON + " FOR UPDATE"
"""Stronger than for a change: no booking for this person is written until it is decided who they are."""
SQL_PHONE = "SELECT phone_key FROM user_account WHERE id = %(id)s"
SQL_BLANK_COMMANDS = f"UPDATE outcome {_BLANK} WHERE about && %(names)s::text[]"
SQL_BLANK_AGAIN = f"""
UPDATE outcome {_BLANK} FROM user_account u
WHERE u.anonymised_at > clock_timestamp() - interval '{BLANKED_AGAIN_FOR}' AND about && ARRAY['user:' || u.id]
"""
SQL_DELETE = "DELETE FROM user_account WHERE id = %(id)s"
SQL_TO_COME = """
SELECT b.id, b.resource_id, b.local_date FROM booking b
WHERE b.user_id = %(id)s AND b.listed_as = 'upcoming' AND b.status IN ('held', 'confirmed') AND b.starts_at > now()
ORDER BY b.starts_at, b.id LIMIT %(most)s
"""
SQL_BLANK = (
    """
    UPDATE user_account
    SET username = 'deleted-' || id, username_key = 'deleted-' || id, phone = '', phone_key = NULL, email = NULL,
        email_key = NULL, email_verified_at = NULL, contact_email = '', first_name = '', last_name = '', gender = '',
        country = '', country_code = NULL, password_hash = NULL, must_change_password = false, last_login = NULL,
        is_active = false, is_staff = false, is_superuser = false, is_practitioner = false,
        auth_epoch = auth_epoch + 1, anonymised_at = coalesce(anonymised_at, clock_timestamp())
    WHERE id = %(id)s
    """,
    """
    UPDATE booking SET notes = '', details = details - '{title,description,client_notes}'::text[]
    WHERE user_id = %(id)s AND (notes <> '' OR details ?| '{title,description,client_notes}'::text[])
    """,
    "UPDATE marketplace_booking SET words = '' WHERE user_id = %(id)s",
    """
    UPDATE booking_note n SET content = '' FROM booking b
    WHERE n.booking_id = b.id AND b.user_id = %(id)s AND n.content <> ''
    """,
    """
    UPDATE practitioner SET name = 'Former practitioner', name_key = 'former practitioner', bio = '', is_active = false, updated_at = clock_timestamp()
    WHERE user_id = %(id)s
    """,
    "DELETE FROM waiting_place WHERE user_id = %(id)s AND booking_id IS NULL",
    "DELETE FROM login_session WHERE user_id = %(id)s",
    "DELETE FROM api_token WHERE user_id = %(id)s",
    "DELETE FROM ws_ticket WHERE user_id = %(id)s",
    "DELETE FROM password_reset WHERE user_id = %(id)s",
    "DELETE FROM social_account WHERE user_id = %(id)s",
)


async def lock(connection: Connection, user_id: int) -> Person | None:
    async with connection.cursor(row_factory=class_row(Person)) as cursor:
        await cursor.execute(SQL_LOCK, {"id": user_id})
        return await cursor.fetchone()


async def blank_commands(connection: Connection, user_id: int) -> None:
    """Bodies and outcomes of what they asked for, and of what others asked about them."""
    row = await (await connection.execute(SQL_PHONE, {"id": user_id})).fetchone()
    names = [user_name(user_id), *([phone_name(row[0])] if row and row[0] else [])]
    await connection.execute(SQL_BLANK_COMMANDS, {"names": names})


async def delete(connection: Connection, user_id: int) -> bool:
    """True if nothing needed the row and it is gone; else everything is as it was."""
    try:
        async with connection.transaction():
            await connection.execute(SQL_DELETE, {"id": user_id})
    except ForeignKeyViolation:
        return False
    return True


async def anonymise(connection: Connection, user_id: int) -> None:
    """Blank who it was and end all their logins. Username, phone and address are free for others."""
    for statement in SQL_BLANK:
        await connection.execute(statement, {"id": user_id})


async def cancel_to_come(connection: Connection, user_id: int, by: Actor, request_id: str) -> tuple[int, set[int]]:
    """Ask the lanes to cancel what has not begun; (how many, lanes to ring after the commit)."""
    rows = await (await connection.execute(SQL_TO_COME, {"id": user_id, "most": CANCELLED_AT_ONCE_MAX})).fetchall()
    commands = [
        NewCommand(
            id=uuid4(),
            slot_key=slot_key(resource_id, day),
            command_class=CommandClass.BULK,
            contract="appointments",
            actor=by,
            request_id=request_id,
            reply_to=None,
            decide_before=None,
            command=Cancel(booking_id, "the account was deleted"),
        )
        for booking_id, resource_id, day in rows
    ]
    if not commands:
        return 0, set()
    accepted = await connection.execute(
        accept_statement(commands), accept_parameters([(command, None) for command in commands])
    )
    return len(commands), {row[1] for row in await accepted.fetchall()}
