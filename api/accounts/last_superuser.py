"""The last superuser stays: nobody else could give roles."""

from __future__ import annotations

from typing import Any

from api.errors import Problem
from core.identity import editing


async def keep_a_superuser(connection: Any, user_id: int) -> None:
    """Raise Problem 409 if nobody would be left who can give roles. Goes before any other lock on people."""
    if await editing.is_last_superuser(connection, user_id):
        raise Problem(409, "last_superuser", "This is the last superuser: make another one first")
