"""How many writes of one person may be undecided at once, whether or not their requests wait for the outcome.

Each process counts what it has accepted itself, and hears of each outcome from the lane that decided it. A lost
message is made up for by a look into the inbox once the bound is reached, so a write costs nothing but an entry in a
table. Agent keys are bounded by their writes a minute, anonymous callers by those of their address.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from typing import Any
from uuid import UUID

from falcon.asgi import Request, Response

from api.http.errors import Problem
from api.http.request_context import SAFE_METHODS
from api.openapi.served_routes import Routes
from core.identity.principals import Principal, PrincipalKind
from core.store.connections.pool import Pool
from core.store.inbox.outcomes import undecided

LOOK_EVERY_S = 0.5
"""How often the inbox is asked which of one person's writes are still undecided."""
COUNTED_MAX = 100_000
"""Commands of all people. Beyond that the oldest is forgotten and no longer counted."""
RETRY_AFTER_S = 1


class UndecidedCounter:
    def __init__(self, per_user: int, pool: Pool) -> None:
        self._per_user = per_user
        self._pool = pool
        self._users: OrderedDict[bytes, int] = OrderedDict()
        """By command id."""
        self._commands: defaultdict[int, dict[bytes, bool]] = defaultdict(dict)
        """By user: each command's id, and whether it is known to be on disk."""
        self._looked_at: dict[int, float] = {}

    async def check(self, user_id: int | None) -> None:
        """Raise Problem 429 if this user may not have one more."""
        if user_id is None or not self._is_full(user_id):
            return
        await self._look(user_id)
        if self._is_full(user_id):
            words = f"At most {self._per_user} of your writes may be undecided at once. Try again in a moment"
            raise Problem(429, "too_many_requests", words, headers={"Retry-After": str(RETRY_AFTER_S)})

    def add(self, user_id: int | None, command_id: UUID) -> None:
        if user_id is None:
            return
        key = command_id.bytes
        self._users[key] = user_id
        self._commands[user_id][key] = False
        if len(self._users) > COUNTED_MAX:
            self.settle(next(iter(self._users)))

    def accepted(self, command_id: UUID) -> None:
        """It is on disk."""
        user_id = self._users.get(command_id.bytes)
        if user_id is not None:
            self._commands[user_id][command_id.bytes] = True

    def settle(self, key: bytes) -> None:
        """A command was decided, or never accepted."""
        user_id = self._users.pop(key, None)
        if user_id is None:
            return
        theirs = self._commands[user_id]
        theirs.pop(key, None)
        if not theirs:
            del self._commands[user_id]
            self._looked_at.pop(user_id, None)

    def _is_full(self, user_id: int) -> bool:
        return len(self._commands.get(user_id, ())) >= self._per_user

    async def _look(self, user_id: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._looked_at.get(user_id, -LOOK_EVERY_S) < LOOK_EVERY_S:
            return
        self._looked_at[user_id] = now
        on_disk = [UUID(bytes=key) for key, is_on_disk in self._commands[user_id].items() if is_on_disk]
        async with self._pool.connection() as connection:
            left = await undecided(connection, on_disk)
        for command_id in on_disk:
            if command_id not in left:
                self.settle(command_id.bytes)


def counted_user(principal: Principal) -> int | None:
    """The person whose writes are counted; None for agent keys and anonymous callers."""
    return None if principal.kind is PrincipalKind.AGENT else principal.user_id


class UndecidedWrites:
    """Falcon middleware; goes after the gate. Refuses a caller with too many before the body is read."""

    def __init__(self, routes: Routes, undecided: UndecidedCounter) -> None:
        self._routes = routes
        self._undecided = undecided

    async def process_resource(self, req: Request, _resp: Response, _resource: object, _params: dict[str, Any]) -> None:
        if req.method in SAFE_METHODS:
            return
        operation = self._routes.operation(req.uri_template or "", req.method)
        if operation is not None and operation.command:
            await self._undecided.check(counted_user(req.context.principal))
