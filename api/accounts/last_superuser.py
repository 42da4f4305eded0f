"""The last superuser stays: nobody else could give roles."""

from __future__ import annotations

from typing import Any

from api.http.errors import Problem
from core.identity import account_changes


async def ensure_superuser_remains(connection: Any, user_id: int) -> None:
    """Raise Problem 409 if nobody would be left who can give roles. Goes before any other lock on people."""
    if await account_changes.is_last_superuser(connection, user_id):
        raise Problem(409, "last_superuser", "This is the last superuser: make another one first")
