"""Authenticates clients by the handshake or by their first message.

An `Authorization` header wins over a ticket, a ticket over the login cookie. A credential that does not
hold is refused, with no fallback to the next one. An expired cookie is no credential: its client is anonymous.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import structlog
from websockets.datastructures import Headers

from core.identity.credentials import agent_keys, lookup
from core.identity.credentials.agent_keys import PREFIX as AGENT_KEY_PREFIX
from core.identity.credentials.api_tokens import PREFIX as API_TOKEN_PREFIX
from core.identity.credentials.schemes import misplaced
from core.identity.principals import (
    ANONYMOUS,
    HOST_PREFIX,
    SESSION_COOKIE,
    BadCredentialError,
    How,
    Principal,
    verify_access_token,
)
from core.settings import Settings
from core.store.connections.pool import Pool

log = structlog.get_logger()

CREDENTIAL_MAX_CHARS = 4_096


class Authentication:
    """Raises `BadCredentialError` for a credential that does not hold."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        self._settings = settings
        self._pool = pool

    async def of_handshake(self, headers: Headers, query: dict[str, str], address: str) -> Principal:
        header = headers.get("Authorization")
        if header is not None:
            return await self._by_header(header, address)
        if "ticket" in query:
            return await self._by_ticket(query["ticket"])
        token = session_token(headers)
        return ANONYMOUS if token is None else await self._by_cookie(token)

    async def of_message(self, token: str, address: str) -> Principal:
        """An access token has dots, an API token its prefix; anything else can only be a ticket."""
        if len(token) > CREDENTIAL_MAX_CHARS:
            raise BadCredentialError
        if "." in token:
            return await self._by_access_token(token)
        if token.startswith((API_TOKEN_PREFIX, AGENT_KEY_PREFIX)):
            return await self._by_token(token, address)
        return await self._by_ticket(token)

    async def _by_header(self, header: str, address: str) -> Principal:
        if words := misplaced(header):
            raise BadCredentialError(words)
        scheme, _, credential = header.strip().partition(" ")
        if scheme.lower() == "bearer":
            return await self._by_access_token(credential.strip())
        return await self._by_token(credential.strip(), address)

    async def _by_access_token(self, token: str) -> Principal:
        claims = verify_access_token(self._settings, token)
        async with self._pool.connection() as connection:
            return _holds(await lookup.by_claims(connection, claims), How.BEARER)

    async def _by_token(self, token: str, address: str) -> Principal:
        if token.startswith(AGENT_KEY_PREFIX):
            return await self._by_agent_key(token, address)
        async with self._pool.connection() as connection:
            return _holds(await lookup.by_api_token(connection, token), How.TOKEN)

    async def _by_agent_key(self, token: str, address: str) -> Principal:
        async with self._pool.connection() as connection:
            key = await agent_keys.by_token(connection, token)
        if key is None or not key.may_come_from(address):
            raise BadCredentialError
        log.info("agent key used", agent_key=key.id)
        return key.principal

    async def _by_ticket(self, ticket: str) -> Principal:
        async with self._pool.connection() as connection:
            return _holds(await lookup.use_ticket(connection, ticket), How.TOKEN)

    async def _by_cookie(self, token: str) -> Principal:
        async with self._pool.connection() as connection:
            found = await lookup.by_cookie(connection, token)
        return ANONYMOUS if found is None else found.principal(How.SESSION)


def _holds(found: lookup.Live | None, how: How) -> Principal:
    if found is None:
        raise BadCredentialError
    return found.principal(how)


def session_token(headers: Headers) -> str | None:
    """The login cookie, from the first `Cookie` header line that has one; its name of an https site comes first."""
    pairs = [pair.strip().partition("=") for line in headers.get_all("Cookie") for pair in line.split(";")]
    for wanted in (HOST_PREFIX + SESSION_COOKIE, SESSION_COOKIE):
        for name, equals, value in pairs:
            if equals and name == wanted:
                return value.strip('"')
    return None


def split_target(target: str, at_most: int) -> tuple[str, dict[str, str]]:
    """Path without its trailing slash, and the first value of each query parameter.

    Raises ValueError for a target that cannot be read or has more than `at_most` parameters.
    """
    parts = urlsplit(target)
    query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=at_most)
    return parts.path.rstrip("/") or "/", {name: values[0] for name, values in query.items()}
