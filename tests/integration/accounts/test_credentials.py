"""What a login is good for: tokens, sessions and API tokens on every contract's routes, until they end."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import jwt
import pytest

from core.identity import principals
from tests.support.clients.callers import (
    ENDED_WITHIN_S,
    PASSWORD,
    USER,
    access_for,
    bearer,
    browser,
    csrf,
    execute,
    log_in,
    new_person,
    wait_until_refused,
)
from tests.support.clients.http_client import Client
from tests.support.processes.own_api import FreshApi
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until


def test_a_token_of_the_rooms_login_is_good_for_appointments(stack: Stack) -> None:
    with browser(stack) as client, browser(stack) as elsewhere:
        access_token = log_in(client, "staff@example.com")["access"]
        answer = elsewhere.get("/api/admin/bookings/", headers=bearer(access_token))
    assert answer.status_code == 200


def test_a_session_of_the_calendar_login_is_good_for_appointments(stack: Stack) -> None:
    with browser(stack) as client:
        client.post("/api/auth/login/", json={"username": "staff@example.com", "password": PASSWORD})
        assert client.get("/api/admin/bookings/").status_code == 200


def test_an_api_token_of_the_marketplace_is_good_for_the_calendar(stack: Stack) -> None:
    with browser(stack) as client:
        token = client.post("/api/auth/token/", json={"email": "user@example.com", "password": PASSWORD}).json()
        answer = client.get("/api/auth/user/", headers={"Authorization": f"Token {token['token']}"})
    assert answer.json()["id"] == 1


def test_a_revoked_api_token_opens_nothing(stack: Stack) -> None:
    with browser(stack) as client:
        token = client.post("/api/auth/token/", json={"email": "user@example.com", "password": PASSWORD}).json()
        headers = {"Authorization": f"Token {token['token']}"}
        assert client.delete("/api/auth/token/", headers=headers).status_code == 200
        wait_until_refused(client, headers)


def test_an_api_token_is_kept_hashed(stack: Stack) -> None:
    with browser(stack) as client:
        token = client.post("/api/auth/token/", json={"email": "user@example.com", "password": PASSWORD}).json()[
            "token"
        ]
    kept = execute(stack, "SELECT token_hash FROM api_token")
    assert kept
    assert token.encode() not in {bytes(row[0]) for row in kept}


@pytest.mark.parametrize("header", ["Bearer nonsense", "Token nonsense", "Basic dXNlcjpwYXNz", "Bearer", ""])
def test_a_bad_authorization_header_is_refused_and_never_falls_back_to_the_cookie(stack: Stack, header: str) -> None:
    with browser(stack) as client:
        log_in(client, "user@example.com")
        assert client.get("/api/auth/user/").status_code == 200
        answer = client.get("/api/auth/user/", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_expired_token_in_the_header_does_not_stand_in_the_way_of_a_login(stack: Stack) -> None:
    with browser(stack) as client:
        answer = client.post(
            "/api/login/",
            json={"email": "user@example.com", "password": PASSWORD},
            headers={"Authorization": "Bearer of.old.times"},
        )
    assert answer.status_code == 200


def test_logout_ends_its_login_and_no_other(stack: Stack) -> None:
    with browser(stack) as client, browser(stack) as other, browser(stack) as program:
        access_token = log_in(client, "user@example.com")["access"]
        log_in(other, "user@example.com")
        answer = program.post("/api/logout/", headers=bearer(access_token))
        assert (answer.status_code, answer.json()["message"]) == (200, "Logout successful")
        wait_until_refused(program, bearer(access_token))
        wait_until_refused(client)
        assert client.post("/api/token/refresh-cookie/").status_code == 401
        assert other.get("/api/auth/user/").status_code == 200


CHANGES = ("is_active = false", "is_staff = true", "is_practitioner = true", "auth_epoch = auth_epoch + 1")


@dataclass
class Login:
    """Of somebody of whom an administrator changes something: in a browser, and what a program got by it."""

    email: str
    client: Client
    credentials: Mapping[str, tuple[Client, dict[str, str]]]
    """By name: who calls with it, and with which headers."""
    changed_at: float = 0.0
    ended_after: dict[str, float] = field(default_factory=dict)
    """By credential: seconds from the change to the first refusal."""

    def look(self) -> bool:
        """Note which of its credentials are refused by now; whether all are."""
        for name, (client, headers) in self.credentials.items():
            if name not in self.ended_after and client.get("/api/auth/user/", headers=headers).status_code == 401:
                self.ended_after[name] = time.monotonic() - self.changed_at
        return len(self.ended_after) == len(self.credentials)


@pytest.fixture(scope="module")
def changed(stack: Stack) -> Iterator[Mapping[str, Login]]:
    """By change, all made and waited for at once."""
    with ExitStack() as closing:
        program = closing.enter_context(browser(stack))
        logins = {change: _logged_in(stack, closing.enter_context(browser(stack)), program) for change in CHANGES}
        for change, login in logins.items():
            execute(stack, f"UPDATE user_account SET {change} WHERE email_key = %s", login.email)
            login.changed_at = time.monotonic()

        def have_ended() -> bool:
            looks = [login.look() for login in logins.values()]  # at each, also where another still gets in
            return all(looks)

        wait_until(have_ended, "all logins have ended")
        yield logins


def _logged_in(stack: Stack, client: Client, program: Client) -> Login:
    email = new_person(stack)
    access_token = log_in(client, email)["access"]
    api_token = client.post("/api/auth/token/", json={"email": email, "password": PASSWORD}).json()["token"]
    credentials = {
        "cookie": (client, {}),
        "access token": (program, bearer(access_token)),
        "API token": (program, {"Authorization": f"Token {api_token}"}),
    }
    login = Login(email, client, credentials)
    assert not login.look()
    assert login.ended_after == {}
    return login


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_role_change_ends_is_ended_within_five_seconds(changed: Mapping[str, Login], change: str) -> None:
    login = changed[change]
    assert {name: after for name, after in login.ended_after.items() if after > ENDED_WITHIN_S} == {}
    assert login.client.post("/api/token/refresh-cookie/").status_code == 401


def test_a_ticket_is_given_to_any_logged_in_user(stack: Stack) -> None:
    with browser(stack) as client:
        log_in(client, "user@example.com")
        answer = client.post("/api/ws-ticket/", headers=csrf(client))
    assert answer.status_code == 200
    assert set(answer.json()) == {"ticket", "expires_in"}


def forged(stack: Stack, key: bytes | None = None, **changes: object) -> str:
    """A token like ours but for `changes`, signed with our key unless another is given."""
    kid, our_key = principals._key(stack.settings.secret_key)
    session = "00000000000040008000000000000000"
    now = int(time.time())
    usual = {"iss": "holdfast", "aud": "holdfast", "typ": "access", "sub": "4", "sid": session, "fam": session}
    payload: dict[str, object] = {**usual, "epoch": 0, "iat": now, "exp": now + 60, **changes}
    return jwt.encode(payload, key or our_key, "HS256", headers={"kid": kid})


def unsigned(stack: Stack) -> str:
    body = forged(stack).split(".")[1]
    header = base64.urlsafe_b64encode(
        json.dumps({"alg": "none", "kid": principals._key(stack.settings.secret_key)[0]}).encode()
    )
    return f"{header.rstrip(b'=').decode()}.{body}."


def test_bad_tokens_are_all_refused_with_one_answer_that_helps_nobody(stack: Stack) -> None:
    tokens = {
        "forged": forged(stack, key=b"another key of thirty-two characters or so"),
        "expired": forged(stack, exp=int(time.time()) - 1),
        "wrong audience": forged(stack, aud="somebody else"),
        "wrong type": forged(stack, typ="refresh"),
        "alg none": unsigned(stack),
        "a session that never was": forged(stack),
        "nonsense": "nonsense",
    }
    with browser(stack) as client:
        answers = {why: client.get("/api/auth/user/", headers=bearer(token)) for why, token in tokens.items()}
    assert {why: answer.status_code for why, answer in answers.items()} == dict.fromkeys(tokens, 401)
    assert len({answer.text for answer in answers.values()}) == 1


def test_a_new_secret_logs_nobody_out_while_the_old_one_is_known(stack: Stack, fresh_api: FreshApi) -> None:
    old, new = "an-old-secret-of-the-tests-0123456789", "a-new-secret-of-the-tests-0123456789"
    rotated = fresh_api({"HOLDFAST_SECRET_KEY": new, "HOLDFAST_SECRET_KEY_PREVIOUS": old})
    claims = jwt.decode(access_for(rotated, USER), options={"verify_signature": False})
    kid, key = principals._key(old)
    with browser(rotated) as client:
        before = jwt.encode(claims, key, "HS256", headers={"kid": kid})
        assert client.get("/api/auth/user/", headers=bearer(before)).status_code == 200
        assert client.get("/api/auth/user/", headers=bearer(forged(stack))).status_code == 401
