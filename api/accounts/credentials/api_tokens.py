"""`/api/auth/token/`: API tokens for programs, as the marketplace contract sends them."""

from __future__ import annotations

from falcon.asgi import Request, Response
from msgspec import Struct

from api.accounts.access.live_credentials import LiveCredentials
from api.accounts.login.login import LoginBody
from api.accounts.login.sign_in import SignIn
from api.http.audit import is_audited, note_change
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.responses import respond
from api.openapi import Content, operation
from core.identity.credentials import api_tokens
from core.identity.principals import How, Principal
from core.store.connections.pool import Pool
from core.wire.answers import Done


class IssuedToken(Struct, frozen=True):
    token: str


class ApiTokens:
    def __init__(self, pool: Pool, sign_in: SignIn, logins: LiveCredentials) -> None:
        self._pool = pool
        self._sign_in = sign_in
        self._logins = logins

    @operation(
        "Get an API token",
        body=Content(LoginBody, example={"email": "user@example.com", "password": "123456Long"}),
        answers={200: IssuedToken},
        refuses=("wrong_credentials", "too_many_requests", "too_many_tokens"),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        body = await read_json(req, LoginBody)
        username, email = body.names()
        user = await self._sign_in.check(req, username=username, email=email, password=body.password)
        async with self._pool.connection() as connection, connection.transaction():
            token = await api_tokens.issue(connection, user)
            if token is not None and is_audited(user):
                await note_change(req, connection, "user.api_token_created", user.id, by=user)
        if token is None:
            most = api_tokens.TOKENS_PER_USER_MAX
            raise Problem(409, "too_many_tokens", f"This account already has {most} API tokens; revoke one first")
        respond(resp, IssuedToken(token))

    @operation("Revoke the API token of this request", answers={200: Done}, refuses=("not_a_token",))
    async def on_delete(self, req: Request, resp: Response) -> None:
        principal: Principal = req.context.principal
        if principal.how is not How.TOKEN or principal.key_id is None:
            raise Problem(400, "not_a_token", "Call this with the API token to revoke, as Authorization: Token ...")
        async with self._pool.connection() as connection, connection.transaction():
            await api_tokens.revoke(connection, principal.key_id)
            if principal.is_audited:
                await note_change(req, connection, "api_token.revoked", principal.key_id)
        self._logins.forget()
        respond(resp, Done(message="Token revoked"))
