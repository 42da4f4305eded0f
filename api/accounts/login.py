"""`POST /api/login/`: the appointments form (`username`) and the rooms form (`email`)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from falcon.asgi import Request, Response
from msgspec import Meta, Struct

from api.accounts.cookies import Cookies
from api.accounts.sign_in import SignIn
from api.bodies import read_json
from api.errors import invalid
from core.access import issue_access_token
from core.identity.sessions import NewLogin
from core.identity.users import User
from core.settings import Settings
from core.wire.errors import FieldProblem

LoginName = Annotated[str, Meta(max_length=254)]
Password = Annotated[str, Meta(max_length=1024)]
_ONE_OF_TWO = "Send either username or email"


class LoginBody(Struct, frozen=True, forbid_unknown_fields=True):
    password: Password
    username: LoginName | None = None
    email: LoginName | None = None


class Login:
    def __init__(self, settings: Settings, sign_in: SignIn, cookies: Cookies) -> None:
        self._settings = settings
        self._sign_in = sign_in
        self._cookies = cookies

    async def on_post(self, req: Request, resp: Response) -> None:
        body = await read_json(req, LoginBody)
        if (body.username is None) == (body.email is None):
            raise invalid([FieldProblem("username", _ONE_OF_TWO), FieldProblem("email", _ONE_OF_TWO)])
        user = await self._sign_in.check(username=body.username, email=body.email, password=body.password)
        login = await self._sign_in.begin(user, with_body_family=body.username is not None)
        self._cookies.set_login(resp, login)
        resp.media = login_answer(user, login, self._access_token(login))

    def _access_token(self, login: NewLogin) -> str:
        return issue_access_token(self._settings, login.claims, datetime.now(UTC))


def login_answer(user: User, login: NewLogin, access: str) -> dict[str, Any]:
    """Both documents' fields in one body; `refresh` only for a `username` login."""
    refresh = {} if login.refresh_body is None else {"refresh": login.refresh_body}
    roles = {"is_staff": user.is_staff, "is_superuser": user.is_superuser}
    who = {"id": user.id, "username": user.username, "email": user.email, **roles}
    return {
        "success": True,
        "message": "Login successful",
        "user_id": user.id,
        "email": user.email,
        **roles,
        "access": access,
        "data": {"access": access, **refresh, "user": who},
    }
