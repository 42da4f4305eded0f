"""What the sign-in routes say about people and logins, in the words of their documents."""

from __future__ import annotations

from typing import Any

from core.identity.sessions import NewLogin
from core.identity.users import User


def login_answer(user: User, login: NewLogin, access: str, message: str = "Login successful") -> dict[str, Any]:
    """Both documents' fields in one body; `refresh` only where the login has a body family."""
    refresh = {} if login.refresh_body is None else {"refresh": login.refresh_body}
    roles = {"is_staff": user.is_staff, "is_superuser": user.is_superuser}
    return {
        "success": True,
        "message": message,
        "user_id": user.id,
        "email": user.email,
        **roles,
        "access": access,
        "data": {"access": access, **refresh, "user": short_user(user)},
    }


def short_user(user: User) -> dict[str, Any]:
    """As `POST /api/login/` shows a user."""
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
    }


def full_user(user: User) -> dict[str, Any]:
    """As `GET /api/auth/user/` shows its caller."""
    return {
        **short_user(user),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "is_practitioner": user.is_practitioner,
    }
