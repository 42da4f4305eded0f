"""Accounts: found by what people type, and created."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from psycopg.errors import UniqueViolation

from core.identity.account_names import email_key, number_in, username_key, username_keys
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_one, find_as, find_one


class User(Struct, frozen=True):
    """An account as signing in needs it."""

    id: int
    username: str
    email: str
    """Empty where there is none to log in with."""
    is_active: bool
    is_staff: bool
    is_superuser: bool
    is_practitioner: bool
    first_name: str
    last_name: str
    email_key: str | None
    email_is_verified: bool
    password_hash: str | None
    auth_epoch: int


class NewUser(Struct, frozen=True, kw_only=True):
    """An account to be. `password_hash` None: nobody can log in by password yet."""

    username: str
    email: str | None = None
    email_is_verified: bool = False
    password_hash: str | None = None
    phone: str = ""
    phone_key: str | None = None
    first_name: str = ""
    last_name: str = ""
    gender: str = ""
    country: str = ""
    country_code: str | None = None
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False
    is_practitioner: bool = False
    language: str | None = None
    """Of their mails; None: the installation's."""


class TakenError(Exception):
    """Somebody has it already. `field` is username, email or phone."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is taken")
        self.field = field


_COLUMNS = """id, username, coalesce(email, '') AS email, email_key, email_verified_at IS NOT NULL AS email_is_verified,
first_name, last_name, is_active, is_staff, is_superuser, is_practitioner, password_hash, auth_epoch"""
SQL_BY_USERNAME = f"""
SELECT {_COLUMNS} FROM user_account WHERE username_key = ANY(%(keys)s::text[])
ORDER BY array_position(%(keys)s::text[], username_key) LIMIT 1
"""
SQL_BY_EMAIL = f"SELECT {_COLUMNS} FROM user_account WHERE email_key = %(key)s"
SQL_BY_PHONE = f"SELECT {_COLUMNS} FROM user_account WHERE phone_key = %(key)s"
SQL_BY_ID = f"SELECT {_COLUMNS} FROM user_account WHERE id = %(key)s"

SQL_CREATE = """
INSERT INTO user_account (username, username_key, email, email_key, email_verified_at, password_hash, phone, phone_key, first_name,
                          last_name, gender, country, country_code, is_active, is_staff, is_superuser, is_practitioner,
                          language)
VALUES (%(username)s, %(username_key)s, %(email)s, %(email_key)s,
        CASE WHEN %(email_is_verified)s THEN clock_timestamp() END, %(password_hash)s, %(phone)s, %(phone_key)s,
        %(first_name)s, %(last_name)s, %(gender)s, %(country)s, %(country_code)s, %(is_active)s, %(is_staff)s,
        %(is_superuser)s, %(is_practitioner)s, %(language)s)
RETURNING id
"""

SQL_REPLACE_HASH = "UPDATE user_account SET password_hash = %(fresh)s WHERE id = %(id)s AND password_hash = %(stored)s"

SQL_CHANGE_PASSWORD = f"""
UPDATE user_account SET password_hash = %(fresh)s, auth_epoch = auth_epoch + 1, must_change_password = false
WHERE id = %(id)s AND auth_epoch = %(epoch)s RETURNING {_COLUMNS}
"""
"""Ends every login of the account, tickets, API tokens and resets with them."""

SQL_CONTACT = "SELECT contact_email FROM user_account WHERE id = %(id)s AND contact_email <> '' AND email_key IS NULL"
SQL_CONFIRM_CONTACT = """
UPDATE user_account
SET email = contact_email, email_key = %(email_key)s, email_verified_at = clock_timestamp(), contact_email = ''
WHERE id = %(id)s AND contact_email = %(contact)s AND email_key IS NULL
"""


async def by_username(connection: AsyncConnection, username: str, region: str | None) -> User | None:
    """By the name as typed, or by the phone number it is."""
    keys = username_keys(username, region)
    return await find_as(connection, User, SQL_BY_USERNAME, {"keys": keys})


async def by_email(connection: AsyncConnection, email: str) -> User | None:
    """By the login address only: an address that an agent gave opens nothing."""
    return await find_as(connection, User, SQL_BY_EMAIL, {"key": email_key(email)})


async def by_phone(connection: AsyncConnection, phone: str, region: str | None) -> User | None:
    """By the number that agents call and book by, however it is written."""
    return await find_as(connection, User, SQL_BY_PHONE, {"key": number_in(phone, region)})


async def by_id(connection: AsyncConnection, user_id: int) -> User | None:
    return await find_as(connection, User, SQL_BY_ID, {"key": user_id})


async def create_user(connection: AsyncConnection, new: NewUser) -> int:
    """The new account's id. Raises `TakenError`, and leaves an open transaction usable."""
    try:
        async with connection.transaction():
            (id_,) = await fetch_one(connection, SQL_CREATE, create_parameters(new))
    except UniqueViolation as violation:
        raise TakenError(taken_field(violation)) from None
    return int(id_)


async def replace_hash(connection: AsyncConnection, user_id: int, stored: str, fresh: str) -> None:
    """The same password under new parameters; nothing happens if `stored` is no longer the hash."""
    await connection.execute(SQL_REPLACE_HASH, {"id": user_id, "stored": stored, "fresh": fresh})


async def change_password(connection: AsyncConnection, user: User, fresh: str) -> User | None:
    """The user as they are now, all logins ended; None if the account changed since `user` was read."""
    return await find_as(
        connection, User, SQL_CHANGE_PASSWORD, {"id": user.id, "epoch": user.auth_epoch, "fresh": fresh}
    )


async def confirm_contact_email(connection: AsyncConnection, user_id: int) -> bool:
    """Staff vouch for the address that an agent gave: from now on it logs in, resets and links.

    False if there is none, or the account has a login address already. Raises `TakenError`.
    """
    row = await find_one(connection, SQL_CONTACT, {"id": user_id})
    if row is None:
        return False
    parameters = {"id": user_id, "contact": row[0], "email_key": email_key(row[0])}
    try:
        async with connection.transaction():
            return (await connection.execute(SQL_CONFIRM_CONTACT, parameters)).rowcount == 1
    except UniqueViolation as violation:
        raise TakenError(taken_field(violation)) from None


def create_parameters(new: NewUser) -> dict[str, Any]:
    """For `SQL_CREATE`. Who goes by their number is keyed by it, however it is written."""
    is_number = new.phone_key is not None and new.username == new.phone
    keys = {
        "username_key": new.phone_key if is_number else username_key(new.username),
        "email_key": email_key(new.email) if new.email else None,
    }
    return {name: getattr(new, name) for name in new.__struct_fields__} | keys


def taken_field(violation: UniqueViolation) -> str:
    name = violation.diag.constraint_name or ""
    return next((field for field in ("email", "phone") if field in name), "username")
