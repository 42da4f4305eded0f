"""`GET /api/admin/users/{id}/export/`: what is kept about a person, for the staff who answer their question."""

from __future__ import annotations

from falcon.asgi import Request, Response

from api.accounts import Accounts
from api.accounts.export_stream import Export, stream_export
from api.accounts.limits import EXPORTS
from api.contracts.appointments.users.user_details import not_found, refuse
from api.http.audit import author
from api.openapi import Content, operation
from core.identity import account_changes
from core.identity.permissions import why_not_export
from core.store.audit import AuditEntry, record_async


class ExportUser:
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @operation(
        "Export a user's data",
        description=(
            "The same as the person gets at `GET /api/user/export/`, for staff. Streamed: an answer that does not end in "
            "a closing brace is incomplete. The audit log has each export."
        ),
        answers={200: Content(Export, headers={"Content-Disposition": "As a file"})},
        refuses=("user_not_found", "too_many_requests", "unknown_outcome"),  # the audit log may have it
    )
    async def on_get_export(self, req: Request, resp: Response, user_id: int) -> None:
        await self._accounts.throttle.spend(EXPORTS, f"user:{req.context.principal.user_id}")
        async with self._accounts.pool.connection() as connection:
            person = await account_changes.person(connection, user_id)
            if person is None:
                raise not_found()
            refuse(why_not_export(req.context.principal, person))
            await record_async(connection, AuditEntry(author(req), "user.exported", f"user:{user_id}"))
        await stream_export(resp, self._accounts.pool, user_id, "What is kept about this person")
