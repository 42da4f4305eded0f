"""Who a credential belongs to and whether it still holds, asked of PostgreSQL once in two seconds.

A booking burst from one login costs one look-up, and what logout, deactivation or a role change
ends is ended within the answer's age here plus the request that carries it: well inside 5 s.
"""

from __future__ import annotations

from api.accounts.access.lookup_cache import FRESH_S, LookupCache
from core.identity.credentials import agent_keys, lookup
from core.identity.credentials.agent_keys import AgentKey
from core.identity.credentials.lookup import Live
from core.identity.principals import Claims, hash_token
from core.store.connections.pool import Pool

__all__ = ["FRESH_S", "LiveCredentials", "Pool"]


class LiveCredentials:
    """People's logins and tokens, and agent keys."""

    def __init__(self, pool: Pool) -> None:
        self._people: LookupCache[Live | None] = LookupCache(pool)
        self._keys: LookupCache[AgentKey | None] = LookupCache(pool)

    async def by_cookie(self, session_token: str) -> Live | None:
        return await self._people.ask(hash_token(session_token), lambda c: lookup.by_cookie(c, session_token))

    async def by_claims(self, claims: Claims) -> Live | None:
        return await self._people.ask(claims, lambda c: lookup.by_claims(c, claims))

    async def by_api_token(self, token: str) -> Live | None:
        return await self._people.ask(("token", hash_token(token)), lambda c: lookup.by_api_token(c, token))

    async def by_agent_key(self, token: str) -> AgentKey | None:
        return await self._keys.ask(hash_token(token), lambda c: agent_keys.by_token(c, token))

    def forget(self) -> None:
        """After this process ended a login or a key: nothing remembered here may outlive it."""
        self._people.forget()
        self._keys.forget()
