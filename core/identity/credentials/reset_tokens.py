"""Password resets: a single-use token, mailed to the address that the account logs in with."""

from __future__ import annotations

from core.identity.credentials.lookup import live_owner
from core.identity.principals import hash_token, new_token
from core.identity.users import User
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import find_one

RESET_LIFETIME_S = 3600

SQL_ISSUE = """
INSERT INTO password_reset (token_hash, user_id, auth_epoch, email_key, expires_at)
SELECT %(hash)s, u.id, u.auth_epoch, u.email_key, clock_timestamp() + make_interval(secs => %(lifetime_s)s)
FROM user_account u WHERE u.id = %(user_id)s AND u.is_active AND u.email_key IS NOT NULL
"""

SQL_NAMES = """
SELECT u.username, u.email FROM password_reset r JOIN user_account u ON u.id = r.user_id
WHERE r.token_hash = %(hash)s AND r.used_at IS NULL AND r.expires_at > clock_timestamp()
"""

SQL_USE = f"""
WITH used AS (
    UPDATE password_reset SET used_at = clock_timestamp()
    WHERE token_hash = %(hash)s AND used_at IS NULL AND expires_at > clock_timestamp()
    RETURNING user_id, auth_epoch, email_key
), owner AS (
    SELECT u.id, u.email_verified_at IS NULL AS is_first_proof
    FROM used r {live_owner("r")} WHERE u.email_key = r.email_key
    FOR UPDATE OF u
), planted AS (
    DELETE FROM social_account s USING owner o WHERE s.user_id = o.id AND o.is_first_proof
)
UPDATE user_account u
SET password_hash = %(password_hash)s, auth_epoch = u.auth_epoch + 1, must_change_password = false,
    email_verified_at = coalesce(u.email_verified_at, clock_timestamp())
FROM owner o WHERE u.id = o.id
RETURNING u.id
"""
"""Ends every login of the account and every other reset (their epoch is past). Somebody who reads the
address's mail owns it: if nobody had proved that before, sign-ins that were linked until now may
be somebody else's, and go."""


async def issue(connection: AsyncConnection, user: User) -> str | None:
    """A token for the mail; None for an account that is closed or has no address to log in with."""
    token = new_token()
    parameters = {"hash": hash_token(token), "user_id": user.id, "lifetime_s": RESET_LIFETIME_S}
    return token if (await connection.execute(SQL_ISSUE, parameters)).rowcount else None


async def names(connection: AsyncConnection, token: str) -> tuple[str, str] | None:
    """(username, email) of a token that can be used now: what its new password may not be."""
    row = await find_one(connection, SQL_NAMES, {"hash": hash_token(token)})
    return None if row is None else (row[0], row[1])


async def use(connection: AsyncConnection, token: str, password_hash: str) -> int | None:
    """Spend the token and set the password; the owner's id, or None if it cannot be used."""
    row = await find_one(connection, SQL_USE, {"hash": hash_token(token), "password_hash": password_hash})
    return None if row is None else int(row[0])
