"""Who is asking: principals, and the access tokens (RFC 7519, 8725) that carry them.

Access tokens are verified here without a database; whether the login behind one is still live
is asked of `core.identity.credentials.login_sessions`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

import jwt
from msgspec import Struct

from core.domain.commands import Actor, ActorKind
from core.settings import Settings

__all__ = [
    "ACCESS_LIFETIME_S",
    "ANONYMOUS",
    "CLOCK_LEEWAY_S",
    "HOST_PREFIX",
    "SESSION_COOKIE",
    "BadCredentialError",
    "Claims",
    "How",
    "Principal",
    "PrincipalKind",
    "hash_token",
    "issue_access_token",
    "new_token",
    "verify_access_token",
]

SESSION_COOKIE = "holdfast_session"
HOST_PREFIX = "__Host-"
"""Before a cookie's name where the site is https: browsers then take it from this host alone, not from another one of
its domain, and never without TLS (RFC 6265bis, 4.1.3.2). Both names are read, for logins of an earlier release."""
ACCESS_LIFETIME_S = 30 * 60
CLOCK_LEEWAY_S = 60
"""How far two hosts' clocks may differ: a token is accepted this long before its `iat` or `nbf`
(RFC 7519, 4.1.5 allows a few minutes)."""
_ALGORITHM = "HS256"
_ISSUER = "holdfast"
_AUDIENCE = "holdfast"
_TYPE = "access"


class BadCredentialError(Exception):
    """A credential that proves nothing. It never says why, which would help a forger, but that the scheme is wrong."""


class PrincipalKind(StrEnum):
    ANONYMOUS = "anonymous"
    USER = "user"
    PRACTITIONER = "practitioner"
    STAFF = "staff"
    SUPERUSER = "superuser"
    AGENT = "agent"


class How(StrEnum):
    """How a request proved who sent it."""

    NONE = "none"
    BEARER = "bearer"
    TOKEN = "token"  # noqa: S105 - the name of a scheme
    SESSION = "session"


_ACTOR_KIND = {
    PrincipalKind.ANONYMOUS: ActorKind.ANONYMOUS,
    PrincipalKind.USER: ActorKind.USER,
    PrincipalKind.PRACTITIONER: ActorKind.USER,
    PrincipalKind.STAFF: ActorKind.STAFF,
    PrincipalKind.SUPERUSER: ActorKind.STAFF,
    PrincipalKind.AGENT: ActorKind.AGENT,
}


class Principal(Struct, frozen=True):
    """Who sends a request. `kind` is the highest role; a staff member may be a practitioner too."""

    kind: PrincipalKind
    user_id: int | None = None
    key_id: int | None = None
    """The agent key's id, or the API token's."""
    session_id: UUID | None = None
    how: How = How.NONE
    is_practitioner: bool = False
    must_change_password: bool = False
    """An agent set the password: the account may do nothing but change it."""
    auth_epoch: int = 0

    @property
    def actor(self) -> Actor:
        """The same person as the engine knows them. Only agent keys own commands by key."""
        key_id = self.key_id if self.kind is PrincipalKind.AGENT else None
        return Actor(_ACTOR_KIND[self.kind], self.user_id, key_id)

    @property
    def is_staff(self) -> bool:
        return self.kind in {PrincipalKind.STAFF, PrincipalKind.SUPERUSER}

    @property
    def is_audited(self) -> bool:
        """Whether all that it changes goes into the audit log: staff, superusers and agent keys."""
        return self.is_staff or self.kind is PrincipalKind.AGENT


ANONYMOUS = Principal(PrincipalKind.ANONYMOUS)


class Claims(Struct, frozen=True, cache_hash=True):
    """What a verified access token says. `family_id` is the refresh family it was minted with."""

    user_id: int
    session_id: UUID
    family_id: UUID
    epoch: int


def new_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    """What is kept of a random token. SHA-256: there is nothing to guess that argon2 would slow."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def issue_access_token(settings: Settings, claims: Claims, now: datetime) -> str:
    key_id, key = _key(settings.secret_key)
    payload = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "typ": _TYPE,
        "sub": str(claims.user_id),
        "sid": claims.session_id.hex,
        "fam": claims.family_id.hex,
        "epoch": claims.epoch,
        "iat": now,
        "exp": now + timedelta(seconds=ACCESS_LIFETIME_S),
    }
    return jwt.encode(payload, key, _ALGORITHM, headers={"kid": key_id})


def verify_access_token(settings: Settings, token: str) -> Claims:
    """Signature, algorithm, key id, issuer, audience, expiry and type. Raises `BadCredentialError`.

    Expiry has no leeway: a client that meets it early refreshes its token and loses nothing.
    A token that was found good is remembered until it expires: a busy client sends the same one
    with every request, and checking it anew was a fifth of what a booking costs the API.
    """
    known = _KNOWN.get(token)
    if known is not None and known[1] > time.time() and known[2] is settings:
        return known[0]
    claims, expires = _verify(settings, token)
    if len(_KNOWN) >= _KNOWN_MAX:
        _KNOWN.clear()
    _KNOWN[token] = (claims, expires, settings)
    return claims


_KNOWN_MAX = 10_000
_KNOWN: dict[str, tuple[Claims, float, Settings]] = {}


def _verify(settings: Settings, token: str) -> tuple[Claims, float]:
    try:
        key = _keys(settings)[jwt.get_unverified_header(token)["kid"]]
        payload = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=_ISSUER,
            audience=_AUDIENCE,
            leeway=CLOCK_LEEWAY_S,
            options={"require": ["iss", "aud", "sub", "exp", "iat", "typ"]},
        )
        if payload["typ"] != _TYPE or payload["exp"] <= time.time():
            raise BadCredentialError
        claims = Claims(int(payload["sub"]), UUID(payload["sid"]), UUID(payload["fam"]), int(payload["epoch"]))
        return claims, float(payload["exp"])
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, AttributeError):
        raise BadCredentialError from None


def _keys(settings: Settings) -> dict[str, bytes]:
    """Keys that verify, by key id: today's, and the one before it while its tokens run out."""
    secret_keys = (settings.secret_key, settings.secret_key_previous)
    return dict(_key(secret) for secret in secret_keys if secret)


@lru_cache(maxsize=8)
def _key(secret: str) -> tuple[str, bytes]:
    """(key id, signing key). Derived, so that what else is made from the secret never signs a token."""
    key = hmac.digest(secret.encode(), b"holdfast access token", "sha256")
    return hashlib.sha256(b"key id" + key).hexdigest()[:12], key
