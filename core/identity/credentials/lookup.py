"""Valid credentials: looked up by cookie, access token, API token or ticket.

Each look-up returns the owner with their present roles, or None without a reason.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from msgspec import Struct

from core.identity.principals import Claims, How, Principal, PrincipalKind, hash_token
from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all, find_as


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
LOGIN_HOLDS = "s.ended_at IS NULL AND s.expires_at > clock_timestamp()"
"""Of a `login_session s`."""


def live_owner(credential: str) -> str:
    """A join: `u`, the account of a login, a token or a ticket, while it is open and has not ended its credentials."""
    return (
        f"JOIN user_account u ON u.id = {credential}.user_id AND u.is_active AND u.auth_epoch = {credential}.auth_epoch"
    )


SQL_BY_COOKIE = f"""
SELECT {_LOGIN} FROM login_session s {live_owner("s")} WHERE s.token_hash = %(hash)s AND {LOGIN_HOLDS}
"""

SQL_BY_CLAIMS = f"""
SELECT {_LOGIN} FROM login_session s {live_owner("s")}
JOIN refresh_family f ON f.id = %(family_id)s AND f.session_id = s.id AND f.ended_at IS NULL
WHERE s.id = %(session_id)s AND s.user_id = %(user_id)s AND s.auth_epoch = %(epoch)s AND {LOGIN_HOLDS}
"""

SQL_BY_API_TOKEN = f"""
SELECT {_WHO}, NULL::uuid AS session_id, t.id AS key_id, '' AS csrf_secret
FROM api_token t {live_owner("t")}
WHERE t.token_hash = %(hash)s AND t.revoked_at IS NULL
"""

SQL_USE_TICKET = f"""
WITH used AS (
    UPDATE ws_ticket SET used_at = clock_timestamp()
    WHERE ticket_hash = %(hash)s AND used_at IS NULL AND expires_at > clock_timestamp()
    RETURNING user_id, session_id, api_token_id, auth_epoch
)
SELECT {_WHO}, t.session_id, t.api_token_id AS key_id, '' AS csrf_secret
FROM used t {live_owner("t")}
LEFT JOIN login_session s ON s.id = t.session_id
LEFT JOIN api_token k ON k.id = t.api_token_id
WHERE (t.session_id IS NULL OR {LOGIN_HOLDS}) AND (t.api_token_id IS NULL OR k.revoked_at IS NULL)
"""
"""One statement, so that of two that bring the same ticket one gets in."""


SQL_STILL_HOLD = f"""
SELECT s.id, NULL::bigint, u.id, u.auth_epoch
FROM login_session s {live_owner("s")} WHERE s.id = ANY(%(sessions)s::uuid[]) AND {LOGIN_HOLDS}
UNION ALL
SELECT NULL, t.id, u.id, u.auth_epoch
FROM api_token t {live_owner("t")} WHERE t.id = ANY(%(tokens)s::bigint[]) AND t.revoked_at IS NULL
UNION ALL
SELECT NULL, k.id, NULL, k.epoch FROM agent_key k WHERE k.id = ANY(%(agents)s::bigint[]) AND k.revoked_at IS NULL
"""


class Credential(Struct, frozen=True):
    """What a connection rests on: a login, else a user's API token, else (no user) an agent key."""

    session_id: UUID | None
    key_id: int | None
    user_id: int | None
    auth_epoch: int

    @classmethod
    def of(cls, principal: Principal) -> Credential:
        return cls(principal.session_id, principal.key_id, principal.user_id, principal.auth_epoch)


async def by_cookie(connection: AsyncConnection, session_token: str) -> Live | None:
    return await find_as(connection, Live, SQL_BY_COOKIE, {"hash": hash_token(session_token)})


async def by_claims(connection: AsyncConnection, claims: Claims) -> Live | None:
    """The login behind a verified access token; it ends with its login and with its refresh family."""
    parameters = {
        "family_id": claims.family_id,
        "session_id": claims.session_id,
        "user_id": claims.user_id,
        "epoch": claims.epoch,
    }
    return await find_as(connection, Live, SQL_BY_CLAIMS, parameters)


async def by_api_token(connection: AsyncConnection, token: str) -> Live | None:
    return await find_as(connection, Live, SQL_BY_API_TOKEN, {"hash": hash_token(token)})


async def use_ticket(connection: AsyncConnection, ticket: str) -> Live | None:
    """Spends the ticket. It is worth no more than the login or API token that asked for it."""
    return await find_as(connection, Live, SQL_USE_TICKET, {"hash": hash_token(ticket)})


async def still_hold(connection: AsyncConnection, credentials: Collection[Credential]) -> set[Credential]:
    """Those of these credentials that hold, with the roles that they came with: a change of roles raises the epoch."""
    parameters = {
        "sessions": [c.session_id for c in credentials if c.session_id],
        "tokens": [c.key_id for c in credentials if c.user_id and not c.session_id],
        "agents": [c.key_id for c in credentials if not c.user_id],
    }
    return {Credential(*row) for row in await fetch_all(connection, SQL_STILL_HOLD, parameters)}
