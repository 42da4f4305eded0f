"""Superusers as the operator's command line makes and lists them: there must be a first one before anybody can sign in."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from core.store.connections.database import AsyncConnection
from core.store.connections.queries import fetch_all_as, fetch_one

LISTED_MAX = 1_000


class Superuser(Struct, frozen=True):
    """Somebody who has every right, even while the account is closed."""

    id: int
    username: str
    email: str
    """The address that logs in, else empty."""
    is_active: bool
    has_password: bool
    date_joined: datetime
    last_login: datetime | None


SQL_LOCK = "SELECT pg_advisory_xact_lock(hashtext('holdfast.superusers'))"
SQL_LIST = f"""
SELECT id, username, coalesce(email, '') AS email, is_active, password_hash IS NOT NULL AS has_password, date_joined,
       last_login
FROM user_account WHERE is_superuser ORDER BY id LIMIT {LISTED_MAX}
"""


async def lock(connection: AsyncConnection) -> None:
    """Until the end of the transaction nobody else can make a superuser: two people cannot both make the first."""
    await fetch_one(connection, SQL_LOCK)


async def superusers(connection: AsyncConnection) -> list[Superuser]:
    """In the order in which they were made, up to `LISTED_MAX`."""
    return await fetch_all_as(connection, Superuser, SQL_LIST)
