"""Signing in by password: one way for every form that asks for one."""

from __future__ import annotations

import hashlib

from falcon.asgi import Request

from api.accounts.callers import caller
from api.accounts.limits import GUESSES_AT_ONE, GUESSES_BY_STRANGERS, GUESSES_FROM_ADDRESS
from api.accounts.liveness import Pool
from api.accounts.throttle import Throttle
from api.errors import Problem
from core.identity import sessions, users
from core.identity.sessions import NewLogin
from core.identity.users import User
from core.passwords import Passwords, TooManyWaitingError, needs_rehash
from core.settings import Settings


def wrong_credentials() -> Problem:
    """The same for an unknown name, a wrong password and a closed account."""
    return Problem(401, "wrong_credentials", "Invalid username or password")


def too_busy() -> Problem:
    return Problem(503, "unavailable", "Too many logins at once; try again in a moment", headers={"Retry-After": "5"})


class SignIn:
    def __init__(self, settings: Settings, pool: Pool, passwords: Passwords, throttle: Throttle) -> None:
        self._region = settings.phone_region
        self._pool = pool
        self._passwords = passwords
        self._throttle = throttle

    async def check(self, req: Request, *, username: str | None, email: str | None, password: str) -> User:
        """Who it is; exactly one of `username` and `email` is given. Raises Problem 401, 429, 503."""
        user = await self._find(username, email)
        typed = f"{username or ''}|{email or ''}".casefold()
        proved = await self.prove(req, user, password, account=_account(user, typed))
        if user is None or not proved:
            raise wrong_credentials()
        return user

    async def prove(self, req: Request, user: User | None, password: str, *, account: str) -> bool:
        """Whether `password` is this user's, after as long as if there were no such user.

        No connection is held while argon2 works: sixteen logins would take the pool from bookings.
        """
        stored = user.password_hash if user is not None and user.is_active else None
        try:
            async with self._passwords.turn():
                await self._check_limits(req, user, account)
                matches = await self._passwords.verify(stored, password)
                if not matches:
                    await self._count_failure(req, account)
        except TooManyWaitingError:
            raise too_busy() from None
        if matches and user is not None and stored is not None and needs_rehash(stored):
            await self._rehash(user, stored, password)
        return matches

    async def begin(self, req: Request, user: User, *, with_body_family: bool = False) -> NewLogin:
        """A login for `user`, just proved. Raises Problem 401 if the account was closed meanwhile."""
        async with self._pool.connection() as connection:
            login = await sessions.begin(
                connection, user.id, user.auth_epoch, caller(req), with_body_family=with_body_family
            )
        if login is None:
            raise wrong_credentials()
        return login

    async def _check_limits(self, req: Request, user: User | None, account: str) -> None:
        address = caller(req)
        await self._throttle.check(GUESSES_FROM_ADDRESS, address)
        await self._throttle.check(GUESSES_AT_ONE, account, address)
        if not await self._throttle.allows(GUESSES_BY_STRANGERS, account) and not await self._knows(user, address):
            raise await self._throttle.refusal(GUESSES_BY_STRANGERS, account)

    async def _count_failure(self, req: Request, account: str) -> None:
        address = caller(req)
        await self._throttle.count(GUESSES_FROM_ADDRESS, address)
        await self._throttle.count(GUESSES_AT_ONE, account, address)
        await self._throttle.count(GUESSES_BY_STRANGERS, account)

    async def _knows(self, user: User | None, address: str) -> bool:
        """Asked for unknown names too, so that it takes no longer for known ones."""
        async with self._pool.connection() as connection:
            return await sessions.known_address(connection, user.id if user is not None else 0, address)

    async def _find(self, username: str | None, email: str | None) -> User | None:
        async with self._pool.connection() as connection:
            if username is not None:
                return await users.by_username(connection, username, self._region)
            return await users.by_email(connection, email or "")

    async def _rehash(self, user: User, stored: str, password: str) -> None:
        """Today's parameters for a hash of yesterday's, unless the password changed meanwhile."""
        fresh = await self._passwords.hash(password)
        async with self._pool.connection() as connection:
            await users.replace_hash(connection, user.id, stored, fresh)


def _account(user: User | None, typed: str) -> str:
    """What failures are counted under: the account, so that its other names give no more guesses."""
    return f"user:{user.id}" if user is not None else hashlib.sha256(typed.encode("utf-8", "replace")).hexdigest()
