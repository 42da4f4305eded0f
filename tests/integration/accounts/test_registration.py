"""Registering, by each form that the documents print, and addresses that staff confirm."""

from __future__ import annotations

import pytest

from tests.support.clients.callers import (
    PASSWORD,
    STAFF,
    USER,
    access_for,
    bearer,
    browser,
    execute,
    log_in,
    new_person,
)
from tests.support.processes.stack import Stack


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
