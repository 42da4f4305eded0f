"""The demo's accounts, passwords and agent key. Everybody knows them, so nothing but the demo may start on its data."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from core.identity.credentials.agent_keys import HINT_CHARS, WRITES_PER_MINUTE_DEFAULT
from core.identity.principals import hash_token
from core.passwords import hash_password, verify_password
from core.store.connections.database import Connection


class Account(Struct, frozen=True):
    id: int
    username: str
    email: str
    password: str
    first_name: str = ""
    last_name: str = ""
    phone: str | None = None
    is_staff: bool = False
    is_superuser: bool = False
    is_practitioner: bool = False


USER = Account(1, "user@example.com", "user@example.com", "123456Long", "Uma", "User")
STAFF = Account(2, "staff@example.com", "staff@example.com", "123456Long", "Stan", "Staff", is_staff=True)
PRACTITIONER = Account(
    3, "dr.smith@example.com", "dr.smith@example.com", "123456Long", "Dr.", "Smith", is_practitioner=True
)
ADMIN = Account(
    4, "9876543210", "admin@example.com", "admin", "Ada", "Admin", phone="9876543210", is_staff=True, is_superuser=True
)
CLIENT = Account(5, "client@example.com", "client@example.com", "123456Long", "Clara", "Client")
AGENT_KEY = "hfa_demo-only-never-use-it-outside-the-embedded-stack"
"""Bulk needs a key even where anybody may book one by one."""
ACCOUNTS = (USER, STAFF, PRACTITIONER, ADMIN, CLIENT)

SQL_ACCOUNT = """
INSERT INTO user_account (id, username, username_key, email, email_key, phone, phone_key, first_name, last_name,
                          is_staff, is_superuser, is_practitioner, password_hash)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
SQL_AGENT_KEY = """
INSERT INTO agent_key (name, hint, token_hash, writes_per_minute, created_by) VALUES ('Demo agent', %s, %s, %s, %s)
"""
SQL_IS_MIGRATED = "SELECT to_regclass('installation') IS NOT NULL AND to_regclass('agent_key') IS NOT NULL"
SQL_IS_MARKED = "SELECT EXISTS (SELECT FROM installation AS here WHERE to_jsonb(here) ->> 'demo_at' IS NOT NULL)"
"""So that it can be asked of a schema that has no such column yet."""
SQL_HAS_KEY = "SELECT EXISTS (SELECT FROM agent_key WHERE token_hash = %s AND revoked_at IS NULL)"
SQL_HASHES = """
SELECT password_hash FROM user_account WHERE (username_key = %s OR email_key = %s) AND password_hash IS NOT NULL
"""


def hashed_passwords() -> dict[int, str]:
    """By account. It takes long on a busy machine: no transaction waits for it."""
    return {account.id: hash_password(account.password) for account in ACCOUNTS}


def add_accounts(connection: Connection, hashed: Mapping[int, str]) -> None:
    """The accounts and the agent key, in an empty database."""
    for account in ACCOUNTS:
        add_account(connection, account, hashed.get(account.id))
    add_agent_key(connection)


def add_account(connection: Connection, account: Account, hashed: str | None = None) -> None:
    values = (
        account.id,
        account.username,
        account.username.casefold(),
        account.email,
        account.email.lower(),
        account.phone or "",
        account.phone,
        account.first_name,
        account.last_name,
        account.is_staff,
        account.is_superuser,
        account.is_practitioner,
        hashed or hash_password(account.password),
    )
    connection.execute(SQL_ACCOUNT, values)


def add_agent_key(connection: Connection) -> None:
    """Made by the demo's admin."""
    key = (AGENT_KEY[:HINT_CHARS], hash_token(AGENT_KEY), WRITES_PER_MINUTE_DEFAULT, ADMIN.id)
    connection.execute(SQL_AGENT_KEY, key)


def holds_demo(connection: Connection) -> bool:
    """Whether the demo was loaded into this database: by its mark, or by any credential of it that still works.

    A database of an earlier release has no mark. Where nobody is named as in the demo, no password is tried.
    """
    return _is(connection, SQL_IS_MIGRATED) and (
        _is(connection, SQL_IS_MARKED)
        or _is(connection, SQL_HAS_KEY, hash_token(AGENT_KEY))
        or any(_lets_in(connection, account) for account in ACCOUNTS)
    )


def _lets_in(connection: Connection, account: Account) -> bool:
    found = connection.execute(SQL_HASHES, (account.username.casefold(), account.email.lower())).fetchall()
    return any(verify_password(str(stored), account.password) for (stored,) in found)


def _is(connection: Connection, question: str, *values: object) -> bool:
    row = connection.execute(question.encode(), values).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return bool(row[0])
