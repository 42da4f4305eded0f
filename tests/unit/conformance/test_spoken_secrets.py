"""A log that holds a secret is found, whatever the secret is and however it was said; what is none is left alone."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import httpx
import pytest

from core.settings import Settings
from tests.support.processes import spoken_secrets
from tests.support.processes.servers import settings_for

SETTINGS = settings_for("postgresql://us:a-password-of-ours@localhost/none", "redis://localhost:1/0")
Exchange = Callable[[str], httpx.Response]


def exchange(sent: httpx.Request, **answer: object) -> httpx.Response:
    return httpx.Response(200, request=sent, **answer)  # type: ignore[arg-type]


def post(**sent: object) -> httpx.Request:
    return httpx.Request("POST", "http://localhost/", **sent)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [
        lambda one: exchange(post(json={"username": "somebody", "password": one})),
        lambda one: exchange(post(data={"new_password1": one})),
        lambda one: exchange(post(params={"token": one})),
        lambda one: exchange(post(headers={"Authorization": f"Bearer {one}"})),
        lambda one: exchange(post(headers={"Cookie": f"session={one}"})),
        lambda one: exchange(post(), json={"refresh": one}),
        lambda one: exchange(post(), json={"keys": [{"key": one}]}),
        lambda one: exchange(post(), json={"client_secret": one}),
        lambda one: exchange(post(), headers={"Set-Cookie": f"refresh={one}; Path=/; HttpOnly"}),
    ],
    ids=["json", "form", "query", "authorization", "cookie", "answer", "nested", "client-secret", "set-cookie"],
)
def test_what_was_said_as_a_secret_is_found_in_a_log(said: Exchange) -> None:
    secret = secrets.token_urlsafe(24)
    spoken_secrets.listen(said(secret))
    for line in (f'{{"event":"{secret}"}}', f"GET /?token={secret} HTTP/1.1", f"<{secret}>"):
        assert found(line), line
    assert not found(f'{{"event":"{secrets.token_urlsafe(24)}"}}')


@pytest.mark.parametrize(
    "line",
    [
        f'"{SETTINGS.secret_key}"',
        "a-password-of-ours",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
        "sk_live_abc",
        "pi_1_secret_2",
        "whsec_c2VjcmV0IG9mIGEgd2ViaG9vaw==",
        "redis://:hunter2@localhost",
    ],
)
def test_configured_secrets_and_their_shapes_are_found(line: str) -> None:
    assert found(line)


def test_what_is_no_secret_may_be_logged() -> None:
    answer = {"token_type": "Bearer-as-ever", "key_id": "0123456789abcdef", "username": "somebody@example.com"}
    spoken_secrets.listen(exchange(post(), json=answer))
    assert not found(" ".join(answer.values()))
    assert not found("redis://:[blank]@localhost redis://:**@localhost")


def test_a_token_in_a_link_that_an_answer_tells_is_secret_before_anybody_follows_it() -> None:
    """Subscribe links, and those of guests in mails that the demo keeps."""
    for said in ({"url": "https://desk.example.com/calendars/%s.ics"}, {"text": "See http://x/guest/%s/ for it"}):
        token = secrets.token_urlsafe(32)
        spoken_secrets.listen(exchange(post(), json={name: words % token for name, words in said.items()}))
        assert found(f"GET /guest/{token}/"), said


def test_the_demo_may_show_a_mail_with_its_link() -> None:
    secret = secrets.token_urlsafe(24)
    spoken_secrets.listen(exchange(post(json={"token": secret})))
    shown = f"\n--- mail to you@example.com: Hello\nhttp://localhost/?token={secret}\n---\n"
    assert not found(shown)
    assert found(f"{shown}{secret}")


def found(line: str, settings: Settings = SETTINGS) -> set[str]:
    return spoken_secrets.found_in(line, spoken_secrets.of_settings(settings))
