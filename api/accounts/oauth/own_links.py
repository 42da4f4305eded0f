"""`/api/oauth/accounts/`: the accounts at providers that sign in to one's own, and dropping one."""

from __future__ import annotations

from falcon.asgi import Request, Response
from msgspec import Struct

from api.accounts.limits import SETTINGS_CHANGES
from api.http.audit import note_change
from api.http.errors import Problem, not_authenticated
from api.http.responses import respond
from api.limits.throttle import Throttle
from api.openapi import operation
from core.identity.credentials import linked_accounts
from core.identity.principals import Principal
from core.store.connections.pool import Pool
from core.wire.answers import Done
from core.wire.vocabulary import Zulu, zulu


class LinkedAccount(Struct, frozen=True):
    provider: str
    uid: str
    email: str
    linked_at: Zulu
    id: int


class OAuthAccounts:
    def __init__(self, pool: Pool, throttle: Throttle) -> None:
        self._pool = pool
        self._throttle = throttle

    @operation("List one's linked accounts", answers={200: list[LinkedAccount]})
    async def on_get(self, req: Request, resp: Response) -> None:
        async with self._pool.connection() as connection:
            accounts = await linked_accounts.linked(connection, req.context.principal.user_id)
        respond(resp, [LinkedAccount(a.provider, a.subject, a.email, zulu(a.linked_at), a.id) for a in accounts])

    @operation(
        "Unlink an account",
        description="It signs in no longer. Logins that began by it go on. The last way in stays.",
        answers={200: Done},
        refuses=("not_linked", "last_way_in", "too_many_requests"),
    )
    async def on_delete_one(self, req: Request, resp: Response, linked_id: int) -> None:
        principal: Principal = req.context.principal
        if principal.user_id is None:
            raise not_authenticated()
        await self._throttle.spend(SETTINGS_CHANGES, f"user:{principal.user_id}")
        async with self._pool.connection() as connection, connection.transaction():
            has_password = await linked_accounts.lock_owner(connection, principal.user_id)
            accounts = await linked_accounts.linked(connection, principal.user_id)
            gone = next((one for one in accounts if one.id == linked_id), None)
            if gone is None:
                raise Problem(404, "not_linked", "No such account is linked to yours; it may be unlinked already")
            if not has_password and len(accounts) == 1:
                raise Problem(409, "last_way_in", "You sign in by this alone: ask for a password by mail first")
            await linked_accounts.unlink(connection, linked_id)
            if principal.is_audited:
                was = {"provider": gone.provider}
                await note_change(req, connection, "user.provider_unlinked", principal.user_id, was, None)
        respond(resp, Done(message=f"{gone.provider} does not sign in to your account any more"))
