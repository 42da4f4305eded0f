"""ID tokens: every check of OpenID Connect Core 3.1.3.7 that a forger would have us skip."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from api.accounts.oauth.endpoints import local_path
from api.accounts.oauth.google import Google
from api.accounts.oauth.provider import AuthorizationFlow
from api.http.errors import Problem
from core.settings import OAuthClient

ISSUER = "https://accounts.example.com"
KEY = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
KEYS = KeySet([KEY]).as_dict(private=False)
FLOW = AuthorizationFlow("state", "the nonce", "verifier", "https://us.example.com/callback")
GOOGLE = Google(OAuthClient("our-id", "our-secret"), ISSUER)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": "our-id", "sub": "1", "iat": now, "exp": now + 300, "nonce": "the nonce"}
    return {name: value for name, value in (usual | changes).items() if value is not None}


def signed(key: RSAKey = KEY, **changes: Any) -> str:
    return jwt.encode({"alg": "RS256", "kid": "1"}, claims(**changes), key)


def by_hand(algorithm: str, key: bytes) -> str:
    """A token that no library would make: unsigned, or signed with what everybody knows."""
    parts = ({"alg": algorithm, "kid": "1"}, claims())
    signed_part = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = hmac.digest(key, signed_part, "sha256") if key else b""
    return f"{signed_part.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def checked(token: str) -> dict[str, Any]:
    return GOOGLE._claims({"id_token": token, "access_token": "a"}, KEYS, FLOW)


def test_a_token_that_is_right_in_all_is_accepted() -> None:
    assert checked(signed())["sub"] == "1"


@pytest.mark.parametrize("ahead_s", [-50, 50])
@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_fresh_token_is_accepted_although_our_clock_differs(claim: str, ahead_s: int) -> None:
    changes: dict[str, Any] = {claim: int(time.time()) + ahead_s}
    assert checked(signed(**changes))["sub"] == "1"


OLD = int(time.time()) - 3600
SOON = int(time.time()) + 3600
BAD = {
    "another key": signed(OTHER_KEY),
    "alg none": by_hand("none", b""),
    "the public key taken for an HMAC key": by_hand("HS256", KEY.as_pem(private=False)),
    "another issuer": signed(iss="https://evil.example.com"),
    "for somebody else": signed(aud="another-client"),
    "for somebody else too": signed(aud=["our-id", "another-client"], azp="another-client"),
    "no audience": signed(aud=None),
    "another nonce": signed(nonce="replayed"),
    "no nonce": signed(nonce=None),
    "expired": signed(exp=OLD),
    "issued too far in the future": signed(iat=SOON),
    "not good yet for long": signed(nbf=SOON),
    "no expiry": signed(exp=None),
    "no subject": signed(sub=None),
    "not a token": "nonsense",
    "none at all": "None",
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD.keys())
def test_a_token_that_is_wrong_in_one_thing_is_refused(token: str) -> None:
    with pytest.raises(Problem) as refusal:
        checked(token)
    assert (refusal.value.status, refusal.value.code) == (400, "oauth_failed")


@pytest.mark.parametrize(
    "sent", [None, "", "book", "https://evil.example/", "//evil.example", "/\\evil.example", "/a\nb"]
)
def test_a_way_on_that_leaves_our_origin_is_the_front_page(sent: str | None) -> None:
    assert local_path(sent) == "/"
