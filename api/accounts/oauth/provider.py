"""What a sign-in provider is to us: where to send people, and who they are when they come back."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from api.http.errors import Problem


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
