"""Refresh tokens: each is good once, and its return ends its family (RFC 9700, 4.14.2).

Whoever brings a used token, thief or owner, cannot be told apart; so the family ends, its access
tokens with it, and the owner signs in again.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection
from psycopg.rows import class_row

from core.access import Claims, hash_token, new_token

Connection = AsyncConnection[Any]


class ReplayError(Exception):
    """A used token came back; its family has ended."""


class Rotated(Struct, frozen=True):
    claims: Claims
    refresh_token: str


class _Row(Struct, frozen=True):
    family_id: UUID
    session_id: UUID
    user_id: int
    auth_epoch: int


SQL_ROTATE = """
WITH used AS (
    UPDATE refresh_token SET used_at = clock_timestamp()
    WHERE token_hash = %(hash)s AND used_at IS NULL
    RETURNING family_id
), live AS (
    SELECT f.id AS family_id, s.id AS session_id, s.user_id, s.auth_epoch
    FROM used JOIN refresh_family f ON f.id = used.family_id AND f.ended_at IS NULL
    JOIN login_session s ON s.id = f.session_id AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
    JOIN user_account u ON u.id = s.user_id AND u.is_active AND u.auth_epoch = s.auth_epoch
), next AS (
    INSERT INTO refresh_token (token_hash, family_id) SELECT %(next_hash)s, family_id FROM live
)
SELECT family_id, session_id, user_id, auth_epoch FROM live
"""
"""The row's lock lets one of two that bring the same token through; the other finds it used."""

SQL_END_FAMILY_OF_USED = """
UPDATE refresh_family f SET ended_at = clock_timestamp()
FROM refresh_token t WHERE t.token_hash = %(hash)s AND t.used_at IS NOT NULL AND f.id = t.family_id AND f.ended_at IS NULL
"""


async def rotate(connection: Connection, token: str) -> Rotated | None:
    """The next token of the family with the claims for an access token; None for a token that is dead.

    Raises `ReplayError`, having ended the family, for one that was used.
    """
    fresh = new_token()
    parameters = {"hash": hash_token(token), "next_hash": hash_token(fresh)}
    async with connection.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(SQL_ROTATE, parameters)
        row = await cursor.fetchone()
    if row is not None:
        return _rotated(row, fresh)
    if (await connection.execute(SQL_END_FAMILY_OF_USED, parameters)).rowcount:
        raise ReplayError
    return None


def _rotated(row: _Row, fresh: str) -> Rotated:
    return Rotated(Claims(row.user_id, row.session_id, row.family_id, row.auth_epoch), fresh)
