"""Access tokens: what is refused, and that a new key logs nobody out."""

from __future__ import annotations

import base64
import json
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from jwt.warnings import InsecureKeyLengthWarning

from core.domain.commands import ActorKind
from core.identity import principals
from core.identity.principals import BadCredentialError, Claims, How, Principal, PrincipalKind, issue_access_token
from tests.support.processes.servers import settings_for

SETTINGS = settings_for("postgresql://localhost/none", "redis://localhost:1/0")
CLAIMS = Claims(7, uuid4(), uuid4(), 3)


def signed(key: bytes | None = None, kid: str | None = None, algorithm: str = "HS256", **changes: Any) -> str:
    """A token like ours but for `changes`; a claim set to None is left out."""
    our_kid, our_key = principals._key(SETTINGS.secret_key)
    now = datetime.now(UTC)
    payload = {
        "iss": "holdfast",
        "aud": "holdfast",
        "typ": "access",
        "sub": "7",
        "sid": CLAIMS.session_id.hex,
        "fam": CLAIMS.family_id.hex,
        "epoch": 3,
        "iat": now,
        "exp": now + timedelta(minutes=1),
    } | changes
    kept = {name: value for name, value in payload.items() if value is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)  # HS512 wants a longer key than ours
        return jwt.encode(kept, key or our_key, algorithm, headers={"kid": kid or our_kid})


def unsigned() -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    kid = principals._key(SETTINGS.secret_key)[0]
    body = jwt.decode(signed(), options={"verify_signature": False})
    return f"{part({'alg': 'none', 'typ': 'JWT', 'kid': kid})}.{part(body)}."


def test_an_issued_token_says_whose_it_is() -> None:
    token = issue_access_token(SETTINGS, CLAIMS, datetime.now(UTC))
    assert principals.verify_access_token(SETTINGS, token) == CLAIMS


def test_a_token_lives_thirty_minutes() -> None:
    now = datetime.now(UTC)
    payload = jwt.decode(issue_access_token(SETTINGS, CLAIMS, now), options={"verify_signature": False})
    assert payload["exp"] - payload["iat"] == 30 * 60


def test_a_token_names_its_key_and_the_key_is_not_the_secret() -> None:
    token = issue_access_token(SETTINGS, CLAIMS, datetime.now(UTC))
    kid, key = principals._key(SETTINGS.secret_key)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT", "kid": kid}
    assert key != SETTINGS.secret_key.encode()


@pytest.mark.parametrize("ahead_s", [-50, -1, 1, 50])
@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_fresh_token_is_good_on_a_host_whose_clock_differs(claim: str, ahead_s: int) -> None:
    changes: dict[str, Any] = {claim: datetime.now(UTC) + timedelta(seconds=ahead_s)}
    token = signed(**changes)
    assert principals.verify_access_token(SETTINGS, token) == CLAIMS


BAD = {
    "forged": signed(key=b"another key of thirty-two characters or so"),
    "expired": signed(exp=datetime.now(UTC) - timedelta(seconds=1)),
    "issued too far in the future": signed(iat=datetime.now(UTC) + timedelta(hours=1)),
    "not good yet for long": signed(nbf=datetime.now(UTC) + timedelta(hours=1)),
    "wrong audience": signed(aud="somebody else"),
    "no audience": signed(aud=None),
    "wrong issuer": signed(iss="somebody else"),
    "wrong type": signed(typ="refresh"),
    "no type": signed(typ=None),
    "no expiry": signed(exp=None),
    "alg none": unsigned(),
    "another algorithm": signed(algorithm="HS512"),
    "unknown key id": signed(kid="0123456789ab"),
    "a user that is no number": signed(sub="admin"),
    "no session": signed(sid=None),
    "not a token": "eyJ.nothing.here",
    "empty": "",
    "two parts": signed().rsplit(".", 1)[0],
    "not ASCII": signed() + "ü",
    "a lone surrogate": "\ud800",
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD.keys())
def test_a_token_that_is_not_quite_ours_is_refused_and_nobody_learns_why(token: str) -> None:
    with pytest.raises(BadCredentialError) as refusal:
        principals.verify_access_token(SETTINGS, token)
    assert str(refusal.value) == ""


def test_a_token_of_the_key_before_is_still_good() -> None:
    token = issue_access_token(SETTINGS, CLAIMS, datetime.now(UTC))
    rotated = replace(
        SETTINGS, secret_key="the-next-secret-of-the-tests-0123456789", secret_key_previous=SETTINGS.secret_key
    )
    assert principals.verify_access_token(rotated, token) == CLAIMS


def test_a_token_of_a_key_that_was_dropped_is_refused() -> None:
    token = issue_access_token(SETTINGS, CLAIMS, datetime.now(UTC))
    with pytest.raises(BadCredentialError):
        principals.verify_access_token(replace(SETTINGS, secret_key="the-next-secret-of-the-tests-0123456789"), token)


def test_new_tokens_are_signed_with_the_present_key() -> None:
    rotated = replace(
        SETTINGS, secret_key="the-next-secret-of-the-tests-0123456789", secret_key_previous=SETTINGS.secret_key
    )
    token = issue_access_token(rotated, CLAIMS, datetime.now(UTC))
    assert jwt.get_unverified_header(token)["kid"] == principals._key(rotated.secret_key)[0]


def test_an_api_token_acts_as_its_owner_and_an_agent_key_as_itself() -> None:
    person = Principal(PrincipalKind.USER, user_id=7, key_id=2, how=How.TOKEN)
    agent = Principal(PrincipalKind.AGENT, key_id=2, how=How.TOKEN)
    assert (person.actor.kind, person.actor.owner) == (ActorKind.USER, "user:7")
    assert (agent.actor.kind, agent.actor.owner) == (ActorKind.AGENT, "key:2")
