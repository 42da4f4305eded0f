"""Refresh tokens: each good once; one that comes back ends its family."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.accounts import PASSWORD, bearer, browser, log_in, new_person, wait_refused
from tests.stack import Stack

ROUTE = "/api/token/refresh-cookie/"


def rotate(client: httpx.Client, token: str) -> httpx.Response:
    return client.post(ROUTE, json={"refresh": token})


def log_in_by_name(client: httpx.Client, email: str) -> dict[str, str]:
    """access and refresh of a `username` login."""
    data: dict[str, str] = client.post("/api/login/", json={"username": email, "password": PASSWORD}).json()["data"]
    return data


def test_the_cookie_gets_a_fresh_access_token_as_printed(stack: Stack) -> None:
    with browser(stack) as client, browser(stack) as program:
        log_in(client, new_person(stack))
        answer = client.post(ROUTE)
        body = answer.json()
        assert (answer.status_code, body["message"]) == (200, "Token refreshed successfully")
        assert "refresh" not in body
        assert program.get("/api/auth/user/", headers=bearer(body["access"])).status_code == 200


def test_the_cookie_rotates(stack: Stack) -> None:
    with browser(stack) as client:
        log_in(client, new_person(stack))
        first = client.cookies["holdfast_refresh"]
        client.post(ROUTE)
        assert client.cookies["holdfast_refresh"] != first
        assert client.post(ROUTE).status_code == 200


def test_a_token_in_the_body_is_answered_in_the_body(stack: Stack) -> None:
    with browser(stack) as client, browser(stack) as program:
        data = log_in_by_name(client, new_person(stack))
        answer = rotate(program, data["refresh"])
        assert answer.json()["refresh"] != data["refresh"]
        assert "set-cookie" not in answer.headers
        assert rotate(program, answer.json()["refresh"]).status_code == 200


def test_a_replay_kills_the_family_and_what_it_handed_out(stack: Stack) -> None:
    with browser(stack) as client, browser(stack) as thief:
        data = log_in_by_name(client, new_person(stack))
        stolen = rotate(thief, data["refresh"]).json()
        replay = rotate(client, data["refresh"])
        assert (replay.status_code, replay.json()["code"]) == (401, "bad_credential")
        assert rotate(thief, stolen["refresh"]).status_code == 401
        wait_refused(thief, bearer(stolen["access"]))
        wait_refused(thief, bearer(data["access"]))


def test_the_two_families_of_a_login_do_not_trip_each_other(stack: Stack) -> None:
    with browser(stack) as client, browser(stack) as program:
        data = log_in_by_name(client, new_person(stack))
        rotate(program, data["refresh"])
        rotate(program, data["refresh"])
        assert client.post(ROUTE).status_code == 200


def test_of_two_that_bring_a_token_at_once_one_gets_in_and_then_none(stack: Stack) -> None:
    with browser(stack) as client, ThreadPoolExecutor(8) as pool:
        data = log_in_by_name(client, new_person(stack))
        answers = list(pool.map(lambda _: rotate(client, data["refresh"]), range(8)))
        winners = [answer for answer in answers if answer.status_code == 200]
        assert len(winners) == 1
        assert {answer.status_code for answer in answers} == {200, 401}
        assert rotate(client, winners[0].json()["refresh"]).status_code == 401


def test_without_a_token_there_is_nothing_to_refresh(stack: Stack) -> None:
    with browser(stack) as client:
        assert client.post(ROUTE).status_code == 401
        assert rotate(client, "made up").status_code == 401


def test_a_refresh_token_is_no_access_token(stack: Stack) -> None:
    with browser(stack) as client:
        data = log_in_by_name(client, new_person(stack))
    with browser(stack) as program:
        assert program.get("/api/auth/user/", headers=bearer(data["refresh"])).status_code == 401
        assert rotate(program, data["access"]).status_code == 401


def test_a_page_of_another_site_cannot_refresh(stack: Stack) -> None:
    with browser(stack) as client:
        log_in(client, new_person(stack))
        answer = client.post(ROUTE, headers={"Origin": "https://evil.example"})
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
        assert client.post(ROUTE).status_code == 200
