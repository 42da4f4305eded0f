"""What a sign-in provider is to us: where to send people, and who they are when they come back."""

from __future__ import annotations

from typing import Any, Protocol

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from msgspec import Struct

from api.http.errors import Problem
from core.settings import OAuthClient

PROVIDER_TIMEOUT_S = 10.0
ANSWER_MAX_BYTES = 256 * 1024


class Identity(Struct, frozen=True):
    """A person as a provider knows them. `email` is one that the provider says it verified, or None."""

    provider: str
    subject: str
    email: str | None
    first_name: str = ""
    last_name: str = ""


class AuthorizationFlow(Struct, frozen=True):
    """The secrets of one way to a provider and back."""

    state: str
    nonce: str
    code_verifier: str
    redirect_uri: str


class Provider(Protocol):
    """Both methods raise Problem 503 while the provider is away, `identity` also 400 and 502's kin."""

    name: str

    async def authorization_url(self, flow: AuthorizationFlow) -> str: ...

    async def identity(self, code: str, flow: AuthorizationFlow) -> Identity: ...


def provider_away(name: str) -> Problem:
    message = f"Signing in with {name} is not possible right now; try again in a moment"
    return Problem(503, "provider_unavailable", message, headers={"Retry-After": "30"})


def sign_in_failed() -> Problem:
    """For a code, state or token that does not hold. It does not say which."""
    return Problem(400, "oauth_failed", "The sign-in could not be completed; start again")


def client(ours: OAuthClient, redirect_uri: str, scope: str) -> AsyncOAuth2Client:
    """Authlib's client for one request or two; use it as a context manager."""
    return AsyncOAuth2Client(
        client_id=ours.client_id,
        client_secret=ours.client_secret,
        redirect_uri=redirect_uri,
        scope=scope,
        code_challenge_method="S256",
        timeout=PROVIDER_TIMEOUT_S,
        follow_redirects=False,
    )


async def fetch_token(
    oauth: AsyncOAuth2Client, name: str, endpoint: str, code: str, flow: AuthorizationFlow
) -> dict[str, Any]:
    """Change the code for tokens. Raises Problem 400 for a bad code, 503 for a provider that is away."""
    try:
        token: dict[str, Any] = await oauth.fetch_token(
            endpoint, code=code, code_verifier=flow.code_verifier, headers={"Accept": "application/json"}
        )
    except OAuthError:
        raise sign_in_failed() from None
    except (httpx2.HTTPError, ValueError):
        raise provider_away(name) from None
    return token


async def fetch_json(oauth: AsyncOAuth2Client, name: str, url: str, **how: Any) -> Any:
    """A JSON document of the provider's. Raises Problem 503."""
    try:
        answer = await oauth.request("GET", url, **how)
        answer.raise_for_status()
        if len(answer.content) > ANSWER_MAX_BYTES:
            raise provider_away(name)
        return answer.json()
    except (httpx2.HTTPError, ValueError):
        raise provider_away(name) from None
