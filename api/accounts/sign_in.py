"""Signing in by password: one way for every form that asks for one."""

from __future__ import annotations

from api.accounts.liveness import Pool
from api.errors import Problem
from core.identity import sessions, users
from core.identity.passwords import PASSWORD_MAX_CHARS, Passwords, needs_rehash
from core.identity.sessions import NewLogin
from core.identity.users import User
from core.settings import Settings


def wrong_credentials() -> Problem:
    """The same for an unknown name, a wrong password and a closed account."""
    return Problem(401, "wrong_credentials", "Invalid username or password")


class SignIn:
    def __init__(self, settings: Settings, pool: Pool, passwords: Passwords) -> None:
        self._region = settings.phone_region
        self._pool = pool
        self._passwords = passwords

    async def check(self, *, username: str | None, email: str | None, password: str) -> User:
        """Who it is; exactly one of `username` and `email` is given. Raises Problem 401.

        No connection is held while argon2 works: sixteen logins would take the pool from bookings.
        """
        user = await self._find(username, email)
        stored = user.password_hash if user is not None and user.is_active else None
        matches = await self._passwords.verify(stored, password[: PASSWORD_MAX_CHARS + 1])
        if user is None or stored is None or not matches:
            raise wrong_credentials()
        if needs_rehash(stored):
            await self._rehash(user, stored, password)
        return user

    async def begin(self, user: User, *, with_body_family: bool = False) -> NewLogin:
        """A login for `user`, just proved. Raises Problem 401 if the account was closed meanwhile."""
        async with self._pool.connection() as connection:
            login = await sessions.begin(connection, user.id, user.auth_epoch, with_body_family=with_body_family)
        if login is None:
            raise wrong_credentials()
        return login

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
