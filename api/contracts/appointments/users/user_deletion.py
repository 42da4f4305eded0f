"""`DELETE /api/admin/users/{id}/delete/` (docs/contracts/appointments.md): deleted, or anonymised if bookings remain."""

from __future__ import annotations

from typing import Any

from falcon.asgi import Request, Response

from api.accounts import Accounts
from api.accounts.account_deletion import AccountDeletion, LeftBehind, ensure_superuser_remains, left_behind
from api.contracts.appointments.users.user_details import not_found, refuse
from api.http.responses import respond
from api.openapi import operation
from core.identity import account_changes
from core.identity.permissions import why_not_delete, why_not_delete_here
from core.identity.personal_data import anonymisation
from core.wire.answers import Done

DELETED = "User deleted successfully"
ANONYMISED = "User has bookings: deactivated and anonymised instead of deleted"


class DeleteAnswer(Done, frozen=True, kw_only=True):
    data: LeftBehind


class DeleteUser:
    def __init__(self, accounts: Accounts) -> None:
        self._account_deletion = AccountDeletion(accounts)

    @operation(
        "Delete a user",
        description=(
            "A user with bookings is deactivated and anonymised instead; future bookings are cancelled, their money and "
            "credits given back. Personal data elsewhere is erased within moments (docs/accounts.md)."
        ),
        answers={200: DeleteAnswer},
        refuses=("user_not_found", "last_superuser"),
    )
    async def on_delete_delete(self, req: Request, resp: Response, user_id: int) -> None:
        async def check(connection: Any) -> None:
            """Permission first: only then is the last superuser named as the reason."""
            person = await account_changes.person(connection, user_id)
            if person is None:
                raise not_found()
            refuse(why_not_delete(req.context.principal, person))
            await ensure_superuser_remains(connection, user_id)
            refuse(why_not_delete_here(req.context.principal, person))
            if await anonymisation.lock(connection, user_id) is None:
                raise not_found()

        gone = await self._account_deletion.leave(req, user_id, check, notice_s=0)
        words = ANONYMISED if gone.anonymised else DELETED
        respond(resp, DeleteAnswer(message=words, data=left_behind(user_id, gone)))
