"""`GET /api/user/export/` and `DELETE /api/user/`: people export their own data, and delete their own account."""

from __future__ import annotations

from typing import Any

import structlog
from falcon.asgi import Request, Response
from msgspec import UNSET, Struct, UnsetType

from api.accounts.account_deletion import AccountDeletion, LeftBehind, ensure_superuser_remains, left_behind
from api.accounts.composition import Accounts
from api.accounts.export_stream import Export, stream_export
from api.accounts.fields import Password
from api.accounts.limits import EXPORTS
from api.accounts.login.owner_proof import OwnerProof
from api.http.bodies import read_json
from api.http.errors import Problem, not_authenticated
from api.http.responses import respond
from api.openapi import Content, operation
from core.identity.demo_accounts import ACCOUNTS
from core.identity.personal_data import anonymisation
from core.identity.principals import Principal
from core.wire.answers import Done
from core.wire.errors import FieldProblem

log = structlog.get_logger()

SHARED = frozenset(account.id for account in ACCOUNTS)
"""The demo's accounts, which visitors share. Staff may delete one at the desk, as the appointments document does."""


class Leave(Struct, frozen=True, forbid_unknown_fields=True):
    """The body. Accounts without a password leave it out; they have to have signed in shortly before."""

    password: Password | UnsetType = UNSET
    give_up_credits: bool = False
    """Unused credits of a bundle that is used in part are lost with the account: without this word it stays."""


class Goodbye(Done, frozen=True, kw_only=True):
    data: LeftBehind


class OwnAccount:
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._account_deletion = AccountDeletion(accounts)
        self._proof = OwnerProof(accounts.pool, accounts.sign_in)

    @operation(
        "Export one's own data",
        description="Streamed: an answer that does not end in a closing brace is incomplete. No secret is in it.",
        answers={200: Content(Export, headers={"Content-Disposition": "As a file"})},
        refuses=("too_many_requests",),
    )
    async def on_get_export(self, req: Request, resp: Response) -> None:
        user_id = _own_id(req)
        await self._accounts.throttle.spend(EXPORTS, f"user:{user_id}")
        log.info("personal data exported", exported_user=user_id)
        await stream_export(resp, self._accounts.pool, user_id, "What is kept about you")

    @operation(
        "Delete one's account",
        description=(
            "Ends every login at once. Bookings to come are cancelled by the usual rules for money and credits; those that "
            "are over stay, without personal data (docs/accounts.md). A bundle of which nothing is used is cancelled too; "
            "unused credits of another are lost, which has to be said by `give_up_credits`. An account with a password sends it again; one "
            "without has to have signed in within the last ten minutes."
        ),
        body=Content(Leave, example={"password": "yourpassword"}),
        answers={200: Goodbye},
        refuses=("sign_in_again", "demo_account", "last_superuser", "credits_left", "too_many_requests"),
    )
    async def on_delete(self, req: Request, resp: Response) -> None:
        body = await read_json(req, Leave)
        user_id = _own_id(req)
        if self._accounts.settings.demo and user_id in SHARED:
            raise Problem(
                403, "demo_account", "The demo's own accounts cannot delete themselves: everybody shares them"
            )
        await self._proof.check(req, body.password, field="password", purpose="delete your account")
        notice_s = 0 if req.context.principal.is_staff else self._accounts.settings.policy.refund_notice_s

        async def check(connection: Any) -> None:
            await ensure_superuser_remains(connection, user_id)
            if await anonymisation.lock(connection, user_id) is None:
                raise not_authenticated()
            left = await anonymisation.count(connection, user_id, notice_s)
            if left.credits_lost and not body.give_up_credits:
                raise _credits_left(left.credits_lost)

        gone = await self._account_deletion.leave(req, user_id, check, notice_s=notice_s)
        self._accounts.cookies.clear_login(resp)
        respond(resp, Goodbye(message="Your account was deleted", data=left_behind(user_id, gone)))


def _credits_left(credits_: int) -> Problem:
    words = (
        f"{credits_} credits of your bundles are unused, and nothing goes back for them: use them first, or send "
        "give_up_credits to delete your account without them"
    )
    return Problem(409, "credits_left", words, [FieldProblem("give_up_credits", words)])


def _own_id(req: Request) -> int:
    principal: Principal = req.context.principal
    if principal.user_id is None:
        raise not_authenticated()
    return principal.user_id
