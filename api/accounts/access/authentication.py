"""Says who sends a request (`req.context.principal`), or refuses what it sends as proof.

An `Authorization` header wins over cookies; one that proves nothing is a 401 and never falls
back to a cookie. A dead session cookie is no credential: its owner is anonymous.
"""

from __future__ import annotations

import hmac
from typing import Any

from falcon.asgi import Request, Response

from api.accounts.access.cookies import sent
from api.accounts.access.live_credentials import LiveCredentials
from api.http.errors import Problem, bad_credential
from api.http.request_context import SAFE_METHODS
from api.http.security_headers import CSRF_HEADER
from api.route_rules import BRING_THEIR_OWN, rules_of
from core import logs
from core.identity.credentials.agent_keys import PREFIX as AGENT_KEY_PREFIX
from core.identity.credentials.agent_keys import AgentKey
from core.identity.credentials.api_tokens import PREFIX as API_TOKEN_PREFIX
from core.identity.credentials.lookup import Live
from core.identity.credentials.schemes import misplaced
from core.identity.principals import ANONYMOUS, SESSION_COOKIE, BadCredentialError, How, Principal, verify_access_token
from core.origins import origin_allowed
from core.settings import Settings


class Authentication:
    """Falcon middleware; goes before `Gate`. Also looks up the route's rule, for all that come after it."""

    def __init__(self, settings: Settings, logins: LiveCredentials) -> None:
        self._settings = settings
        self._logins = logins

    async def process_request(self, req: Request, _resp: Response) -> None:
        req.context.principal = ANONYMOUS
        req.context.agent_key = None

    async def process_resource(self, req: Request, _resp: Response, _resource: object, _params: dict[str, Any]) -> None:
        """Methods without a rule (OPTIONS, and those that are a 405) answer everybody alike."""
        req.context.rule = rule = rules_of(req.uri_template or "").get(req.method)
        if rule is not None and rule not in BRING_THEIR_OWN:
            req.context.principal = await self._identify(req)

    async def _identify(self, req: Request) -> Principal:
        header = req.get_header("Authorization")
        if header is not None:
            return await self._by_header(req, header)
        cookie = sent(req, SESSION_COOKIE)
        live = await self._logins.by_cookie(cookie) if cookie is not None else None
        if live is None:
            return ANONYMOUS
        if req.method not in SAFE_METHODS:
            self._check_same_site(req, live)
        return live.principal(How.SESSION)

    async def _by_header(self, req: Request, header: str) -> Principal:
        if words := misplaced(header):
            raise bad_credential(words)
        scheme, _, credential = header.strip().partition(" ")
        match scheme.lower():
            case "bearer":
                live, how = await self._by_access_token(credential.strip()), How.BEARER
            case "token" if credential.strip().startswith(AGENT_KEY_PREFIX):
                return await self._by_agent_key(req, credential.strip())
            case _:
                live, how = await self._by_api_token(credential.strip()), How.TOKEN
        if live is None:
            raise bad_credential()
        return live.principal(how)

    async def _by_agent_key(self, req: Request, token: str) -> Principal:
        """The key is named in the log and its use is counted, also where it comes from somewhere it may not."""
        key: AgentKey | None = await self._logins.by_agent_key(token)
        if key is None:
            raise bad_credential()
        req.context.agent_key = key
        logs.bind(agent_key=key.id)
        if not key.may_come_from(req.context.address):
            raise Problem(403, "address_not_allowed", "This agent key may not be used from this address")
        return key.principal

    async def _by_api_token(self, token: str) -> Live | None:
        return await self._logins.by_api_token(token) if token.startswith(API_TOKEN_PREFIX) else None

    async def _by_access_token(self, token: str) -> Live | None:
        try:
            claims = verify_access_token(self._settings, token)
        except BadCredentialError:
            return None
        return await self._logins.by_claims(claims)

    def _check_same_site(self, req: Request, live: Live) -> None:
        """A cookie goes along with whatever page asks; the token and the origin say which page it was."""
        if not origin_allowed(self._settings, req.get_header("Origin"), req.get_header("Host")):
            raise Problem(403, "origin_not_allowed", "Requests from this origin are not allowed")
        sent = req.get_header(CSRF_HEADER) or ""
        if not hmac.compare_digest(sent.encode(), live.csrf_secret.encode()):
            raise Problem(
                403,
                "csrf_failed",
                "CSRF token missing or incorrect: send the value of the cookie csrftoken, or of GET /api/auth/csrf/, as X-CSRFToken",
            )
