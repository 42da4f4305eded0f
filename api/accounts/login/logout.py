"""`POST /api/logout/` and `/api/auth/logout/`: end the login that asks, on every device it was carried to."""

from __future__ import annotations

from falcon.asgi import Request, Response

from api.accounts.access.cookies import Cookies
from api.accounts.access.live_credentials import LiveCredentials, Pool
from api.http.errors import Problem
from api.http.responses import respond
from api.openapi import operation
from core.identity.credentials import login_sessions
from core.identity.principals import Principal
from core.wire.answers import Done


class Logout:
    def __init__(self, pool: Pool, logins: LiveCredentials, cookies: Cookies) -> None:
        self._pool = pool
        self._logins = logins
        self._cookies = cookies

    @operation("Log out", answers={200: Done}, refuses=("not_a_login",))
    async def on_post(self, req: Request, resp: Response) -> None:
        principal: Principal = req.context.principal
        if principal.session_id is None:
            raise Problem(400, "not_a_login", "An API token is not a login; revoke it with DELETE /api/auth/token/")
        async with self._pool.connection() as connection:
            await login_sessions.end(connection, principal.session_id)
        self._logins.forget()
        self._cookies.clear_login(resp)
        respond(resp, Done(message="Logout successful"))
