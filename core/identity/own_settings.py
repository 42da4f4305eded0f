"""What people set for themselves: the language of their mails, and whether they are reminded."""

from __future__ import annotations

from msgspec import Struct

from core.store.connections.database import AsyncConnection
from core.store.connections.queries import find_as, find_one

_COLUMNS = "language, reminders, practitioner_reminders"
SQL_READ = f"SELECT {_COLUMNS} FROM user_account WHERE id = %(id)s"
SQL_LOCK = f"{SQL_READ} FOR NO KEY UPDATE"
SQL_WRITE = """
UPDATE user_account SET language = %(language)s, reminders = %(reminders)s,
       practitioner_reminders = %(practitioner_reminders)s
WHERE id = %(id)s
"""
SQL_REMINDERS = """
SELECT CASE %(role)s::text WHEN 'client' THEN reminders ELSE practitioner_reminders END, coalesce(language, '')
FROM user_account WHERE id = %(id)s AND anonymised_at IS NULL
"""
SQL_SET_REMINDERS = """
UPDATE user_account
SET reminders = CASE %(role)s::text WHEN 'client' THEN %(on)s ELSE reminders END,
    practitioner_reminders = CASE %(role)s::text WHEN 'client' THEN practitioner_reminders ELSE %(on)s END
WHERE id = %(id)s AND anonymised_at IS NULL
"""


class OwnSettings(Struct, frozen=True):
    language: str | None
    """None: nobody chose one, and mails are in the installation's."""
    reminders: bool
    """Of bookings of one's own."""
    practitioner_reminders: bool
    """Of bookings that clients have with one."""


async def read(connection: AsyncConnection, user_id: int) -> OwnSettings | None:
    return await find_as(connection, OwnSettings, SQL_READ, {"id": user_id})


async def lock(connection: AsyncConnection, user_id: int) -> OwnSettings | None:
    """The same, kept from others until the transaction ends."""
    return await find_as(connection, OwnSettings, SQL_LOCK, {"id": user_id})


async def write(connection: AsyncConnection, user_id: int, settings: OwnSettings) -> None:
    row = {
        "language": settings.language,
        "reminders": settings.reminders,
        "practitioner_reminders": settings.practitioner_reminders,
    }
    await connection.execute(SQL_WRITE, {"id": user_id, **row})


async def reminders_of(connection: AsyncConnection, user_id: int, role: str) -> tuple[bool, str] | None:
    """Whether a person who is still there is reminded in a role, and their language, "" if they chose none."""
    row = await find_one(connection, SQL_REMINDERS, {"id": user_id, "role": role})
    return None if row is None else (bool(row[0]), str(row[1]))


async def set_reminders(connection: AsyncConnection, user_id: int, role: str, *, on: bool) -> None:
    await connection.execute(SQL_SET_REMINDERS, {"id": user_id, "role": role, "on": on})
