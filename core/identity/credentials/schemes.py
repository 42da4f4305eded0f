"""Which scheme of `Authorization` a credential belongs under, told by its form alone."""

from __future__ import annotations

from core.identity.credentials.agent_keys import PREFIX as AGENT_KEY_PREFIX
from core.identity.credentials.api_tokens import PREFIX as API_TOKEN_PREFIX

JWT_PARTS = 3
BAD_CREDENTIAL = "Invalid or expired credentials: log in again at /api/login/, or use a key that is not revoked"
"""One sentence for forged, expired, revoked and misspelt: the difference would help a forger."""
KNOWN = "Authorization must be Bearer with the access token of a login, or Token with an API token or agent key"


def misplaced(header: str) -> str | None:
    """What is wrong with a header that no credential can make good; None for one that only has to be checked.

    It says nothing of the credential itself: whether it is forged, expired or revoked helps a forger.
    """
    scheme, _, credential = header.strip().partition(" ")
    credential = credential.strip()
    match scheme.lower():
        case "bearer" if credential.startswith(AGENT_KEY_PREFIX):
            return "An agent key belongs under Authorization: Token, not under Bearer"
        case "bearer" if credential.startswith(API_TOKEN_PREFIX):
            return "An API token belongs under Authorization: Token, not under Bearer"
        case "token" if credential.count(".") == JWT_PARTS - 1:
            return "The access token of a login belongs under Authorization: Bearer, not under Token"
        case "bearer" | "token" if credential:
            return None
    return KNOWN
