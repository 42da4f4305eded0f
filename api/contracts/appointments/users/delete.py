"""`DELETE /api/admin/users/{id}/delete/` (appointments.md, 13): gone, or anonymised where bookings remain."""

from __future__ import annotations

from typing import Any

import falcon
import structlog
from falcon.asgi import Request, Response
from msgspec import Struct
from psycopg.errors import DeadlockDetected

from api.accounts import Accounts
from api.contracts.appointments.users.one import keep_a_superuser, not_found, refuse
from api.openapi import operation
from api.rings import Rings
from core.access import Principal
from core.identity import anonymising, editing
from core.identity.permissions import why_not_delete
from core.wire.answers import Done
from core.wire.outcomes import encode

log = structlog.get_logger()

TRIES = 3
"""A lane that books for this person at the same moment may have to go first."""
DELETED = "User deleted successfully"
ANONYMISED = "User has bookings: deactivated and anonymised instead of deleted"


class Gone(Struct, frozen=True):
    anonymised: bool
    cancelling: int
    """Bookings to come that the lanes were asked to cancel."""
    lanes: frozenset[int] = frozenset()


class Left(Struct, frozen=True):
    id: int
    deleted: bool
    anonymised: bool
    bookings_being_cancelled: int


class DeleteAnswer(Done, frozen=True, kw_only=True):
    data: Left


class DeleteUser:
    def __init__(self, accounts: Accounts, rings: Rings) -> None:
        self._accounts = accounts
        self._rings = rings

    @operation(
        "Delete a user",
        description="Who has bookings is deactivated and anonymised instead, and those to come are cancelled.",
        answers={200: DeleteAnswer},
        refuses=("user_not_found", "last_superuser"),
    )
    async def on_delete_delete(self, req: Request, resp: Response, user_id: int) -> None:
        gone = await self._try(req, user_id)
        self._accounts.logins.forget()
        await self._rings.lanes(gone.lanes)
        log.info("user deleted", deleted_user=user_id, anonymised=gone.anonymised, by=req.context.principal.user_id)
        left = Left(user_id, not gone.anonymised, gone.anonymised, gone.cancelling)
        resp.data = encode(DeleteAnswer(message=ANONYMISED if gone.anonymised else DELETED, data=left))
        resp.content_type = falcon.MEDIA_JSON

    async def _try(self, req: Request, user_id: int) -> Gone:
        for _ in range(TRIES - 1):
            try:
                return await self._delete(req, user_id)
            except DeadlockDetected:
                continue
        return await self._delete(req, user_id)

    async def _delete(self, req: Request, user_id: int) -> Gone:
        principal: Principal = req.context.principal
        async with self._accounts.pool.connection() as connection, connection.transaction():
            await self._check(connection, principal, user_id)
            await anonymising.blank_commands(connection, user_id)
            if await anonymising.delete(connection, user_id):
                return Gone(anonymised=False, cancelling=0)
            await anonymising.anonymise(connection, user_id)
            count, lanes = await anonymising.cancel_to_come(
                connection, user_id, principal.actor, req.context.request_id
            )
            return Gone(anonymised=True, cancelling=count, lanes=frozenset(lanes))

    async def _check(self, connection: Any, principal: Principal, user_id: int) -> None:
        """Raise Problem 404, 403 or 409. Permission goes before what only a superuser need know."""
        person = await editing.person(connection, user_id)
        if person is None:
            raise not_found()
        refuse(why_not_delete(principal, person))
        await keep_a_superuser(connection, user_id)
        if await anonymising.lock(connection, user_id) is None:
            raise not_found()
