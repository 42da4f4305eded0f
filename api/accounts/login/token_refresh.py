"""`POST /api/token/refresh-cookie/`: a fresh access token for a refresh token, from cookie or body."""

from __future__ import annotations

import structlog
from falcon.asgi import Request, Response
from msgspec import UNSET, Struct, UnsetType

from api.accounts.access.cookies import REFRESH_COOKIE, Cookies, sent
from api.accounts.access.live_credentials import LiveCredentials
from api.accounts.fields import Token
from api.accounts.limits import REFRESHES
from api.accounts.login.login import AccessTokens
from api.http.bodies import has_body, read_json
from api.http.errors import bad_credential
from api.http.responses import respond
from api.limits.throttle import Throttle, caller
from api.openapi import Content, operation
from core.identity.credentials import refresh_tokens
from core.identity.credentials.refresh_tokens import ReplayError, Rotated
from core.store.connections.pool import Pool
from core.wire.answers import Done

log = structlog.get_logger()


REFRESH = {
    "name": REFRESH_COOKIE,
    "in": "cookie",
    "description": "Set by every login",
    "schema": {"type": "string"},
}


class RefreshBody(Struct, frozen=True, forbid_unknown_fields=True):
    refresh: Token | None = None


class Refreshed(Done, frozen=True, kw_only=True):
    message: str = "Token refreshed successfully"
    access: str
    refresh: str | UnsetType = UNSET
    """Only for a token that came in the body; one in the cookie is renewed there."""


class Refresh:
    def __init__(
        self, pool: Pool, access: AccessTokens, cookies: Cookies, throttle: Throttle, logins: LiveCredentials
    ) -> None:
        self._pool = pool
        self._access = access
        self._cookies = cookies
        self._throttle = throttle
        self._logins = logins

    @operation(
        "Change a refresh token for an access token",
        description=(
            "From the cookie, or from the body. Each is used once, and again within 30 seconds if the answer was lost; "
            "one that comes back later ends its login."
        ),
        body=Content(RefreshBody, example={}),
        body_required=False,
        answers={200: Refreshed},
        refuses=("bad_credential", "too_many_requests"),
        parameters=(REFRESH,),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        given = (await read_json(req, RefreshBody)).refresh if has_body(req) else None
        await self._throttle.spend(REFRESHES, caller(req))
        rotated = await self._rotate(given if given is not None else sent(req, REFRESH_COOKIE))
        if given is None:
            self._cookies.set_refresh(resp, rotated.refresh_token)
        fresh = UNSET if given is None else rotated.refresh_token
        respond(resp, Refreshed(access=self._access.issue(rotated.claims), refresh=fresh))

    async def _rotate(self, token: str | None) -> Rotated:
        if token is None:
            raise bad_credential()
        try:
            async with self._pool.connection() as connection:
                rotated = await refresh_tokens.rotate(connection, token)
        except ReplayError:
            self._logins.forget()
            log.warning("a used refresh token came back; its family has ended")
            raise bad_credential() from None
        if rotated is None:
            raise bad_credential()
        return rotated
