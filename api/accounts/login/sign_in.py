"""Signing in by password: one way for every form that asks for one."""

from __future__ import annotations

from falcon.asgi import Request
from msgspec import Struct

from api.accounts.limits import GUESSES_AT_ONE, GUESSES_FROM_ADDRESS, GUESSES_FROM_UNKNOWN_ADDRESSES
from api.http.errors import Problem
from api.limits.throttle import Limit, Throttle, caller, counter_key
from core.identity import users
from core.identity.credentials import login_sessions
from core.identity.credentials.login_sessions import NewLogin
from core.identity.users import User
from core.passwords import Passwords, TooManyWaitingError, needs_rehash
from core.settings import Settings
from core.store.connections.pool import Pool


def wrong_credentials() -> Problem:
    """The same for an unknown name, a wrong password and a closed account."""
    return Problem(401, "wrong_credentials", "Invalid username or password")


def too_busy() -> Problem:
    return Problem(503, "unavailable", "Too many logins at once; try again in a moment", headers={"Retry-After": "5"})


class FailureKeys(Struct, frozen=True):
    """What failures are counted under."""

    name: str
    """As typed, in its normal form: the same whether an account has it or not. A caller who tries it too often is told so."""
    account: str
    """So that the other names of an account give no more guesses."""


class SignIn:
    def __init__(self, settings: Settings, pool: Pool, passwords: Passwords, throttle: Throttle) -> None:
        self._region = settings.phone_region
        self._pool = pool
        self._passwords = passwords
        self._throttle = throttle

    async def check(self, req: Request, *, username: str | None, email: str | None, password: str) -> User:
        """Who it is; exactly one of `username` and `email` is given. Raises Problem 401, 429, 503."""
        user = await self._find(username, email)
        name = counter_key(username or email or "", self._region)
        account = f"user:{user.id}" if user is not None else f"nobody:{name}"
        proved = await self._prove(req, user, password, FailureKeys(name, account))
        if user is None or not proved:
            raise wrong_credentials()
        return user

    async def check_password_again(self, req: Request, user: User, password: str) -> bool:
        """Whether `password` is that of the account which is signed in. Raises Problem 429, 503."""
        account = f"user:{user.id}"
        return await self._prove(req, user, password, FailureKeys(account, account))

    async def _prove(self, req: Request, user: User | None, password: str, failure_keys: FailureKeys) -> bool:
        """Whether `password` is this user's, after as long as if there were no such user.

        No connection is held while argon2 works: sixteen logins would take the pool from bookings.
        """
        stored = user.password_hash if user is not None and user.is_active else None
        try:
            async with self._passwords.turn(caller(req)):
                is_let_try = await self._check_limits(req, user, failure_keys)
                matches = await self._passwords.verify(stored, password) and is_let_try
                if not matches:
                    await self._count_failure(req, failure_keys)
        except TooManyWaitingError:
            raise too_busy() from None
        if matches and user is not None and stored is not None and needs_rehash(stored):
            await self._rehash(user, stored, password, caller(req))
        return matches

    async def begin(self, req: Request, user: User, *, with_body_family: bool = False) -> NewLogin:
        """A login for `user`, just proved. Raises Problem 401 if the account was closed meanwhile."""
        async with self._pool.connection() as connection:
            login = await login_sessions.begin(
                connection,
                user.id,
                user.auth_epoch,
                caller(req),
                with_body_family=with_body_family,
                user_agent=_user_agent(req),
            )
        if login is None:
            raise wrong_credentials()
        return login

    async def _check_limits(self, req: Request, user: User | None, failure_keys: FailureKeys) -> bool:
        """Raise Problem 429 if the name was failure_keys too often; False if only the account was, by its other names.

        To say so would tell that two names are one person's: then even the right password is a wrong one.
        """
        address = caller(req)
        await self._throttle.check(GUESSES_FROM_ADDRESS, address)
        over = await self._over(user, failure_keys.name, address)
        if over is not None:
            raise await self._throttle.refusal(over, *_counted_under(over, failure_keys.name, address))
        return await self._over(user, failure_keys.account, address) is None

    async def _over(self, user: User | None, who: str, address: str) -> Limit | None:
        """The limit that `who` has reached."""
        if not await self._throttle.allows(GUESSES_AT_ONE, who, address):
            return GUESSES_AT_ONE
        if not await self._throttle.allows(GUESSES_FROM_UNKNOWN_ADDRESSES, who) and not await self._knows(
            user, address
        ):
            return GUESSES_FROM_UNKNOWN_ADDRESSES
        return None

    async def _count_failure(self, req: Request, failure_keys: FailureKeys) -> None:
        address = caller(req)
        await self._throttle.count(GUESSES_FROM_ADDRESS, address)
        for who in {failure_keys.name, failure_keys.account}:
            await self._throttle.count(GUESSES_AT_ONE, who, address)
            await self._throttle.count(GUESSES_FROM_UNKNOWN_ADDRESSES, who)

    async def _knows(self, user: User | None, address: str) -> bool:
        """Asked for unknown names too, so that it takes no longer for known ones."""
        async with self._pool.connection() as connection:
            return await login_sessions.known_address(connection, user.id if user is not None else 0, address)

    async def _find(self, username: str | None, email: str | None) -> User | None:
        async with self._pool.connection() as connection:
            if username is not None:
                return await users.by_username(connection, username, self._region)
            return await users.by_email(connection, email or "")

    async def _rehash(self, user: User, stored: str, password: str, address: str) -> None:
        """Today's parameters for a hash of yesterday's, unless the password changed meanwhile or others wait."""
        try:
            fresh = await self._passwords.hash(password, address)
        except TooManyWaitingError:
            return  # at the next login
        async with self._pool.connection() as connection:
            await users.replace_hash(connection, user.id, stored, fresh)


def _counted_under(limit: Limit, who: str, address: str) -> tuple[str, ...]:
    return (who, address) if limit is GUESSES_AT_ONE else (who,)


def _user_agent(req: Request) -> str:
    """How a browser names itself, as far as it can be shown."""
    told = req.get_header("User-Agent") or ""
    return "".join(one for one in told if one.isprintable())[: login_sessions.USER_AGENT_MAX_CHARS]
