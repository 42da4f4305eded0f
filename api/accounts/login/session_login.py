"""`/api/auth/login/`, `user/` and `csrf/`, the calendar contract's; `/api/auth/logout/` and `/api/logout/`, which are one."""

from __future__ import annotations

import re

from falcon.asgi import Request, Response
from msgspec import Struct

from api.accounts.access.cookies import CSRF_COOKIE, Cookies, sent
from api.accounts.access.live_credentials import LiveCredentials
from api.accounts.fields import LoginName, Password
from api.accounts.login.answers import FullUser, full_user
from api.accounts.login.sign_in import SignIn
from api.http.bodies import read_json
from api.http.errors import Problem, not_authenticated
from api.http.responses import respond
from api.openapi import Content, operation
from core.identity import users
from core.identity.credentials import login_sessions
from core.identity.principals import SESSION_COOKIE, Principal, new_token
from core.store.connections.pool import Pool
from core.wire.answers import Done

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,64}")


class SessionBody(Struct, frozen=True, forbid_unknown_fields=True):
    username: LoginName
    password: Password


class SessionAnswer(Done, frozen=True, kw_only=True):
    message: str = "Login successful"
    user: FullUser
    csrfToken: str  # noqa: N815 - the document's name


class CsrfAnswer(Struct, frozen=True):
    csrfToken: str  # noqa: N815 - the document's name


class SessionLogin:
    def __init__(self, sign_in: SignIn, cookies: Cookies) -> None:
        self._sign_in = sign_in
        self._cookies = cookies

    @operation(
        "Log in with a session",
        description="Sets the session cookie and `csrftoken`.",
        body=Content(SessionBody, example={"username": "user@example.com", "password": "123456Long"}),
        answers={200: SessionAnswer},
        refuses=("wrong_credentials", "too_many_requests"),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """A new session whatever cookie came along: an id planted before the login is worth nothing after it."""
        body = await read_json(req, SessionBody)
        user = await self._sign_in.check(req, username=body.username, email=None, password=body.password)
        login = await self._sign_in.begin(req, user)
        self._cookies.set_login(resp, login)
        respond(resp, SessionAnswer(user=full_user(user), csrfToken=login.csrf_token))


class CurrentUser:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Say who is signed in", answers={200: FullUser})
    async def on_get(self, req: Request, resp: Response) -> None:
        async with self._pool.connection() as connection:
            user = await users.by_id(connection, req.context.principal.user_id)
        if user is None:
            raise not_authenticated()
        respond(resp, full_user(user))


class Csrf:
    def __init__(self, logins: LiveCredentials, cookies: Cookies) -> None:
        self._logins = logins
        self._cookies = cookies

    @operation("Get the token that writes by cookie need", answers={200: CsrfAnswer})
    async def on_get(self, req: Request, resp: Response) -> None:
        """The session's token; without a session the one this browser has, or a new one."""
        session = sent(req, SESSION_COOKIE)
        live = await self._logins.by_cookie(session) if session is not None else None
        present = next(iter(req.get_cookie_values(CSRF_COOKIE) or []), "")
        token = live.csrf_secret if live else present if _TOKEN.fullmatch(present) else new_token()
        self._cookies.set_csrf(resp, token)
        respond(resp, CsrfAnswer(token))


class Logout:
    """Ends the login that asks, on every device it was carried to."""

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
