"""`/api/auth/password/reset/` and `.../confirm/`: a new password for the person who reads the account's mail."""

from __future__ import annotations

from functools import partial

from falcon.asgi import Request, Response
from msgspec import Struct

from api.accounts.access.live_credentials import LiveCredentials
from api.accounts.fields import LoginName, NewPassword, Token, password_differs_from_names
from api.accounts.limits import RESET_CONFIRMATIONS, RESETS_FROM_ADDRESS, RESETS_OF_ACCOUNT
from api.accounts.login.sign_in import too_busy
from api.accounts.mail_queue import MailQueue
from api.http.audit import is_audited, note_change
from api.http.bodies import read_json
from api.http.errors import Problem, invalid
from api.http.responses import respond
from api.limits.throttle import Throttle, caller
from api.openapi import Content, operation
from core.identity import users
from core.identity.credentials import reset_tokens
from core.mail import Mail
from core.passwords import Passwords, TooManyWaitingError
from core.settings import Settings
from core.store.audit import CHANGED
from core.store.connections.pool import Pool
from core.wire.answers import Done

_SENT = "If an account logs in with this address, a mail is on its way to it"
_TEXT = """Somebody asked for a new password for your account at {url}.

If it was you, use this token within the hour:

    {token}

It goes, with the new password, to POST {url}/api/auth/password/reset/confirm/ as
{{"token": "the-token-of-the-mail", "password": "..."}}. If it was not you, there is nothing to do.
"""


class ResetBody(Struct, frozen=True, forbid_unknown_fields=True):
    email: LoginName


class ConfirmBody(Struct, frozen=True, forbid_unknown_fields=True):
    token: Token
    password: NewPassword


class Reset:
    def __init__(self, settings: Settings, pool: Pool, throttle: Throttle, outbox: MailQueue | None) -> None:
        self._url = settings.public_url
        self._pool = pool
        self._throttle = throttle
        self._outbox = outbox

    @operation(
        "Ask for a new password",
        description="Answers the same whether there is such an account or not.",
        body=Content(ResetBody, example={"email": "user@example.com"}),
        answers={200: Done},
        refuses=("too_many_requests", "mail_not_configured"),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        """The same answer, as fast, whether there is such an account or not."""
        body = await read_json(req, ResetBody)
        await self._throttle.spend(RESETS_FROM_ADDRESS, caller(req))
        if self._outbox is None:
            raise Problem(503, "mail_not_configured", "Mail is not set up here; ask the operator of this service")
        if not self._outbox.put(partial(self._write, body.email)):
            raise Problem(
                503, "unavailable", "Too many mails are waiting; try again later", headers={"Retry-After": "60"}
            )
        respond(resp, Done(message=_SENT))

    async def _write(self, email: str) -> Mail | None:
        async with self._pool.connection() as connection:
            user = await users.by_email(connection, email)
            if user is None or not await self._throttle.count(RESETS_OF_ACCOUNT, str(user.id)):
                return None
            token = await reset_tokens.issue(connection, user)
        return (token and Mail(user.email, "A new password", _TEXT.format(url=self._url, token=token))) or None


class ResetConfirmation:
    def __init__(self, pool: Pool, passwords: Passwords, throttle: Throttle, logins: LiveCredentials) -> None:
        self._pool = pool
        self._passwords = passwords
        self._throttle = throttle
        self._logins = logins

    @operation(
        "Set a new password with the mailed token",
        body=Content(ConfirmBody, example={"token": "the-token-of-the-mail", "password": "a new password"}),
        answers={200: Done},
        refuses=("too_many_requests", "bad_reset_token"),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        body = await read_json(req, ConfirmBody)
        await self._throttle.spend(RESET_CONFIRMATIONS, caller(req))
        async with self._pool.connection() as connection:
            names = await reset_tokens.names(connection, body.token)
        if names is None:
            raise _unusable()
        if problems := list(password_differs_from_names(body.password, *names)):
            raise invalid(problems)
        await self._set(req, body)
        self._logins.forget()
        respond(resp, Done(message="Password changed; log in with the new one"))

    async def _set(self, req: Request, body: ConfirmBody) -> None:
        try:
            password_hash = await self._passwords.hash(body.password, caller(req))
        except TooManyWaitingError:
            raise too_busy() from None
        async with self._pool.connection() as connection, connection.transaction():
            user_id = await reset_tokens.use(connection, body.token, password_hash)
            user = None if user_id is None else await users.by_id(connection, user_id)
            if user is None:
                raise _unusable()
            if is_audited(user):
                after = {"password": CHANGED}
                await note_change(req, connection, "user.password_reset", user.id, None, after, by=user)


def _unusable() -> Problem:
    return Problem(400, "bad_reset_token", "This reset token is unknown, used or expired; ask for a new one")
