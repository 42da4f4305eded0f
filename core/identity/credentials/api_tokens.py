"""API tokens: for programs that act as their owner until the token is revoked."""

from __future__ import annotations

from core.identity.principals import hash_token, new_token
from core.identity.users import User
from core.store.connections.database import AsyncConnection

PREFIX = "hft_"
"""Says what it is where one is found in a log or a repository."""
TOKENS_PER_USER_MAX = 50

SQL_ISSUE = """
INSERT INTO api_token (token_hash, user_id, auth_epoch)
SELECT %(hash)s, u.id, u.auth_epoch FROM user_account u
WHERE u.id = %(user_id)s AND u.is_active AND u.auth_epoch = %(epoch)s
  AND (SELECT count(*) FROM api_token t
       WHERE t.user_id = u.id AND t.revoked_at IS NULL AND t.auth_epoch = u.auth_epoch) < %(most)s
"""
SQL_REVOKE = "UPDATE api_token SET revoked_at = clock_timestamp() WHERE id = %(id)s AND revoked_at IS NULL"


async def issue(connection: AsyncConnection, user: User) -> str | None:
    """A new token in clear, for the only time; None if the user has `TOKENS_PER_USER_MAX` already."""
    token = PREFIX + new_token()
    parameters = {
        "hash": hash_token(token),
        "user_id": user.id,
        "epoch": user.auth_epoch,
        "most": TOKENS_PER_USER_MAX,
    }
    return token if (await connection.execute(SQL_ISSUE, parameters)).rowcount else None


async def revoke(connection: AsyncConnection, token_id: int) -> None:
    await connection.execute(SQL_REVOKE, {"id": token_id})
