"""Logging in, by each form that the documents print, and what a login is good for."""

from __future__ import annotations

import base64
import json
import time
from http.cookiejar import Cookie

import httpx
import jwt
import pytest
from argon2 import PasswordHasher

from core import access
from tests.accounts import (
    ADMIN,
    PASSWORD,
    STAFF,
    USER,
    access_for,
    bearer,
    browser,
    csrf,
    execute,
    log_in,
    new_address,
    new_person,
    wait_refused,
)
from tests.integration.accounts.conftest import FreshApi
from tests.stack import Stack


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


def test_a_token_of_the_rooms_login_is_good_for_appointments(stack: Stack) -> None:
    with browser(stack) as client, browser(stack) as elsewhere:
        access = log_in(client, "staff@example.com")["access"]
        answer = elsewhere.get("/api/admin/bookings/", headers=bearer(access))
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
        wait_refused(client, headers)


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
        access = log_in(client, "user@example.com")["access"]
        log_in(other, "user@example.com")
        answer = program.post("/api/logout/", headers=bearer(access))
        assert (answer.status_code, answer.json()["message"]) == (200, "Logout successful")
        wait_refused(program, bearer(access))
        wait_refused(client)
        assert client.post("/api/token/refresh-cookie/").status_code == 401
        assert other.get("/api/auth/user/").status_code == 200


@pytest.mark.parametrize(
    "change", ["is_active = false", "is_staff = true", "is_practitioner = true", "auth_epoch = auth_epoch + 1"]
)
def test_what_a_role_change_ends_is_ended_within_five_seconds(stack: Stack, change: str) -> None:
    email = new_person(stack)
    with browser(stack) as client, browser(stack) as program:
        access = log_in(client, email)["access"]
        token = client.post("/api/auth/token/", json={"email": email, "password": PASSWORD}).json()["token"]
        assert client.get("/api/auth/user/").status_code == 200
        execute(stack, f"UPDATE user_account SET {change} WHERE email_key = %s", email)
        wait_refused(client)
        wait_refused(program, bearer(access))
        wait_refused(program, {"Authorization": f"Token {token}"})
        assert client.post("/api/token/refresh-cookie/").status_code == 401


def test_a_hash_of_old_parameters_is_replaced_at_the_next_login(stack: Stack) -> None:
    email = new_person(stack)
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    execute(stack, "UPDATE user_account SET password_hash = %s WHERE email_key = %s", old, email)
    with browser(stack) as client:
        log_in(client, email)
        log_in(client, email)
    [(kept,)] = execute(stack, "SELECT password_hash FROM user_account WHERE email_key = %s", email)
    assert "m=19456,t=2,p=1" in kept


def test_registering_by_email_answers_as_printed(stack: Stack) -> None:
    with browser(stack) as client:
        body = {"email": "new.person@example.com", "password": "yourpassword", "confirm_password": "yourpassword"}
        answer = client.post("/api/register/", json=body)
        assert answer.status_code == 201
        assert answer.json()["message"] == "Registration successful"
        assert log_in(client, "New.Person@example.com", "yourpassword")["user_id"] == answer.json()["user_id"]


def test_the_demo_s_own_address_is_taken(stack: Stack) -> None:
    with browser(stack) as client:
        body = {"email": "user@example.com", "password": "yourpassword", "confirm_password": "yourpassword"}
        answer = client.post("/api/register/", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "email_taken")


def test_a_registration_names_every_problem_it_has(stack: Stack) -> None:
    with browser(stack) as client:
        body = {"email": "nowhere", "password": "short", "confirm_password": "other"}
        answer = client.post("/api/register/", json=body)
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["errors"]] == ["email", "password", "confirm_password"]


def test_registering_by_username_needs_no_address(stack: Stack) -> None:
    with browser(stack) as client:
        answer = client.post("/api/auth/register/", json={"username": "Zoë 1", "password": PASSWORD})
        assert answer.status_code == 201
        login = client.post("/api/auth/login/", json={"username": "zoË 1", "password": PASSWORD})
    assert login.status_code == 200


@pytest.mark.parametrize("username", ["<b>bob</b>", "bob\x07", "123456789", "bob@example.com"])
def test_a_username_that_could_be_taken_for_something_else_is_refused(stack: Stack, username: str) -> None:
    with browser(stack) as client:
        answer = client.post("/api/auth/register/", json={"username": username, "password": PASSWORD})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "username"


