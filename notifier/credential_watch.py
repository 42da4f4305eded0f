"""Ends sockets whose login has ended: logout, deactivation, role change, revoked token or key.

One query every few seconds asks about all connected credentials at once. A role change makes
the user's `auth_epoch` grow, so a login that still holds still has the roles it came with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol
from uuid import UUID

import psycopg
import structlog
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from core.identity.principals import Principal

log = structlog.get_logger()

SQL_HOLDING = """
SELECT s.id, NULL::bigint, u.id, u.auth_epoch
FROM login_session s JOIN user_account u ON u.id = s.user_id AND u.is_active AND u.auth_epoch = s.auth_epoch
WHERE s.id = ANY(%(sessions)s::uuid[]) AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()
UNION ALL
SELECT NULL, t.id, u.id, u.auth_epoch
FROM api_token t JOIN user_account u ON u.id = t.user_id AND u.is_active AND u.auth_epoch = t.auth_epoch
WHERE t.id = ANY(%(tokens)s::bigint[]) AND t.revoked_at IS NULL
UNION ALL
SELECT NULL, k.id, NULL, k.epoch FROM agent_key k WHERE k.id = ANY(%(agents)s::bigint[]) AND k.revoked_at IS NULL
"""


class Credential(Struct, frozen=True):
    """What a connection rests on: a login, else a user's API token, else (no user) an agent key."""

    session_id: UUID | None
    key_id: int | None
    user_id: int | None
    auth_epoch: int

    @classmethod
    def of(cls, principal: Principal) -> Credential:
        return cls(principal.session_id, principal.key_id, principal.user_id, principal.auth_epoch)


class Resting(Protocol):
    """A connection, as far as this module cares."""

    @property
    def credential(self) -> Credential | None:
        """None for a stranger: there is nothing to end."""

    def end_login(self) -> None: ...


async def holding(connection: psycopg.AsyncConnection[Any], asked: Collection[Credential]) -> set[Credential]:
    """Those of the credentials asked about that still hold."""
    parameters = {
        "sessions": [c.session_id for c in asked if c.session_id],
        "tokens": [c.key_id for c in asked if c.user_id and not c.session_id],
        "agents": [c.key_id for c in asked if not c.user_id],
    }
    rows = await (await connection.execute(SQL_HOLDING, parameters)).fetchall()
    return {Credential(*row) for row in rows}


class CredentialWatch:
    """`connected` answers all connections there are."""

    def __init__(
        self, pool: AsyncConnectionPool[Any], connected: Callable[[], Iterable[Resting]], interval_s: float
    ) -> None:
        self._pool = pool
        self._connected = connected
        self._interval_s = interval_s

    async def run(self) -> None:
        """Until cancelled. While PostgreSQL is away nothing is known, and nothing is delivered."""
        while True:
            await asyncio.sleep(self._interval_s)
            try:
                await self.look()
            except (psycopg.Error, PoolTimeout) as problem:
                log.warning("logins cannot be checked", problem=repr(problem))

    async def look(self) -> None:
        resting = [(one, one.credential) for one in self._connected()]
        asked = {credential for _, credential in resting if credential is not None}
        if not asked:
            return
        async with self._pool.connection() as connection:
            holds = await holding(connection, asked)
        for one, credential in resting:
            if credential is not None and credential not in holds:
                one.end_login()
