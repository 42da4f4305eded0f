"""`/api/user/logins/`: where somebody is signed in, and signing out there."""

from __future__ import annotations

from uuid import UUID

import structlog
from falcon.asgi import Request, Response
from msgspec import Struct

from api.accounts.access.cookies import Cookies
from api.accounts.access.live_credentials import LiveCredentials
from api.accounts.limits import SETTINGS_CHANGES
from api.http.errors import Problem
from api.http.responses import respond
from api.limits.throttle import Throttle
from api.openapi import operation
from core.identity.credentials import login_sessions
from core.identity.credentials.login_sessions import OpenLogin
from core.identity.principals import Principal
from core.store.connections.pool import Pool
from core.wire.answers import Done
from core.wire.vocabulary import Zulu, zulu

log = structlog.get_logger()


class LoginShown(Struct, frozen=True, kw_only=True):
    id: UUID
    created_at: Zulu
    expires_at: Zulu
    address: str
    """The network address that it began from."""
    user_agent: str
    """As the browser named itself then; empty where it did not."""
    is_this: bool
    """Whether it is the one that asks."""


class OwnLogins(Done, frozen=True, kw_only=True):
    message: str = "Logins retrieved successfully"
    data: list[LoginShown]


class Ended(Struct, frozen=True):
    ended: int


class OthersEnded(Done, frozen=True, kw_only=True):
    data: Ended


class UserLogins:
    def __init__(self, pool: Pool, logins: LiveCredentials, cookies: Cookies, throttle: Throttle) -> None:
        self._pool = pool
        self._logins = logins
        self._cookies = cookies
        self._throttle = throttle

    @operation(
        "List one's own logins",
        description="The newest first. API tokens are no logins.",
        answers={200: OwnLogins},
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        principal: Principal = req.context.principal
        async with self._pool.connection() as connection:
            found = await login_sessions.open_logins(connection, principal.user_id)
        respond(resp, OwnLogins(data=[_shown(one, principal.session_id) for one in found]))

    @operation(
        "Sign out everywhere else",
        description="Ends all logins but the one that asks, with everything that they handed out.",
        answers={200: OthersEnded},
        refuses=("too_many_requests",),
    )
    async def on_delete(self, req: Request, resp: Response) -> None:
        principal: Principal = req.context.principal
        await self._throttle.spend(SETTINGS_CHANGES, f"user:{principal.user_id}")
        async with self._pool.connection() as connection:
            ended = await login_sessions.end_others(connection, principal.user_id, principal.session_id)
        self._logins.forget()
        log.info("other logins ended", user=principal.user_id, ended=ended)
        respond(resp, OthersEnded(message="You are signed out everywhere else", data=Ended(ended)))

    @operation(
        "Sign out there",
        description="Ends one login of one's own, with everything that it handed out.",
        answers={200: Done},
        refuses=("login_not_found", "too_many_requests"),
    )
    async def on_delete_one(self, req: Request, resp: Response, login_id: UUID) -> None:
        principal: Principal = req.context.principal
        await self._throttle.spend(SETTINGS_CHANGES, f"user:{principal.user_id}")
        async with self._pool.connection() as connection:
            is_ended = await login_sessions.end_own(connection, principal.user_id, login_id)
        if not is_ended:
            raise Problem(404, "login_not_found", "You have no such login; it may have ended already")
        self._logins.forget()
        if login_id == principal.session_id:
            self._cookies.clear_login(resp)
        respond(resp, Done(message="Signed out"))


def _shown(one: OpenLogin, this: UUID | None) -> LoginShown:
    return LoginShown(
        id=one.id,
        created_at=zulu(one.created_at),
        expires_at=zulu(one.expires_at),
        address=one.address,
        user_agent=one.user_agent,
        is_this=one.id == this,
    )
