"""`POST /api/register/` (rooms: by email) and `/api/auth/register/` (calendar: by username)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from falcon.asgi import Request, Response
from msgspec import Struct

from api.accounts.fields import (
    Email,
    NewPassword,
    OptionalEmail,
    OwnUsername,
    Password,
    password_differs_from_names,
)
from api.accounts.limits import REGISTRATIONS_OF_NAME
from api.accounts.login.answers import ShortUser, short_user
from api.accounts.login.sign_in import too_busy
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.forms import Rules
from api.http.responses import respond
from api.limits.throttle import Limit, Throttle, caller, counter_key
from api.openapi import Content, operation
from core.identity import users
from core.identity.account_names import as_username
from core.identity.users import NewUser, TakenError, User
from core.mails.language_choice import accepted_language
from core.passwords import Passwords, TooManyWaitingError
from core.settings import Settings
from core.store.connections.pool import Pool
from core.wire.answers import Done
from core.wire.errors import FieldProblem

_TAKEN = {
    "email": ("email_taken", "A user with this email already exists"),
    "username": ("username_taken", "A user with this username already exists"),
}


def _not_ones_email(body: EmailRegistration) -> Iterator[FieldProblem]:
    yield from password_differs_from_names(body.password, body.email)


def _twice_the_same(body: EmailRegistration) -> Iterator[FieldProblem]:
    if body.password != body.confirm_password:
        yield FieldProblem("confirm_password", "Passwords do not match")


class EmailRegistration(Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    password: NewPassword
    confirm_password: Password

    rules: ClassVar[Rules] = (_not_ones_email, _twice_the_same)


def _not_ones_name(body: UsernameRegistration) -> Iterator[FieldProblem]:
    yield from password_differs_from_names(body.password, body.username, body.email)


class UsernameRegistration(Struct, frozen=True, forbid_unknown_fields=True):
    username: OwnUsername
    password: NewPassword
    email: OptionalEmail | None = None

    rules: ClassVar[Rules] = (_not_ones_name,)


class Registered(Done, frozen=True, kw_only=True):
    message: str = "Registration successful"
    user_id: int


class RegisteredUser(Registered, frozen=True, kw_only=True):
    user: ShortUser


class Registration:
    """Makes accounts for people who ask for one."""

    def __init__(self, settings: Settings, pool: Pool, passwords: Passwords, throttle: Throttle) -> None:
        self._region = settings.phone_region
        self._limit = Limit("registrations", settings.registrations_per_hour, 3600)
        self._pool = pool
        self._passwords = passwords
        self._throttle = throttle

    async def create(self, req: Request, username: str, email: str | None, password: str) -> User:
        """Raises Problem 400 for a taken name, 429, 503."""
        await self._throttle.spend(self._limit, caller(req))
        for name in {counter_key(one, self._region) for one in (username, email) if one}:
            await self._throttle.spend(REGISTRATIONS_OF_NAME, name, caller(req))
        try:
            password_hash = await self._passwords.hash(password, caller(req))
            new = NewUser(
                username=as_username(username),
                email=email and email.strip(),
                password_hash=password_hash,
                language=accepted_language(req.get_header("Accept-Language")) or None,
            )
            async with self._pool.connection() as connection:
                user = await users.by_id(connection, await users.create_user(connection, new))
        except TooManyWaitingError:
            raise too_busy() from None
        except TakenError as taken:
            raise _taken(taken, asked=("username", "email") if username != email else ("email",)) from None
        assert user is not None  # noqa: S101 - it was made on the line before
        return user


class RegisterByEmail:
    def __init__(self, registration: Registration) -> None:
        self._registration = registration

    @operation(
        "Register by email",
        body=Content(
            EmailRegistration,
            example={
                "email": "newcomer@example.com",
                "password": "yourpassword",
                "confirm_password": "yourpassword",
            },
        ),
        answers={201: Registered},
        refuses=("email_taken", "too_many_requests"),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        body = await read_json(req, EmailRegistration)
        user = await self._registration.create(req, body.email, body.email, body.password)
        respond(resp, Registered(user_id=user.id), 201)


class RegisterByUsername:
    def __init__(self, registration: Registration) -> None:
        self._registration = registration

    @operation(
        "Register by username",
        description="A username is neither a phone number nor an address.",
        body=Content(UsernameRegistration, example={"username": "john", "password": "yourpassword"}),
        answers={201: RegisteredUser},
        refuses=("username_taken", "email_taken", "too_many_requests"),
    )
    async def on_post(self, req: Request, resp: Response) -> None:
        body = await read_json(req, UsernameRegistration)
        user = await self._registration.create(req, body.username, body.email or None, body.password)
        respond(resp, RegisteredUser(user_id=user.id, user=short_user(user)), 201)


def _taken(taken: TakenError, asked: tuple[str, ...]) -> Problem:
    """Registration may say that an address exists (docs/contracts/README.md), and is throttled for it."""
    field = taken.field if taken.field in asked else asked[0]
    code, message = _TAKEN[field]
    return Problem(400, code, message, [FieldProblem(field, message)])
