"""`POST /api/token/refresh-cookie/`: a fresh access token for a refresh token, from cookie or body."""

from __future__ import annotations

from typing import Any

import structlog
from falcon.asgi import Request, Response
from msgspec import Struct

from api.accounts.authentication import bad_credential
from api.accounts.callers import caller
from api.accounts.cookies import REFRESH_COOKIE, Cookies
from api.accounts.fields import Token
from api.accounts.gate import has_body
from api.accounts.limits import REFRESHES
from api.accounts.liveness import LiveLogins, Pool
from api.accounts.login import AccessTokens
from api.accounts.throttle import Throttle
from api.bodies import read_json
from core.identity import refresh
from core.identity.refresh import ReplayError, Rotated

log = structlog.get_logger()


class RefreshBody(Struct, frozen=True, forbid_unknown_fields=True):
    refresh: Token | None = None


class Refresh:
    def __init__(
        self, pool: Pool, access: AccessTokens, cookies: Cookies, throttle: Throttle, logins: LiveLogins
    ) -> None:
        self._pool = pool
        self._access = access
        self._cookies = cookies
        self._throttle = throttle
        self._logins = logins

    async def on_post(self, req: Request, resp: Response) -> None:
        sent = (await read_json(req, RefreshBody)).refresh if has_body(req) else None
        await self._throttle.spend(REFRESHES, caller(req))
        cookies = req.get_cookie_values(REFRESH_COOKIE) or []
        token = sent if sent is not None else next(iter(cookies), None)
        rotated = await self._rotate(token)
        if sent is None:
            self._cookies.set_refresh(resp, rotated.refresh_token)
        answer: dict[str, Any] = {
            "success": True,
            "message": "Token refreshed successfully",
            "access": self._access.issue(rotated.claims),
        }
        resp.media = answer if sent is None else answer | {"refresh": rotated.refresh_token}

    async def _rotate(self, token: str | None) -> Rotated:
        if token is None:
            raise bad_credential()
        try:
            async with self._pool.connection() as connection:
                rotated = await refresh.rotate(connection, token)
        except ReplayError:
            self._logins.forget()
            log.warning("a used refresh token came back; its family has ended")
            raise bad_credential() from None
        if rotated is None:
            raise bad_credential()
        return rotated
