"""Whether the owner of an account is asking: finding an open browser must not be enough to take or end it."""

from __future__ import annotations

from falcon.asgi import Request
from msgspec import UnsetType

from api.accounts.login.sign_in import SignIn
from api.http.errors import Problem, invalid, not_authenticated
from core.identity import users
from core.identity.credentials import login_sessions
from core.identity.users import User
from core.store.connections.pool import Pool
from core.wire.errors import FieldProblem

FRESH_SIGN_IN_S = 600
"""Somebody without a password has to have signed in at most this long before."""


class OwnerProof:
    def __init__(self, pool: Pool, sign_in: SignIn) -> None:
        self._pool = pool
        self._sign_in = sign_in

    async def check(self, req: Request, password: str | UnsetType, *, field: str, purpose: str) -> None:
        """Raise Problem 400 or 403 unless the caller knows the account's password, or has just signed in to one without.

        `purpose` is what they want: "delete your account".
        """
        user = await self._user(req)
        if user.password_hash is None:
            await self._check_fresh(req, purpose)
            return
        if isinstance(password, UnsetType):
            raise invalid([FieldProblem(field, f"Enter your password to {purpose}")])
        if not await self._sign_in.check_password_again(req, user, password):
            raise invalid([FieldProblem(field, "This is not your password")])

    async def _check_fresh(self, req: Request, purpose: str) -> None:
        session_id = req.context.principal.session_id
        async with self._pool.connection() as connection:
            if session_id is None or not await login_sessions.is_fresh(connection, session_id, FRESH_SIGN_IN_S):
                raise Problem(403, "sign_in_again", f"Sign in again, then {purpose} within ten minutes")

    async def _user(self, req: Request) -> User:
        async with self._pool.connection() as connection:
            user = await users.by_id(connection, req.context.principal.user_id)
        if user is None:
            raise not_authenticated()
        return user
