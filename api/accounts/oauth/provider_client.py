"""What is asked of a sign-in provider: Authlib's client, bounded."""

from __future__ import annotations

from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from api.accounts.oauth.provider import AuthorizationFlow, provider_away, sign_in_failed
from core.settings import OAuthClient

PROVIDER_TIMEOUT_S = 10.0
ANSWER_MAX_BYTES = 256 * 1024


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
