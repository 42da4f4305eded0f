"""Accounts at providers, linked to ours; and sign-ins on their way there and back."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.identity.account_names import email_key
from core.identity.principals import hash_token
from core.identity.users import User, by_id
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all_as, find_one

ATTEMPT_LIFETIME_S = 600


class Attempt(Struct, frozen=True):
    code_verifier: str
    nonce: str
    next_path: str


class LinkedAccount(Struct, frozen=True):
    """An account at a provider that signs in to ours."""

    id: int
    provider: str
    subject: str
    email: str
    linked_at: datetime


SQL_BEGIN = """
INSERT INTO oauth_attempt (state_hash, browser_hash, provider, code_verifier, nonce, next_path, expires_at)
VALUES (%(state)s, %(browser)s, %(provider)s, %(code_verifier)s, %(nonce)s, %(next_path)s,
        clock_timestamp() + make_interval(secs => %(lifetime_s)s))
"""
SQL_FINISH = """
DELETE FROM oauth_attempt
WHERE state_hash = %(state)s AND browser_hash = %(browser)s AND provider = %(provider)s
RETURNING code_verifier, nonce, next_path, expires_at > clock_timestamp() AS is_in_time
"""
SQL_OWNER = "SELECT user_id FROM social_account WHERE provider = %(provider)s AND subject = %(subject)s"
SQL_LINK = """
INSERT INTO social_account (provider, subject, user_id, email)
SELECT %(provider)s, %(subject)s, id, %(email)s FROM user_account
WHERE id = %(user_id)s AND is_active AND email_key = %(email_key)s AND email_verified_at IS NOT NULL
ON CONFLICT (provider, subject) DO NOTHING
"""
"""Both sides' addresses are verified and the same: the database asks for it too."""
SQL_LINKED = """
SELECT id, provider, subject, email, linked_at FROM social_account WHERE user_id = %(user_id)s ORDER BY id
"""
SQL_LOCK_OWNER = "SELECT password_hash IS NOT NULL FROM user_account WHERE id = %(user_id)s FOR NO KEY UPDATE"
"""So that of two that unlink at once the second sees what is left."""
SQL_UNLINK = "DELETE FROM social_account WHERE id = %(id)s"


async def begin_attempt(connection: AsyncConnection, provider: str, state: str, browser: str, attempt: Attempt) -> None:
    """Remember a sign-in that leaves for a provider; secrets of the browser are kept hashed."""
    parameters = {
        "state": hash_token(state),
        "browser": hash_token(browser),
        "provider": provider,
        "code_verifier": attempt.code_verifier,
        "nonce": attempt.nonce,
        "next_path": attempt.next_path,
        "lifetime_s": ATTEMPT_LIFETIME_S,
    }
    await connection.execute(SQL_BEGIN, parameters)


async def finish_attempt(connection: AsyncConnection, provider: str, state: str, browser: str) -> Attempt | None:
    """What was remembered, once, for the same browser and in time; else None."""
    parameters = {"state": hash_token(state), "browser": hash_token(browser), "provider": provider}
    row = await find_one(connection, SQL_FINISH, parameters)
    return Attempt(row[0], row[1], row[2]) if row is not None and row[3] else None


async def owner(connection: AsyncConnection, provider: str, subject: str) -> User | None:
    """The user whom this account signs in."""
    row = await find_one(connection, SQL_OWNER, {"provider": provider, "subject": subject})
    return None if row is None else await by_id(connection, row[0])


async def link(connection: AsyncConnection, provider: str, subject: str, user_id: int, email: str) -> bool:
    """Let this account sign in to ours; False unless `email` is the user's, active and verified."""
    parameters = {
        "provider": provider,
        "subject": subject,
        "user_id": user_id,
        "email": email,
        "email_key": email_key(email),
    }
    return (await connection.execute(SQL_LINK, parameters)).rowcount == 1


async def linked(connection: AsyncConnection, user_id: int) -> list[LinkedAccount]:
    return await fetch_all_as(connection, LinkedAccount, SQL_LINKED, {"user_id": user_id})


async def lock_owner(connection: AsyncConnection, user_id: int) -> bool:
    """Whether they have a password; what is linked to them changes by nobody else until the transaction ends."""
    row = await find_one(connection, SQL_LOCK_OWNER, {"user_id": user_id})
    return row is not None and bool(row[0])


async def unlink(connection: AsyncConnection, linked_id: int) -> None:
    await connection.execute(SQL_UNLINK, {"id": linked_id})
