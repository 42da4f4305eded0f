"""What the sign-in routes say about people and logins, in the words of their documents."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from core.identity.credentials.login_sessions import NewLogin
from core.identity.users import User
from core.wire.answers import Done


class ShortUser(Struct, frozen=True, kw_only=True):
    """As `POST /api/login/` shows a user."""

    id: int
    username: str
    email: str
    is_staff: bool
    is_superuser: bool


class FullUser(ShortUser, frozen=True, kw_only=True):
    """As `GET /api/auth/user/` shows its caller."""

    first_name: str
    last_name: str
    is_practitioner: bool


class LoginData(Struct, frozen=True, kw_only=True):
    access: str
    refresh: str | UnsetType = UNSET
    """Only for a login by username."""
    user: ShortUser


class LoginAnswer(Done, frozen=True, kw_only=True):
    """Both documents' fields in one body."""

    user_id: int
    email: str
    is_staff: bool
    is_superuser: bool
    access: str
    data: LoginData


def login_answer(user: User, login: NewLogin, access: str, message: str = "Login successful") -> LoginAnswer:
    """`refresh` only where the login has a body family."""
    refresh = UNSET if login.refresh_body is None else login.refresh_body
    return LoginAnswer(
        message=message,
        user_id=user.id,
        email=user.email,
        is_staff=user.is_staff,
        is_superuser=user.is_superuser,
        access=access,
        data=LoginData(access=access, refresh=refresh, user=short_user(user)),
    )


def short_user(user: User) -> ShortUser:
    return ShortUser(
        id=user.id,
        username=user.username,
        email=user.email,
        is_staff=user.is_staff,
        is_superuser=user.is_superuser,
    )


def full_user(user: User) -> FullUser:
    return FullUser(
        id=user.id,
        username=user.username,
        email=user.email,
        is_staff=user.is_staff,
        is_superuser=user.is_superuser,
        first_name=user.first_name,
        last_name=user.last_name,
        is_practitioner=user.is_practitioner,
    )
