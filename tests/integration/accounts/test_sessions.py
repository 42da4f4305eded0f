"""Sessions and CSRF: what a cookie may do, and from where."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clients.callers import PASSWORD, bearer, browser, csrf, log_in, new_person, wait_until_refused
from tests.support.processes.stack import Stack


def test_without_a_login_there_is_no_current_user(stack: Stack) -> None:
    with browser(stack) as client:
        answer = client.get("/api/auth/user/")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_csrf_answers_the_token_and_sets_the_cookie(stack: Stack) -> None:
    with browser(stack) as client:
        token = client.get("/api/auth/csrf/").json()["csrfToken"]
        assert client.cookies["csrftoken"] == token
        assert client.get("/api/auth/csrf/").json()["csrfToken"] == token


def test_csrf_of_a_login_is_the_login_s(stack: Stack) -> None:
    with browser(stack) as client:
        before = client.get("/api/auth/csrf/").json()["csrfToken"]
        log_in(client, "user@example.com")
        after = client.get("/api/auth/csrf/").json()["csrfToken"]
        assert after != before
        assert client.post("/api/ws-ticket/", headers={"X-CSRFToken": after}).status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"X-CSRFToken": ""}, {"X-CSRFToken": "made-up"}], ids=["none", "empty", "wrong"]
)
def test_a_write_by_cookie_without_the_token_is_refused(stack: Stack, headers: dict[str, str]) -> None:
    with browser(stack) as client:
        log_in(client, "user@example.com")
        answer = client.post("/api/ws-ticket/", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_another_session_s_token_does_not_help(stack: Stack) -> None:
    with browser(stack) as client, browser(stack) as attacker:
        log_in(client, "user@example.com")
        log_in(attacker, new_person(stack))
        assert client.post("/api/ws-ticket/", headers=csrf(attacker)).status_code == 403


def test_a_public_write_by_cookie_wants_the_token_too(stack: Stack) -> None:
    with browser(stack) as client:
        log_in(client, "user@example.com")
        answer = client.post("/api/booking/create/", json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_a_write_from_another_site_is_refused_even_with_the_token(stack: Stack) -> None:
    with browser(stack) as client:
        log_in(client, "user@example.com")
        answer = client.post("/api/ws-ticket/", headers=csrf(client) | {"Origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "http://127.0.0.1.evil.example", "http://"])
def test_another_site_cannot_log_a_visitor_in(stack: Stack, origin: str) -> None:
    with browser(stack) as client:
        body = {"email": "user@example.com", "password": PASSWORD}
        answer = client.post("/api/login/", json=body, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")


def test_our_own_pages_can_log_a_visitor_in(stack: Stack) -> None:
    with browser(stack) as client:
        body = {"email": "user@example.com", "password": PASSWORD}
        assert client.post("/api/login/", json=body, headers={"Origin": stack.api_url}).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "refused"),
    [
        ("text/plain", (400, "not_json")),
        ("application/x-www-form-urlencoded", (415, "unsupported_media_type")),
        ("multipart/form-data; boundary=x", (415, "unsupported_media_type")),
    ],
)
def test_a_form_of_another_site_is_no_login(stack: Stack, content_type: str, refused: tuple[int, str]) -> None:
    """What a page may send without asking first (Fetch, CORS-safelisted) is not read."""
    with browser(stack) as client:
        body = b'{"email": "user@example.com", "password": "123456Long"}'
        answer = client.post("/api/login/", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == refused


def test_a_body_without_a_length_or_a_type_is_no_login_either(stack: Stack) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"email": "user@example.com", "password": "123456Long"}'

    with browser(stack) as client:
        answer = client.post("/api/login/", content=chunks())
    assert (answer.status_code, answer.json()["code"]) == (400, "not_json")


def test_a_session_that_was_planted_is_worth_nothing_after_the_login(stack: Stack) -> None:
    """Session fixation: the id known to the attacker is not the one that becomes the victim's."""
    with browser(stack) as attacker, browser(stack) as victim:
        log_in(attacker, new_person(stack))
        planted = attacker.cookies["holdfast_session"]
        victim.cookies.set("holdfast_session", planted, domain="127.0.0.1", path="/")
        answer = victim.post("/api/auth/login/", json={"username": "user@example.com", "password": PASSWORD})
        assert f"holdfast_session={planted}" not in str(answer.headers.get_list("set-cookie"))
        assert attacker.get("/api/auth/user/").json()["id"] != 1


def test_a_made_up_session_is_nobody_s(stack: Stack) -> None:
    with browser(stack) as client:
        client.cookies.set("holdfast_session", "made-up", domain="127.0.0.1", path="/")
        assert client.get("/api/auth/user/").status_code == 401
        assert client.get("/api/services/").status_code == 200


def test_the_calendar_s_logout_ends_the_session(stack: Stack) -> None:
    with browser(stack) as client, browser(stack) as copy:
        log_in(client, new_person(stack))
        copy.cookies.set("holdfast_session", client.cookies["holdfast_session"], domain="127.0.0.1", path="/")
        assert client.post("/api/auth/logout/", headers=csrf(client)).status_code == 200
        assert "holdfast_session" not in client.cookies
        wait_until_refused(copy)


def test_a_write_by_token_needs_no_csrf(stack: Stack) -> None:
    with browser(stack) as client:
        access = log_in(client, "user@example.com")["access"]
        assert client.post("/api/ws-ticket/", headers=bearer(access)).status_code == 200


def test_answers_are_not_for_other_origins_nor_for_frames(stack: Stack) -> None:
    with browser(stack) as client:
        answer = client.get("/api/services/", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Origin" in answer.headers["Vary"]


ALLOWED_ORIGIN = "https://app.example.com"


def test_a_configured_origin_may_read_what_its_visitor_s_login_gets(stack: Stack) -> None:
    with browser(stack) as client:
        answer = client.get("/api/services/", headers={"Origin": ALLOWED_ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ALLOWED_ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"


def test_a_configured_origin_may_read_refusals_too(stack: Stack) -> None:
    with browser(stack) as client:
        for path in ("/api/auth/user/", "/api/nowhere/"):
            answer = client.get(path, headers={"Origin": ALLOWED_ORIGIN})
            assert answer.headers["Access-Control-Allow-Origin"] == ALLOWED_ORIGIN


def test_a_preflight_tells_a_configured_origin_what_it_may_send(stack: Stack) -> None:
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-csrftoken"}
    with browser(stack) as client:
        answer = client.options("/api/login/", headers={"Origin": ALLOWED_ORIGIN, **asking})
    assert answer.status_code == 200
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "X-CSRFToken" in answer.headers["Access-Control-Allow-Headers"]


def test_a_preflight_tells_no_other_origin_anything(stack: Stack) -> None:
    asking = {"Access-Control-Request-Method": "POST"}
    with browser(stack) as client:
        answer = client.options("/api/login/", headers={"Origin": "https://evil.example", **asking})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_configured_origin_may_log_its_visitor_in_and_write(stack: Stack) -> None:
    origin = {"Origin": ALLOWED_ORIGIN}
    with browser(stack) as client:
        body = {"email": "user@example.com", "password": PASSWORD}
        assert client.post("/api/login/", json=body, headers=origin).status_code == 200
        assert client.post("/api/ws-ticket/", headers=csrf(client) | origin).status_code == 200
