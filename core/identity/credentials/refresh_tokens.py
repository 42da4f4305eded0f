"""Refresh tokens: each is good once, and its return ends its family (RFC 9700, 4.14.2).

A thief and an owner who bring a used token cannot be told apart; so the family ends, its access
tokens with it, and the owner signs in again.

An answer may be lost, and two pages of one browser may refresh at once. So for `GRACE_S` after its
first use, and only while nothing that came of it was used, a token is good again and gets another
successor. Of these successors the first that is used ends the others: one that comes back later ends
the family. So there is never more than one line of tokens that goes on.
"""

from __future__ import annotations

from msgspec import Struct

from core.identity.credentials.lookup import LOGIN_HOLDS, live_owner
from core.identity.principals import Claims, hash_token, new_token
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import find_one

GRACE_S = 30
"""How long a used token is good again while none of its successors was used."""


class ReplayError(Exception):
    """A used token came back; its family has ended."""


class Rotated(Struct, frozen=True):
    claims: Claims
    refresh_token: str


SQL_LOCK_FAMILY = """
SELECT FROM refresh_family f JOIN refresh_token t ON t.family_id = f.id WHERE t.token_hash = %(hash)s FOR UPDATE OF f
"""
"""A statement of its own, so that the next one sees whatever another rotation of this family has just done."""

SQL_ROTATE = f"""
WITH found AS (
    SELECT t.token_hash, t.family_id, t.used_at IS NULL AS is_first FROM refresh_token t
    WHERE t.token_hash = %(hash)s AND (
        t.used_at IS NULL
        OR t.used_at > clock_timestamp() - make_interval(secs => %(grace_s)s)
        AND NOT EXISTS (SELECT FROM refresh_token o WHERE o.family_id = t.family_id AND o.used_at > t.used_at))
), used AS (
    UPDATE refresh_token t SET used_at = coalesce(t.used_at, clock_timestamp())
    FROM found WHERE t.token_hash = found.token_hash
), others AS (
    UPDATE refresh_token t SET used_at = '-infinity'
    FROM found WHERE found.is_first AND t.family_id = found.family_id AND t.used_at IS NULL
                     AND t.token_hash <> found.token_hash
), live AS (
    SELECT f.id AS family_id, s.id AS session_id, s.user_id, s.auth_epoch
    FROM found JOIN refresh_family f ON f.id = found.family_id AND f.ended_at IS NULL
    JOIN login_session s ON s.id = f.session_id AND {LOGIN_HOLDS} {live_owner("s")}
), next AS (
    INSERT INTO refresh_token (token_hash, family_id) SELECT %(next_hash)s, family_id FROM live
)
SELECT family_id, session_id, user_id, auth_epoch FROM live
"""
"""`others` are other successors of the same token. Their time of use lies before all time, so they get no grace: one
that is used ends the family."""

SQL_END_FAMILY_OF_USED = """
UPDATE refresh_family f SET ended_at = clock_timestamp()
FROM refresh_token t WHERE t.token_hash = %(hash)s AND t.used_at IS NOT NULL AND f.id = t.family_id AND f.ended_at IS NULL
"""


async def rotate(connection: AsyncConnection, token: str) -> Rotated | None:
    """The next token of the family with the claims for an access token; None for a token that is dead.

    Raises `ReplayError`, having ended the family, for one that was used and is in no grace.
    """
    fresh = new_token()
    parameters = {"hash": hash_token(token), "next_hash": hash_token(fresh), "grace_s": GRACE_S}
    async with connection.transaction():
        await connection.execute(SQL_LOCK_FAMILY, parameters)
        row = await find_one(connection, SQL_ROTATE, parameters)
    if row is not None:
        family_id, session_id, user_id, epoch = row
        return Rotated(Claims(user_id, session_id, family_id, epoch), fresh)
    if (await connection.execute(SQL_END_FAMILY_OF_USED, parameters)).rowcount:
        raise ReplayError
    return None
