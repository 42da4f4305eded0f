"""Changes that staff make to accounts: locked, checked by the caller, written in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import sql
from psycopg.errors import UniqueViolation

from core.identity.account_names import email_key
from core.identity.users import TakenError, taken_field
from core.store.calendars.links import end_with_role
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all, fetch_one, find_as
from core.store.person import SQL_PERSON, Person

ROLES = frozenset({"is_active", "is_staff", "is_superuser", "is_practitioner"})
"""What calendar links hold by."""
SQL_LOCK = SQL_PERSON + " FOR NO KEY UPDATE"
SQL_LOCK_SUPERUSERS = """
SELECT id FROM user_account WHERE is_superuser AND is_active ORDER BY id FOR NO KEY UPDATE
"""
"""In id order: of two superusers who demote each other at once, one waits and then finds itself the last."""
SQL_BOOKINGS = """
SELECT count(*) FROM (SELECT FROM booking WHERE user_id = %(id)s AND listed_as IS NOT NULL LIMIT %(most)s) b
"""


async def person(connection: AsyncConnection, user_id: int) -> Person | None:
    return await find_as(connection, Person, SQL_PERSON, {"id": user_id})


async def lock(connection: AsyncConnection, user_id: int) -> Person | None:
    """The same, held until the end of the transaction."""
    return await find_as(connection, Person, SQL_LOCK, {"id": user_id})


async def is_last_superuser(connection: AsyncConnection, user_id: int) -> bool:
    """Whether nobody else could give roles. Until the end of the transaction it stays so."""
    return await fetch_all(connection, SQL_LOCK_SUPERUSERS) == [(user_id,)]


async def bookings(connection: AsyncConnection, user_id: int, most: int) -> int:
    """How many bookings somebody has, counted up to `most`."""
    return int((await fetch_one(connection, SQL_BOOKINGS, {"id": user_id, "most": most}))[0])


async def write(connection: AsyncConnection, user_id: int, columns: Mapping[str, Any]) -> None:
    """Set columns, named by our own code. Raises `TakenError`; a new password ends every login."""
    if not columns:
        return
    values = {name: sql.Placeholder(name) for name in columns}
    assignments: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in values.items()
    ]
    if "password_hash" in columns:
        assignments.append(sql.SQL("auth_epoch = auth_epoch + 1, must_change_password = false"))
    statement = sql.SQL("UPDATE user_account SET {} WHERE id = {}").format(
        sql.SQL(", ").join(assignments), sql.Placeholder("of")
    )
    try:
        async with connection.transaction():
            await connection.execute(statement, {**columns, "of": user_id})
            if not ROLES.isdisjoint(columns):
                await end_with_role(connection, user_id)
    except UniqueViolation as violation:
        raise TakenError(taken_field(violation)) from None


def email_columns(email: str) -> dict[str, Any]:
    """A login address that staff typed, not verified yet; an empty one removes it."""
    address = email.strip()
    return {
        "email": address or None,
        "email_key": email_key(address) if address else None,
        "email_verified_at": None,
        "contact_email": "",
    }
