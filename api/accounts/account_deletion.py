"""Deleting an account: the same for staff at the desk and for people who delete their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from falcon.asgi import Request
from msgspec.structs import asdict
from psycopg.errors import DeadlockDetected

from api.accounts.composition import Accounts
from api.http.audit import note_change
from api.http.errors import Problem
from core.identity import account_changes
from core.identity.personal_data import anonymisation
from core.identity.personal_data.anonymisation import Gone, Left
from core.identity.principals import Principal

log = structlog.get_logger()

TRIES = 3
"""A lane that books for this person at the same moment may have to go first."""

Check = Callable[[Any], Awaitable[None]]
"""Raises Problem if the account may not be deleted; asked in the transaction that deletes it, and locks it."""


class LeftBehind(Left, frozen=True, kw_only=True):
    """What became of an account and of what it had."""

    id: int
    deleted: bool
    """Nothing needed the account: it is gone."""
    anonymised: bool
    """The account stays without a name, for the bookings that need it."""


def left_behind(user_id: int, gone: Gone) -> LeftBehind:
    return LeftBehind(id=user_id, deleted=not gone.anonymised, anonymised=gone.anonymised, **asdict(gone.left))


class AccountDeletion:
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def leave(self, req: Request, user_id: int, check: Check, *, notice_s: int) -> Gone:
        """`notice_s`: money goes back for what begins at least this many seconds from now."""
        gone = await self._try(req, user_id, check, notice_s)
        self._accounts.logins.forget()
        log.info("user deleted", deleted_user=user_id, anonymised=gone.anonymised, by=req.context.principal.user_id)
        return gone

    async def _try(self, req: Request, user_id: int, check: Check, notice_s: int) -> Gone:
        for _ in range(TRIES - 1):
            try:
                return await self._delete(req, user_id, check, notice_s)
            except DeadlockDetected:
                continue
        return await self._delete(req, user_id, check, notice_s)

    async def _delete(self, req: Request, user_id: int, check: Check, notice_s: int) -> Gone:
        principal: Principal = req.context.principal
        async with self._accounts.pool.connection() as connection, connection.transaction():
            await check(connection)
            request_id = req.context.request_id
            gone = await anonymisation.remove(connection, user_id, principal.actor, request_id, notice_s)
            if principal.is_audited:
                await note_change(req, connection, "user.deleted", user_id, None, gone.audited)
            return gone


async def ensure_superuser_remains(connection: Any, user_id: int) -> None:
    """Raise Problem 409 if nobody would be left who can give roles. Call it before any other lock on people."""
    if await account_changes.is_last_superuser(connection, user_id):
        raise Problem(409, "last_superuser", "This is the last superuser: make another one first")
