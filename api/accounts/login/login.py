"""`POST /api/login/`: the appointments form (`username`) and the rooms form (`email`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from falcon.asgi import Request, Response
from msgspec import UNSET, Struct, UnsetType

from api.accounts.access.cookies import Cookies
from api.accounts.fields import LoginName, Password
from api.accounts.login.answers import LoginAnswer, login_answer
from api.accounts.login.sign_in import SignIn
from api.http.bodies import read_json
from api.http.forms import Rules
from api.http.responses import respond
from api.openapi import Content, operation
from core.identity.principals import Claims, issue_access_token
from core.settings import Settings
from core.wire.errors import FieldProblem


def _one_of_two(body: LoginBody) -> Iterator[FieldProblem]:
    if (body.username is UNSET) == (body.email is UNSET):
        for name in ("username", "email"):
            yield FieldProblem(name, "Send either username or email")


class LoginBody(Struct, frozen=True, forbid_unknown_fields=True):
    password: Password
    username: LoginName | UnsetType = UNSET
    email: LoginName | UnsetType = UNSET

    json_schema: ClassVar[Mapping[str, Any]] = {"oneOf": [{"required": ["username"]}, {"required": ["email"]}]}
    rules: ClassVar[Rules] = (_one_of_two,)

    def names(self) -> tuple[str | None, str | None]:
        """(username, email), one of them None."""
        username = None if isinstance(self.username, UnsetType) else self.username
        email = None if isinstance(self.email, UnsetType) else self.email
        return username, email


class AccessTokens:
    """Issues access tokens by this process's clock."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def issue(self, claims: Claims) -> str:
        return issue_access_token(self._settings, claims, datetime.now(UTC))


class Login:
    def __init__(self, sign_in: SignIn, access: AccessTokens, cookies: Cookies) -> None:
        self._sign_in = sign_in
        self._access = access
        self._cookies = cookies

    @operation(
        "Log in",
        description=(
            "With `username` (appointments) or `email` (rooms), not both. Sets the session, refresh and CSRF cookies; "
            "a login by `username` also returns a refresh token in the body."
        ),
        body=(
            Content(LoginBody, example={"username": "9876543210", "password": "admin"}),
            Content(LoginBody, example={"email": "user@example.com", "password": "123456Long"}),
        ),
        answers={200: LoginAnswer},
        refuses=("wrong_credentials", "too_many_requests"),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        body = await read_json(req, LoginBody)
        username, email = body.names()
        user = await self._sign_in.check(req, username=username, email=email, password=body.password)
        login = await self._sign_in.begin(req, user, with_body_family=username is not None)
        self._cookies.set_login(resp, login)
        respond(resp, login_answer(user, login, self._access.issue(login.claims)))
