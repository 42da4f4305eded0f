"""Logins: begun, listed and ended."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from msgspec import Struct

from core.identity.credentials.lookup import LOGIN_HOLDS, live_owner
from core.identity.principals import Claims, hash_token, new_token
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all_as, fetch_one

LOGIN_LIFETIME_S = 14 * 24 * 3600
"""From one password to the next; refreshing does not extend it."""

LOGINS_PER_USER_MAX = 200
"""Live ones. The oldest ends when one more begins, so that nobody who forgot to log out is kept from logging in."""
USER_AGENT_MAX_CHARS = 300


class NewLogin(Struct, frozen=True):
    """The secrets of a login, in clear for the only time; each for its own cookie or body."""

    claims: Claims
    """For the access token of this answer; its family is the body's where there is one."""
    session_token: str
    csrf_token: str
    refresh_cookie: str
    refresh_body: str | None


class OpenLogin(Struct, frozen=True):
    """A login that somebody has, as they know it again: when it began, from where, with what."""

    id: UUID
    created_at: datetime
    expires_at: datetime
    address: str
    user_agent: str


SQL_BEGIN = """
WITH login AS (
    INSERT INTO login_session (id, token_hash, csrf_secret, user_id, auth_epoch, address, user_agent, expires_at)
    SELECT %(session_id)s, %(session_hash)s, %(csrf)s, u.id, u.auth_epoch, %(address)s, %(user_agent)s,
           clock_timestamp() + make_interval(secs => %(lifetime_s)s)
    FROM user_account u WHERE u.id = %(user_id)s AND u.is_active AND u.auth_epoch = %(epoch)s
    RETURNING id, user_id
), family AS (
    INSERT INTO refresh_family (id, session_id)
    SELECT unnest(%(family_ids)s::uuid[]), id FROM login RETURNING id
), token AS (
    INSERT INTO refresh_token (token_hash, family_id)
    SELECT t.hash, t.family_id FROM login, unnest(%(refresh_hashes)s::bytea[], %(family_ids)s::uuid[]) AS t (hash, family_id)
), too_many AS (
    SELECT id FROM login_session
    WHERE user_id = %(user_id)s AND ended_at IS NULL AND expires_at > clock_timestamp() AND auth_epoch = %(epoch)s
    ORDER BY expires_at DESC OFFSET %(others)s
), ended AS (
    UPDATE login_session s SET ended_at = clock_timestamp() FROM too_many, login WHERE s.id = too_many.id
)
UPDATE user_account u SET last_login = clock_timestamp() FROM login WHERE u.id = login.user_id
RETURNING u.id
"""
"""Data-modifying parts of one statement see one snapshot; foreign keys are checked at its end. Logins that begin
at once may be a few more than `LOGINS_PER_USER_MAX`: each ends those that it sees.
"""

SQL_END = "UPDATE login_session SET ended_at = clock_timestamp() WHERE id = %(session_id)s AND ended_at IS NULL"
SQL_OPEN = f"""
SELECT s.id, s.created_at, s.expires_at, s.address, s.user_agent FROM login_session s {live_owner("s")}
WHERE s.user_id = %(user_id)s AND {LOGIN_HOLDS} ORDER BY s.created_at DESC, s.id LIMIT {LOGINS_PER_USER_MAX}
"""
SQL_END_OWN = f"""
UPDATE login_session s SET ended_at = clock_timestamp()
WHERE s.user_id = %(user_id)s AND s.id = %(session_id)s AND {LOGIN_HOLDS}
"""
SQL_END_OTHERS = f"""
UPDATE login_session s SET ended_at = clock_timestamp()
WHERE s.user_id = %(user_id)s AND s.id IS DISTINCT FROM %(session_id)s AND {LOGIN_HOLDS}
"""

SQL_KNOWN_ADDRESS = """
SELECT EXISTS (SELECT FROM login_session WHERE user_id = %(user_id)s AND address = %(address)s AND address <> '')
"""


SQL_IS_FRESH = """
SELECT EXISTS (SELECT FROM login_session WHERE id = %(session_id)s AND ended_at IS NULL
               AND created_at > clock_timestamp() - make_interval(secs => %(within_s)s))
"""


async def is_fresh(connection: AsyncConnection, session_id: UUID, within_s: int) -> bool:
    """Whether the owner of this login proved at most this long ago that it is theirs."""
    parameters = {"session_id": session_id, "within_s": within_s}
    return bool((await fetch_one(connection, SQL_IS_FRESH, parameters))[0])


async def begin(
    connection: AsyncConnection,
    user_id: int,
    epoch: int,
    address: str,
    *,
    with_body_family: bool,
    user_agent: str = "",
) -> NewLogin | None:
    """Start a login for somebody who has just proved who they are; `user_agent` is how their browser names itself.

    None if the account was closed, or its logins ended, since `epoch` was read.
    """
    session_id, family_ids = uuid4(), [uuid4() for _ in range(2 if with_body_family else 1)]
    refresh_tokens = [new_token() for _ in family_ids]
    session_token, csrf_token = new_token(), new_token()
    parameters = {
        "session_id": session_id,
        "session_hash": hash_token(session_token),
        "csrf": csrf_token,
        "user_id": user_id,
        "epoch": epoch,
        "address": address,
        "user_agent": user_agent,
        "lifetime_s": LOGIN_LIFETIME_S,
        "family_ids": family_ids,
        "refresh_hashes": [hash_token(token) for token in refresh_tokens],
        "others": LOGINS_PER_USER_MAX - 1,
    }
    if (await connection.execute(SQL_BEGIN, parameters)).rowcount == 0:
        return None
    return NewLogin(
        claims=Claims(user_id, session_id, family_ids[-1], epoch),
        session_token=session_token,
        csrf_token=csrf_token,
        refresh_cookie=refresh_tokens[0],
        refresh_body=refresh_tokens[1] if with_body_family else None,
    )


async def end(connection: AsyncConnection, session_id: UUID) -> None:
    """End one login with everything it handed out: cookies, access and refresh tokens, tickets."""
    await connection.execute(SQL_END, {"session_id": session_id})


async def open_logins(connection: AsyncConnection, user_id: int | None) -> list[OpenLogin]:
    """All that somebody has, the newest first."""
    return await fetch_all_as(connection, OpenLogin, SQL_OPEN, {"user_id": user_id})


async def end_own(connection: AsyncConnection, user_id: int | None, session_id: UUID) -> bool:
    """End a login of somebody's own. False if they have none of this id."""
    return (await connection.execute(SQL_END_OWN, {"user_id": user_id, "session_id": session_id})).rowcount == 1


async def end_others(connection: AsyncConnection, user_id: int | None, session_id: UUID | None) -> int:
    """End all logins of somebody but one; how many there were."""
    return (await connection.execute(SQL_END_OTHERS, {"user_id": user_id, "session_id": session_id})).rowcount


async def known_address(connection: AsyncConnection, user_id: int, address: str) -> bool:
    """Whether this user has logged in from there, within what is remembered of logins."""
    return bool((await fetch_one(connection, SQL_KNOWN_ADDRESS, {"user_id": user_id, "address": address}))[0])