def test_a_ticket_is_given_to_whoever_is_logged_in(stack: Stack) -> None:
    with browser(stack) as client:
        log_in(client, "user@example.com")
        answer = client.post("/api/ws-ticket/", headers=csrf(client))
    assert answer.status_code == 200
    assert set(answer.json()) == {"ticket", "expires_in"}


def test_secrets_of_a_login_are_not_logged(stack: Stack) -> None:
    address = new_address()
    with browser(stack, address) as client:
        access = log_in(client, "user@example.com")["access"]
        client.get("/api/auth/user/", headers=bearer(access))
        secrets = [access, PASSWORD, *client.cookies.values()]
    log = stack.process("api").log
    assert [secret for secret in secrets if secret in log] == []


def forged(stack: Stack, key: bytes | None = None, **changes: object) -> str:
    """A token like ours but for `changes`, signed with our key unless another is given."""
    kid, our_key = access._key(stack.settings.secret_key)
    session = "00000000000040008000000000000000"
    now = int(time.time())
    usual = {"iss": "holdfast", "aud": "holdfast", "typ": "access", "sub": "4", "sid": session, "fam": session}
    payload: dict[str, object] = {**usual, "epoch": 0, "iat": now, "exp": now + 60, **changes}
    return jwt.encode(payload, key or our_key, "HS256", headers={"kid": kid})


def unsigned(stack: Stack) -> str:
    body = forged(stack).split(".")[1]
    header = base64.urlsafe_b64encode(
        json.dumps({"alg": "none", "kid": access._key(stack.settings.secret_key)[0]}).encode()
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
    kid, key = access._key(old)
    with browser(rotated) as client:
        before = jwt.encode(claims, key, "HS256", headers={"kid": kid})
        assert client.get("/api/auth/user/", headers=bearer(before)).status_code == 200
        assert client.get("/api/auth/user/", headers=bearer(forged(stack))).status_code == 401


def test_outside_the_demo_every_cookie_is_secure_and_unsent_mail_is_admitted(fresh_api: FreshApi) -> None:
    outside = fresh_api(
        {
            "HOLDFAST_DEMO": "0",
            "HOLDFAST_SECRET_KEY": "a-secret-of-the-tests-0123456789-0123456789",
            "HOLDFAST_FLOWER_PASSWORD": "a-password-of-the-tests",
        }
    )
    with browser(outside) as client:
        body = {"username": "9876543210", "password": "admin"}
        sent = client.post("/api/login/", json=body).headers.get_list("set-cookie")
        assert len(sent) == 3
        assert all("; Secure" in header for header in sent)
        answer = client.post("/api/auth/password/reset/", json={"email": "user@example.com"})
        assert (answer.status_code, answer.json()["code"]) == (503, "mail_not_configured")


def test_staff_can_confirm_the_address_that_an_agent_gave(stack: Stack) -> None:
    [(user_id,)] = execute(
        stack,
        "INSERT INTO user_account (username, username_key, phone, phone_key, contact_email) "
        "VALUES (%s, %s, %s, %s, %s) RETURNING id",
        *["5550003333"] * 4,
        "to.confirm@example.com",
    )
    route = f"/api/admin/users/{user_id}/confirm-email/"
    with browser(stack) as client:
        staff = bearer(access_for(stack, STAFF))
        assert client.post(route, headers=bearer(access_for(stack, USER))).status_code == 403
        assert client.post(route, headers=staff).json()["data"]["email"] == "to.confirm@example.com"
        assert client.post(route, headers=staff).json()["code"] == "nothing_to_confirm"
        assert client.post("/api/admin/users/999999999/confirm-email/", headers=staff).status_code == 404


def test_staff_cannot_confirm_an_address_that_is_somebody_s_login(stack: Stack) -> None:
    [(user_id,)] = execute(
        stack,
        "INSERT INTO user_account (username, username_key, phone, phone_key, contact_email) "
        "VALUES (%s, %s, %s, %s, %s) RETURNING id",
        *["5550004444"] * 4,
        new_person(stack),
    )
    with browser(stack) as client:
        answer = client.post(f"/api/admin/users/{user_id}/confirm-email/", headers=bearer(access_for(stack, STAFF)))
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
