"""`POST /api/auth/password/change/`: ends every login of the account and begins a fresh one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from falcon.asgi import Request, Response
from msgspec import Struct

from api.accounts.access.cookies import Cookies
from api.accounts.access.live_credentials import LiveCredentials
from api.accounts.fields import NewPassword, Password, password_differs_from_names
from api.accounts.login.answers import LoginAnswer, login_answer
from api.accounts.login.login import AccessTokens
from api.accounts.login.sign_in import SignIn, too_busy, wrong_credentials
from api.http.audit import note_change
from api.http.bodies import read_json
from api.http.errors import invalid, not_authenticated
from api.http.forms import Rules
from api.http.responses import respond
from api.limits.throttle import caller
from api.openapi import Content, operation
from core.identity import users
from core.identity.principals import How
from core.identity.users import User
from core.passwords import Passwords, TooManyWaitingError
from core.store.audit import CHANGED
from core.store.connections.pool import Pool
from core.wire.errors import FieldProblem


def _another(body: ChangeBody) -> Iterator[FieldProblem]:
    if body.password == body.current_password:
        yield FieldProblem("password", "Choose another password than the present one")


class ChangeBody(Struct, frozen=True, forbid_unknown_fields=True):
    current_password: Password
    password: NewPassword

    rules: ClassVar[Rules] = (_another,)


class PasswordChange:
    def __init__(
        self,
        pool: Pool,
        passwords: Passwords,
        sign_in: SignIn,
        access: AccessTokens,
        cookies: Cookies,
        logins: LiveCredentials,
    ) -> None:
        self._pool = pool
        self._passwords = passwords
        self._sign_in = sign_in
        self._access = access
        self._cookies = cookies
        self._logins = logins

    @operation(
        "Change one's password",
        description="Ends every login of the account and begins a fresh one.",
        body=Content(ChangeBody, example={"current_password": "123456Long", "password": "a new password"}),
        answers={200: LoginAnswer},
        refuses=("wrong_credentials", "too_many_requests"),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        body = await read_json(req, ChangeBody)
        user = await self._user(req)
        if problems := list(password_differs_from_names(body.password, user.username, user.email)):
            raise invalid(problems)
        if not await self._sign_in.check_password_again(req, user, body.current_password):
            raise invalid([FieldProblem("current_password", "This is not the current password")])
        changed = await self._change(req, user, body.password)
        login = await self._sign_in.begin(req, changed, with_body_family=req.context.principal.how is not How.SESSION)
        self._cookies.set_login(resp, login)
        respond(resp, login_answer(changed, login, self._access.issue(login.claims), "Password changed"))

    async def _user(self, req: Request) -> User:
        async with self._pool.connection() as connection:
            user = await users.by_id(connection, req.context.principal.user_id)
        if user is None:
            raise not_authenticated()
        return user

    async def _change(self, req: Request, user: User, password: str) -> User:
        """The user with their new epoch. Raises Problem 401 if somebody else changed the account meanwhile."""
        try:
            fresh = await self._passwords.hash(password, caller(req))
        except TooManyWaitingError:
            raise too_busy() from None
        async with self._pool.connection() as connection, connection.transaction():
            changed = await users.change_password(connection, user, fresh)
            if changed is not None and req.context.principal.is_audited:
                await note_change(req, connection, "user.password_changed", user.id, None, {"password": CHANGED})
        self._logins.forget()
        if changed is None:
            raise wrong_credentials()
        return changed
