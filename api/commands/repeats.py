"""Repeated requests whose first one has removed what they name: they hear its outcome, and not that nothing is there.

Responders look up a booking, a closure or a time slot before they hand over a command. After a delete whose answer was
lost, its repetition finds nothing there, and never comes to its key.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import falcon
import falcon.asgi
import psycopg
import structlog

from api.commands.commands import Commands, key_of
from api.http.errors import Problem, write_problem
from api.http.preferences import preferences
from core import logs
from core.store.connections.pool import Pool
from core.store.inbox.acceptance import IdempotencyKey, KeyOwner, key_owners

log = structlog.get_logger()


class RepeatedRequests:
    def __init__(self, commands: Commands, pool: Pool) -> None:
        self._commands = commands
        self._pool = pool

    def add_to(self, app: falcon.asgi.App[Any, Any]) -> None:
        """In place of the plain handler of problems."""
        app.add_error_handler(Problem, self._on_problem)

    async def _on_problem(self, req: Any, resp: Any, problem: Problem, _params: Any) -> None:
        try:
            if problem.status != HTTPStatus.NOT_FOUND or not await self._answer(req, resp):
                write_problem(req, resp, problem)
        except Problem as later:
            write_problem(req, resp, later)

    async def _answer(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> bool:
        """Whether an earlier request had this key, and its outcome is the answer."""
        if req.method in {"GET", "HEAD", "OPTIONS"} or getattr(req.context, "principal", None) is None:
            return False
        if (key := key_of(req)) is None or (first := await self._first(key)) is None:
            return False
        wants = preferences(req)
        logs.bind(command_id=first.command_id)
        until = asyncio.get_running_loop().time() + wants.wait_s
        await self._commands.follow(req, resp, first.command_id, wants, until)
        return True

    async def _first(self, key: IdempotencyKey) -> KeyOwner | None:
        """Of the very same request, while its command is kept."""
        try:
            async with self._pool.connection() as connection:
                owner = (await key_owners(connection, [key])).get((key.scope, key.key))
        except psycopg.Error as problem:
            log.warning("a repeated request cannot be looked up", problem=repr(problem))
            return None
        return owner if owner is not None and owner.exists and owner.body_hash == key.body_hash else None
