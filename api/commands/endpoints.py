"""`GET` and `DELETE /api/commands/{id}/`: polling a command, and withdrawing it."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import falcon.asgi

from api.commands.commands import POLL_AFTER_S, Commands
from api.http.audit import author
from api.http.errors import Problem
from api.http.preferences import preferences
from api.http.responses import respond_encoded
from api.openapi import Content, operation
from api.openapi.parameters import WAIT
from core.client_addresses import subscriber_of
from core.identity.principals import Principal
from core.store.inbox.outcomes import CommandRecord
from core.wire.outcomes import CommandStatus, command_status

LONG_POLLS_PER_CALLER_MAX = 100
"""Of one owner, or one address, in a process. Polls beyond that are answered at once."""


class CommandResource:
    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._polling: Counter[str] = Counter()
        """Long polls under way, by caller."""

    @operation(
        "Ask what became of a command",
        description="`Retry-After` while it is not finished; `Prefer: wait=N` makes it a long poll.",
        answers={200: Content(CommandStatus, headers={"Retry-After": "While it is not finished"})},
        refuses=("command_not_found",),
        parameters=(WAIT,),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, command_id: UUID) -> None:
        await self._check_owner(req, command_id)
        record = await self._look_up(req, command_id)
        if record is None:
            raise not_found()
        principal: Principal = req.context.principal
        if record.owner is not None and record.owner == principal.actor.owner:
            record = await self._commands.reveal(record)
        respond_encoded(resp, command_status(record))
        if record.http_status is None:
            resp.set_header("Retry-After", str(POLL_AFTER_S))

    @operation(
        "Withdraw a command that is not decided yet",
        answers={200: CommandStatus},
        refuses=("command_not_found", "already_decided"),
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, command_id: UUID) -> None:
        await self._check_owner(req, command_id)
        by = author(req) if req.context.principal.is_audited else None
        if not await self._commands.withdraw(command_id, by):
            raise Problem(409, "already_decided", "The command is already decided and cannot be withdrawn")
        record = await self._commands.look_up(command_id)
        assert record is not None  # noqa: S101 - just written by this request
        respond_encoded(resp, command_status(record))

    async def _look_up(self, req: falcon.asgi.Request, command_id: UUID) -> CommandRecord | None:
        caller = req.context.principal.actor.owner or subscriber_of(req.context.address)
        wait_s = preferences(req, default_s=0).wait_s
        if self._polling[caller] >= LONG_POLLS_PER_CALLER_MAX:
            wait_s = 0
        self._polling[caller] += 1
        try:
            return await self._commands.long_poll(command_id, wait_s)
        finally:
            self._polling[caller] -= 1
            if not self._polling[caller]:
                del self._polling[caller]

    async def _check_owner(self, req: falcon.asgi.Request, command_id: UUID) -> None:
        """Raise Problem 404 unless the caller may see it: its owner, staff, or anybody with the id of an anonymous one."""
        record = await self._commands.look_up(command_id)
        principal: Principal = req.context.principal
        if record is None or not (record.owner is None or principal.is_staff or record.owner == principal.actor.owner):
            raise not_found()


def not_found() -> Problem:
    return Problem(404, "command_not_found", "There is no such command, or it is not yours")
