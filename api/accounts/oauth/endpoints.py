"""`/oauth/{provider}/login/`, its callback, and what `/api/oauth/` tells about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from falcon.asgi import Request, Response
from msgspec import Meta, Struct

from api.accounts.access.cookies import Cookies
from api.accounts.limits import OAUTH_STARTS
from api.accounts.login.sign_in import SignIn
from api.accounts.oauth.account_match import AccountMatch
from api.accounts.oauth.provider import AuthorizationFlow, Provider, sign_in_failed
from api.http.errors import Problem
from api.http.parameters import read_query
from api.http.responses import respond
from api.limits.throttle import Throttle, caller
from api.openapi import Content, operation
from core.identity.credentials import linked_accounts
from core.identity.credentials.linked_accounts import Attempt
from core.identity.principals import new_token
from core.settings import Settings
from core.store.connections.pool import Pool

Providers = Mapping[str, Provider]
PROVIDERS = ("google", "github")
NEXT_MAX_CHARS = 500
PARAMETER_MAX_CHARS = 2000


def not_configured(name: str) -> Problem:
    return Problem(404, "provider_not_configured", f"Signing in with {name} is not set up here")


def callback_url(settings: Settings, name: str) -> str:
    return f"{settings.public_url}/oauth/{name}/login/callback/"


class Next(Struct, frozen=True):
    next: Annotated[str, Meta(description="A path on this origin to come back to; else the front page")] | None = None


class Returned(Struct, frozen=True):
    """What a provider sends back (RFC 6749, 4.1.2)."""

    code: str | None = None
    state: str | None = None
    error: str | None = None


class ProviderStatus(Struct, frozen=True):
    available: bool
    login_url: str


class OAuthStatusAnswer(Struct, frozen=True):
    google: ProviderStatus
    github: ProviderStatus


class OAuthLogin:
    """Sends the browser to one provider."""

    def __init__(
        self, name: str, settings: Settings, providers: Providers, pool: Pool, cookies: Cookies, throttle: Throttle
    ) -> None:
        self._name = name
        self._settings = settings
        self._provider = providers.get(name)
        self._pool = pool
        self._cookies = cookies
        self._throttle = throttle

    @operation(
        "Go and sign in with a provider",
        query=Next,
        answers={302: Content(media_type="", headers={"Location": "The provider's page"})},
        refuses=("provider_not_configured", "provider_unavailable", "too_many_requests", "unknown_outcome"),
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        if self._provider is None:
            raise not_configured(self._name)
        asked = read_query(req, Next)
        await self._throttle.spend(OAUTH_STARTS, caller(req))
        flow = AuthorizationFlow(new_token(), new_token(), new_token(), callback_url(self._settings, self._name))
        url = await self._provider.authorization_url(flow)
        browser = new_token()
        attempt = Attempt(flow.code_verifier, flow.nonce, local_path(asked.next))
        async with self._pool.connection() as connection:
            await linked_accounts.begin_attempt(connection, self._name, flow.state, browser, attempt)
        self._cookies.set_oauth(resp, browser, linked_accounts.ATTEMPT_LIFETIME_S)
        resp.status = 302
        resp.set_header("Location", url)


class OAuthCallback:
    """Takes the browser back from one provider, and logs it in."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        providers: Providers,
        pool: Pool,
        cookies: Cookies,
        sign_in: SignIn,
        account_match: AccountMatch,
    ) -> None:
        self._name = name
        self._settings = settings
        self._provider = providers.get(name)
        self._pool = pool
        self._cookies = cookies
        self._sign_in = sign_in
        self._account_match = account_match

    @operation(
        "Come back from a provider",
        query=Returned,
        answers={302: Content(media_type="", headers={"Location": "The page that the sign-in was begun for"})},
        refuses=(
            "provider_not_configured",
            "provider_unavailable",
            "unknown_outcome",
            "oauth_failed",
            "oauth_denied",
            "email_not_verified",
            "email_in_use",
            "account_closed",
            "wrong_credentials",
        ),
    )
    async def on_get(self, req: Request, resp: Response) -> None:
        if self._provider is None:
            raise not_configured(self._name)
        state, attempt = await self._finish(req)
        self._cookies.clear_oauth(resp)
        if req.get_param("error") is not None:
            raise Problem(403, "oauth_denied", "The sign-in was cancelled")
        callback = callback_url(self._settings, self._name)
        flow = AuthorizationFlow(state, attempt.nonce, attempt.code_verifier, callback)
        identity = await self._provider.identity(_parameter(req, "code"), flow)
        user = await self._account_match.user(identity)
        self._cookies.set_login(resp, await self._sign_in.begin(req, user))
        resp.status = 302
        resp.set_header("Location", self._settings.public_url + attempt.next_path)

    async def _finish(self, req: Request) -> tuple[str, Attempt]:
        """The attempt that this browser began, spent. Raises Problem 400."""
        state = _parameter(req, "state")
        browser = self._cookies.oauth(req)
        async with self._pool.connection() as connection:
            attempt = await linked_accounts.finish_attempt(connection, self._name, state, browser)
        if attempt is None:
            raise sign_in_failed()
        return state, attempt


class OAuthStatus:
    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    @operation("Say which providers there are", answers={200: OAuthStatusAnswer})
    async def on_get(self, _req: Request, resp: Response) -> None:
        google, github = (ProviderStatus(name in self._providers, f"/oauth/{name}/login/") for name in PROVIDERS)
        respond(resp, OAuthStatusAnswer(google=google, github=github))


def local_path(sent: str | None) -> str:
    """`next` if it is a path on our own origin, else the front page: redirects never leave it."""
    if sent is None or len(sent) > NEXT_MAX_CHARS or not sent.isprintable():
        return "/"
    parts = urlsplit(sent)
    is_local = sent.startswith("/") and not sent.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return sent if is_local and sent.isascii() and "\\" not in sent else "/"


def _parameter(req: Request, name: str) -> str:
    value = req.get_param(name) or ""
    if not 0 < len(value) <= PARAMETER_MAX_CHARS:
        raise sign_in_failed()
    return value
