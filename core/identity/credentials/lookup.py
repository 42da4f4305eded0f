"""Credentials that hold: looked up by cookie, access token, API token or ticket.

Each lookup answers who it is with their roles as they are now, or None; never why.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import Struct
from psycopg import AsyncConnection
from psycopg.rows import class_row

from core.identity.principals import Claims, How, Principal, PrincipalKind, hash_token

Connection = AsyncConnection[Any]


class Live(Struct, frozen=True):
    """A credential that holds. `csrf_secret` is empty where there is no session cookie to protect."""

    user_id: int
    auth_epoch: int
    is_staff: bool
    is_superuser: bool
    is_practitioner: bool
    must_change_password: bool
    session_id: UUID | None
    key_id: int | None
    csrf_secret: str

    @property
    def kind(self) -> PrincipalKind:
        if self.is_superuser:
            return PrincipalKind.SUPERUSER
        if self.is_staff:
            return PrincipalKind.STAFF
        return PrincipalKind.PRACTITIONER if self.is_practitioner else PrincipalKind.USER

    def principal(self, how: How) -> Principal:
        return Principal(
            kind=self.kind,
            user_id=self.user_id,
            key_id=self.key_id,
            session_id=self.session_id,
            how=how,
            is_practitioner=self.is_practitioner,
            must_change_password=self.must_change_password,
            auth_epoch=self.auth_epoch,
        )


_WHO = "u.id AS user_id, u.auth_epoch, u.is_staff, u.is_superuser, u.is_practitioner, u.must_change_password"
_LOGIN = f"{_WHO}, s.id AS session_id, NULL::bigint AS key_id, s.csrf_secret"
_LIVE_LOGIN = """
JOIN user_account u ON u.id = s.user_id AND u.is_active AND u.auth_epoch = s.auth_epoch
"""
_LOGIN_HOLDS = "s.ended_at IS NULL AND s.expires_at > clock_timestamp()"

SQL_BY_COOKIE = f"SELECT {_LOGIN} FROM login_session s {_LIVE_LOGIN} WHERE s.token_hash = %(hash)s AND {_LOGIN_HOLDS}"

SQL_BY_CLAIMS = f"""
SELECT {_LOGIN} FROM login_session s {_LIVE_LOGIN}
JOIN refresh_family f ON f.id = %(family_id)s AND f.session_id = s.id AND f.ended_at IS NULL
WHERE s.id = %(session_id)s AND s.user_id = %(user_id)s AND s.auth_epoch = %(epoch)s AND {_LOGIN_HOLDS}
"""

SQL_BY_API_TOKEN = f"""
SELECT {_WHO}, NULL::uuid AS session_id, t.id AS key_id, '' AS csrf_secret
FROM api_token t JOIN user_account u ON u.id = t.user_id AND u.is_active AND u.auth_epoch = t.auth_epoch
WHERE t.token_hash = %(hash)s AND t.revoked_at IS NULL
"""

SQL_USE_TICKET = f"""
WITH used AS (
    UPDATE ws_ticket SET used_at = clock_timestamp()
    WHERE ticket_hash = %(hash)s AND used_at IS NULL AND expires_at > clock_timestamp()
    RETURNING user_id, session_id, api_token_id, auth_epoch
)
SELECT {_WHO}, t.session_id, t.api_token_id AS key_id, '' AS csrf_secret
FROM used t JOIN user_account u ON u.id = t.user_id AND u.is_active AND u.auth_epoch = t.auth_epoch
LEFT JOIN login_session s ON s.id = t.session_id
LEFT JOIN api_token k ON k.id = t.api_token_id
WHERE (t.session_id IS NULL OR {_LOGIN_HOLDS}) AND (t.api_token_id IS NULL OR k.revoked_at IS NULL)
"""
"""One statement, so that of two that bring the same ticket one gets in."""


async def by_cookie(connection: Connection, session_token: str) -> Live | None:
    return await _one(connection, SQL_BY_COOKIE, {"hash": hash_token(session_token)})


async def by_claims(connection: Connection, claims: Claims) -> Live | None:
    """The login behind a verified access token; it ends with its login and with its refresh family."""
    parameters = {
        "family_id": claims.family_id,
        "session_id": claims.session_id,
        "user_id": claims.user_id,
        "epoch": claims.epoch,
    }
    return await _one(connection, SQL_BY_CLAIMS, parameters)


async def by_api_token(connection: Connection, token: str) -> Live | None:
    return await _one(connection, SQL_BY_API_TOKEN, {"hash": hash_token(token)})


async def use_ticket(connection: Connection, ticket: str) -> Live | None:
    """Spends the ticket. It carries no further than the login or API token that asked for it."""
    return await _one(connection, SQL_USE_TICKET, {"hash": hash_token(ticket)})


async def _one(connection: Connection, sql: str, parameters: dict[str, Any]) -> Live | None:
    async with connection.cursor(row_factory=class_row(Live)) as cursor:
        await cursor.execute(sql, parameters)
        return await cursor.fetchone()
