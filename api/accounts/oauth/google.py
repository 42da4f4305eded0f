"""Google: OpenID Connect (Core 1.0), the ID token checked in full."""

from __future__ import annotations

import asyncio
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.accounts.oauth.provider import (
    AuthorizationFlow,
    Identity,
    provider_away,
    sign_in_failed,
)
from api.accounts.oauth.provider_client import client, fetch_json, fetch_token
from core.identity.principals import CLOCK_LEEWAY_S
from core.settings import OAuthClient
from core.text_forms import SUBJECT

SCOPE = "openid email profile"
ALGORITHMS = ["RS256", "ES256"]
"""Never what the token or the discovery document proposes: that would let `none` and HS256 in."""
METADATA_FRESH_S = 3600.0


class Google:
    name = "google"

    def __init__(self, ours: OAuthClient, issuer: str) -> None:
        self._ours = ours
        self._issuer = issuer
        self._metadata: dict[str, Any] = {}
        self._read_at = 0.0

    async def authorization_url(self, flow: AuthorizationFlow) -> str:
        async with client(self._ours, flow.redirect_uri, SCOPE) as oauth:
            metadata = await self._discover(oauth)
            url, _ = oauth.create_authorization_url(
                metadata["authorization_endpoint"],
                state=flow.state,
                code_verifier=flow.code_verifier,
                nonce=flow.nonce,
            )
        return str(url)

    async def identity(self, code: str, flow: AuthorizationFlow) -> Identity:
        async with client(self._ours, flow.redirect_uri, SCOPE) as oauth:
            metadata = await self._discover(oauth)
            token = await fetch_token(oauth, self.name, metadata["token_endpoint"], code, flow)
            keys = await fetch_json(oauth, self.name, metadata["jwks_uri"], withhold_token=True)
        claims = self._claims(token, keys, flow)
        # A string "true" is no claim that anything was verified (Core 1.0, 5.1: a boolean).
        email = claims.get("email") if claims.get("email_verified") is True else None
        if not SUBJECT.fits(subject := str(claims["sub"])):
            raise sign_in_failed()
        return Identity(
            provider=self.name,
            subject=subject,
            email=email if isinstance(email, str) else None,
            first_name=str(claims.get("given_name") or ""),
            last_name=str(claims.get("family_name") or ""),
        )

    def _claims(self, token: dict[str, Any], keys: Any, flow: AuthorizationFlow) -> dict[str, Any]:
        """The ID token's claims after signature, issuer, audience, expiry, nonce. Raises Problem 400."""
        try:
            decoded = jwt.decode(str(token.get("id_token")), KeySet.import_key_set(keys), algorithms=ALGORITHMS)
            options = {
                "iss": {"essential": True, "value": self._issuer},
                "aud": {"essential": True, "value": self._ours.client_id},
            }
            expected = {
                "nonce": flow.nonce,
                "client_id": self._ours.client_id,
                "access_token": token.get("access_token"),
            }
            claims = CodeIDToken(decoded.claims, decoded.header, options, expected)
            claims.validate(leeway=CLOCK_LEEWAY_S)
        except (JoseError, ValueError, KeyError, TypeError):
            raise sign_in_failed() from None
        return dict(claims)

    async def _discover(self, oauth: Any) -> dict[str, Any]:
        """Discovery 1.0, 4: the document must name the issuer that it was asked of."""
        now = asyncio.get_running_loop().time()
        if not self._metadata or now - self._read_at > METADATA_FRESH_S:
            url = f"{self._issuer}/.well-known/openid-configuration"
            found = await fetch_json(oauth, self.name, url, withhold_token=True)
            needed = {"authorization_endpoint", "token_endpoint", "jwks_uri"}
            if not isinstance(found, dict) or found.get("issuer") != self._issuer or not needed <= found.keys():
                raise provider_away(self.name)
            self._metadata, self._read_at = found, now
        return self._metadata
