"""Ends sockets whose login has ended: logout, deactivation, role change, revoked token or key.

One query every few seconds asks about all connected credentials at once. A role change makes
the user's `auth_epoch` grow, so a login that still holds still has the roles it came with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from core.identity.credentials.lookup import Credential, still_hold
from core.store.connections.pool import Pool

log = structlog.get_logger()


class Resting(Protocol):
    """A connection that rests on a credential."""

    @property
    def credential(self) -> Credential | None:
        """None for an anonymous client: there is nothing to end."""

    def end_login(self) -> None: ...


class CredentialWatch:
    """`connected` returns all present connections."""

    def __init__(self, pool: Pool, connected: Callable[[], Iterable[Resting]], interval_s: float) -> None:
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
            holds = await still_hold(connection, asked)
        for one, credential in resting:
            if credential is not None and credential not in holds:
                one.end_login()
