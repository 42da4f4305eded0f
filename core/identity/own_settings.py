"""What people set for themselves: the language of their mails, and whether they are reminded."""

from __future__ import annotations

from msgspec import Struct

from core.store.connections.database import AsyncConnection
from core.store.connections.queries import find_as

_COLUMNS = "language, reminders, practitioner_reminders"
SQL_READ = f"SELECT {_COLUMNS} FROM user_account WHERE id = %(id)s"
SQL_LOCK = f"{SQL_READ} FOR NO KEY UPDATE"
SQL_WRITE = """
UPDATE user_account SET language = %(language)s, reminders = %(reminders)s,
       practitioner_reminders = %(practitioner_reminders)s
WHERE id = %(id)s
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
