"""GitHub: OAuth 2 without OpenID; who somebody is comes from its REST API."""

from __future__ import annotations

from typing import Any

from api.accounts.oauth.provider import AuthorizationFlow, Identity, sign_in_failed
from api.accounts.oauth.provider_client import client, fetch_json, fetch_token
from core.settings import OAuthClient

SCOPE = "read:user user:email"


class GitHub:
    name = "github"

    def __init__(self, ours: OAuthClient, url: str, api_url: str) -> None:
        self._ours = ours
        self._url = url
        self._api_url = api_url

    async def authorization_url(self, flow: AuthorizationFlow) -> str:
        async with client(self._ours, flow.redirect_uri, SCOPE) as oauth:
            url, _ = oauth.create_authorization_url(
                f"{self._url}/login/oauth/authorize", state=flow.state, code_verifier=flow.code_verifier
            )
        return str(url)

    async def identity(self, code: str, flow: AuthorizationFlow) -> Identity:
        async with client(self._ours, flow.redirect_uri, SCOPE) as oauth:
            await fetch_token(oauth, self.name, f"{self._url}/login/oauth/access_token", code, flow)
            user = await fetch_json(oauth, self.name, f"{self._api_url}/user")
            emails = await fetch_json(oauth, self.name, f"{self._api_url}/user/emails")
        if not isinstance(user, dict) or not isinstance(user.get("id"), int):
            raise sign_in_failed()
        # The numeric id: logins can be renamed, and taken over by somebody else.
        return Identity(self.name, str(user["id"]), _verified(emails), first_name=str(user.get("name") or ""))


def _verified(emails: Any) -> str | None:
    """The primary address if it is verified; the profile's public `email` says nothing about that."""
    listed = [entry for entry in emails if isinstance(entry, dict)] if isinstance(emails, list) else []
    for entry in listed:
        if entry.get("primary") is True and entry.get("verified") is True and isinstance(entry.get("email"), str):
            return str(entry["email"])
    return None
