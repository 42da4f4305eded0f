"""Logging in, by each form that the documents print, and the cookies that come of it."""

from __future__ import annotations

from http.cookiejar import Cookie

import httpx
import pytest
from argon2 import PasswordHasher

from tests.support.clients.callers import (
    ADMIN,
    PASSWORD,
    bearer,
    browser,
    execute,
    log_in,
    new_address,
    new_person,
)
from tests.support.processes.own_api import FreshApi
from tests.support.processes.stack import Stack


def cookie(client: httpx.Client, name: str) -> Cookie:
    return next(cookie for cookie in client.cookies.jar if cookie.name == name)


def test_the_appointments_form_answers_as_printed(stack: Stack) -> None:
    with browser(stack) as client:
        answer = client.post("/api/login/", json={"username": "9876543210", "password": "admin"})
    body = answer.json()
    assert answer.status_code == 200
    assert (body["success"], body["message"]) == (True, "Login successful")
    assert set(body["data"]) == {"access", "refresh", "user"}
    assert body["data"]["user"] == {
        "id": 4,
        "username": "9876543210",
        "email": "admin@example.com",
        "is_staff": True,
        "is_superuser": True,
    }


def test_the_rooms_form_answers_as_printed(stack: Stack) -> None:
    with browser(stack) as client:
        answer = client.post("/api/login/", json={"email": "user@example.com", "password": PASSWORD})
    body = answer.json()
    printed = {
        "message": "Login successful",
        "user_id": 1,
        "email": "user@example.com",
        "is_staff": False,
        "is_superuser": False,
        "access": body["data"]["access"],
    }
    assert answer.status_code == 200
    assert printed.items() <= body.items()
    assert "refresh" not in body["data"]


def test_the_calendar_form_opens_a_session(stack: Stack) -> None:
    with browser(stack) as client:
        answer = client.post("/api/auth/login/", json={"username": "user@example.com", "password": PASSWORD})
        assert answer.status_code == 200
        assert client.get("/api/auth/user/").json()["username"] == "user@example.com"


def test_a_phone_number_is_a_username_however_it_is_written(stack: Stack) -> None:
    with browser(stack) as client:
        answer = client.post("/api/login/", json={"username": " 987-654 3210", "password": "admin"})
    assert answer.json()["user_id"] == ADMIN


@pytest.mark.parametrize(
    "body",
    [
        {"username": "9876543210", "email": "admin@example.com", "password": "admin"},
        {"password": "admin"},
    ],
    ids=["both", "neither"],
)
def test_a_login_by_both_names_or_none_is_refused(stack: Stack, body: dict[str, str]) -> None:
    with browser(stack) as client:
        answer = client.post("/api/login/", json=body)
    assert answer.status_code == 400
    assert {problem["field"] for problem in answer.json()["errors"]} == {"username", "email"}


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(stack: Stack) -> None:
    email = new_person(stack)
    with browser(stack) as client:
        wrong = client.post("/api/login/", json={"email": email, "password": "not this one"})
        unknown = client.post("/api/login/", json={"email": "nobody@example.com", "password": "not this one"})
    assert (wrong.status_code, wrong.json()) == (401, unknown.json())


def test_a_closed_account_looks_like_no_account(stack: Stack) -> None:
    email = new_person(stack)
    execute(stack, "UPDATE user_account SET is_active = false WHERE email_key = %s", email)
    with browser(stack) as client:
        answer = client.post("/api/login/", json={"email": email, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_credentials")


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(stack: Stack) -> None:
    with browser(stack) as client:
        log_in(client, "user@example.com")
        session = cookie(client, "holdfast_session")
    assert session.path == "/"
    assert session.has_nonstandard_attr("HttpOnly")
    assert session.get_nonstandard_attr("SameSite") == "Lax"


def test_the_refresh_cookie_goes_to_the_refresh_route_only(stack: Stack) -> None:
    with browser(stack) as client:
        log_in(client, "user@example.com")
        refresh = cookie(client, "holdfast_refresh")
    assert refresh.path == "/api/token"
    assert refresh.has_nonstandard_attr("HttpOnly")
    assert refresh.get_nonstandard_attr("SameSite") == "Lax"


def test_a_hash_of_old_parameters_is_replaced_at_the_next_login(stack: Stack) -> None:
    email = new_person(stack)
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    execute(stack, "UPDATE user_account SET password_hash = %s WHERE email_key = %s", old, email)
    with browser(stack) as client:
        log_in(client, email)
        log_in(client, email)
    [(kept,)] = execute(stack, "SELECT password_hash FROM user_account WHERE email_key = %s", email)
    assert "m=19456,t=2,p=1" in kept


def test_secrets_of_a_login_are_not_logged(stack: Stack) -> None:
    address = new_address()
    with browser(stack, address) as client:
        access = log_in(client, "user@example.com")["access"]
        client.get("/api/auth/user/", headers=bearer(access))
        secrets = [access, PASSWORD, *client.cookies.values()]
    log = stack.process("api").log
    assert [secret for secret in secrets if secret in log] == []


def test_outside_the_demo_every_cookie_is_secure_and_unsent_mail_is_admitted(fresh_api: FreshApi) -> None:
    outside = fresh_api(
        {
            "HOLDFAST_DEMO": "0",
            "HOLDFAST_SECRET_KEY": "a-secret-of-the-tests-0123456789-0123456789",
            "HOLDFAST_FLOWER_PASSWORD": "a-password-of-the-tests",
        }
    )
    with browser(outside) as client:
        body = {"username": "somebody", "password": PASSWORD}
        assert client.post("/api/auth/register/", json=body).status_code == 201
        sent = client.post("/api/login/", json=body).headers.get_list("set-cookie")
        assert len(sent) == 3
        assert all("; Secure" in header for header in sent)
        answer = client.post("/api/auth/password/reset/", json={"email": "user@example.com"})
        assert (answer.status_code, answer.json()["code"]) == (503, "mail_not_configured")
