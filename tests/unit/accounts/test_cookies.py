"""The cookies of a login, outside the demo."""

from __future__ import annotations

from uuid import uuid4

import falcon.asgi
import falcon.testing
import pytest

from api.accounts.access.cookies import OAUTH_COOKIE, REFRESH_COOKIE, Cookies, sent
from core.identity.credentials.login_sessions import NewLogin
from core.identity.principals import SESSION_COOKIE, Claims
from core.settings import SettingsError, from_environment

LOGIN = NewLogin(Claims(1, uuid4(), uuid4(), 0), "session", "csrf", "refresh", None)
OUTSIDE = {
    "DATABASE_URL": "postgresql://localhost/none",
    "REDIS_URL": "redis://localhost:1/0",
    "HOLDFAST_SECRET_KEY": "0123456789-a-secret-of-the-tests",
    "HOLDFAST_FLOWER_PASSWORD": "a-password-of-the-tests",
}


def headers(cookies: Cookies) -> list[str]:
    resp = falcon.asgi.Response()
    cookies.set_login(resp, LOGIN)
    cookies.set_oauth(resp, "browser", 600)
    assert resp._cookies is not None
    return [morsel.OutputString() for morsel in resp._cookies.values()]


def test_every_cookie_is_secure_and_lax_outside_the_demo() -> None:
    assert len(headers(Cookies(secure=True, https=False))) == 4
    assert all("Secure" in header and "SameSite=Lax" in header for header in headers(Cookies(secure=True, https=False)))


def test_scripts_can_read_the_csrf_token_only() -> None:
    readable = [header for header in headers(Cookies(secure=True, https=False)) if "HttpOnly" not in header]
    assert [header.split("=")[0] for header in readable] == ["csrftoken"]


def test_an_https_site_s_cookies_are_its_host_s_alone() -> None:
    """All but the one that clients read by its name; each is cleared by both names."""
    cookies = Cookies(secure=True, https=True)
    made = {header.split("=")[0]: header for header in headers(cookies)}
    assert set(made) == {"__Host-holdfast_session", "__Host-holdfast_refresh", "csrftoken", "__Host-holdfast_oauth"}
    assert all("Path=/;" in f"{header};" and "Secure" in header and "Domain" not in header for header in made.values())
    resp = falcon.asgi.Response()
    cookies.clear_login(resp)
    cookies.clear_oauth(resp)
    assert resp._cookies is not None
    assert set(resp._cookies) == {*made, "holdfast_session", "holdfast_refresh", "holdfast_oauth"}
    assert all("Secure" in resp._cookies[name].OutputString() for name in made if name.startswith("__Host-"))


@pytest.mark.parametrize("name", [SESSION_COOKIE, REFRESH_COOKIE, OAUTH_COOKIE])
def test_both_names_are_read_and_the_host_s_own_counts(name: str) -> None:
    def asked(cookies: str) -> str | None:
        return sent(falcon.testing.create_asgi_req(headers={"Cookie": cookies}), name)

    assert asked(f"{name}=old") == "old"
    assert asked(f"{name}=planted; __Host-{name}=own") == "own"
    assert asked("theme=dark") is None


def test_the_demo_s_cookies_have_their_plain_names() -> None:
    for secure, https in ((False, False), (False, True), (True, False)):
        assert not any("__Host-" in header for header in headers(Cookies(secure=secure, https=https)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOLDFAST_SECRET_KEY_PREVIOUS", "demo-only-secret-never-use-it-outside-the-embedded-stack"),
        ("HOLDFAST_SECRET_KEY_PREVIOUS", "short"),
        ("HOLDFAST_GOOGLE_CLIENT_SECRET", ""),
        ("HOLDFAST_GITHUB_CLIENT_SECRET", "change-me-change-me"),
        ("HOLDFAST_SMTP_URL", "mail.example.com:25"),
        ("HOLDFAST_SMTP_URL", "smtp://user:change-me@mail.example.com"),
    ],
)
def test_a_default_or_unusable_secret_of_sign_in_keeps_the_api_from_starting(name: str, value: str) -> None:
    ids = {"HOLDFAST_GOOGLE_CLIENT_ID": "id", "HOLDFAST_GITHUB_CLIENT_ID": "id"}
    secrets = {"HOLDFAST_GOOGLE_CLIENT_SECRET": "of-the-tests", "HOLDFAST_GITHUB_CLIENT_SECRET": "of-the-tests"}
    assert from_environment(OUTSIDE | ids | secrets).google is not None
    with pytest.raises(SettingsError, match=name):
        from_environment(OUTSIDE | ids | secrets | {name: value})


def test_providers_are_off_unless_they_are_set_up() -> None:
    settings = from_environment(OUTSIDE)
    assert (settings.google, settings.github, settings.smtp_url) == (None, None, None)
