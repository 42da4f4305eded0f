"""Refresh tokens: each good once, but for a lost answer; one that comes back later ends its family."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx

from core.identity.credentials.refresh_tokens import GRACE_S
from tests.support.clients.callers import PASSWORD, bearer, browser, execute, log_in, new_person, wait_until_refused
from tests.support.processes.stack import Stack

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


def refresh_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["refresh"])


def past_grace(stack: Stack) -> None:
    execute(stack, f"UPDATE refresh_token SET used_at = used_at - interval '{GRACE_S} s' WHERE used_at > '-infinity'")


def is_over(client: httpx.Client, *tokens: str) -> None:
    """None of these goes on, and what the login had handed out is worth nothing."""
    assert [rotate(client, token).status_code for token in tokens] == [401] * len(tokens)


def test_a_replay_kills_the_family_and_what_it_handed_out(stack: Stack) -> None:
    with browser(stack) as client, browser(stack) as thief:
        data = log_in_by_name(client, new_person(stack))
        stolen = rotate(thief, data["refresh"]).json()
        rotate(thief, stolen["refresh"])
        replay = rotate(client, data["refresh"])
        assert (replay.status_code, replay.json()["code"]) == (401, "bad_credential")
        is_over(thief, stolen["refresh"])
        wait_until_refused(thief, bearer(stolen["access"]))
        wait_until_refused(thief, bearer(data["access"]))


def test_a_client_that_lost_the_answer_may_ask_again_for_a_while(stack: Stack) -> None:
    with browser(stack) as client:
        first = log_in_by_name(client, new_person(stack))["refresh"]
        refresh_of(rotate(client, first))  # lost
        second = refresh_of(rotate(client, first))
        assert rotate(client, second).status_code == 200


def test_the_cookie_may_be_sent_again_too(stack: Stack) -> None:
    with browser(stack) as client:
        log_in(client, new_person(stack))
        first = client.cookies["holdfast_refresh"]
        client.post(ROUTE)
        client.cookies.set("holdfast_refresh", first, path="/api/token")
        assert [client.post(ROUTE).status_code for _ in range(2)] == [200, 200]


def test_the_while_is_over_after_half_a_minute(stack: Stack) -> None:
    with browser(stack) as client:
        first = log_in_by_name(client, new_person(stack))["refresh"]
        second = refresh_of(rotate(client, first))
        past_grace(stack)
        is_over(client, first, second)


def test_asking_again_does_not_make_the_while_longer(stack: Stack) -> None:
    with browser(stack) as client:
        first = log_in_by_name(client, new_person(stack))["refresh"]
        refresh_of(rotate(client, first))
        execute(stack, f"UPDATE refresh_token SET used_at = used_at - interval '{GRACE_S - 5} s'")
        second = refresh_of(rotate(client, first))
        execute(stack, "UPDATE refresh_token SET used_at = used_at - interval '10 s'")
        is_over(client, first, second)


def test_of_two_successors_the_one_used_later_ends_the_family(stack: Stack) -> None:
    """The owner has one and a thief the other: the second use is noticed, and logs both out."""
    with browser(stack) as client:
        first = log_in_by_name(client, new_person(stack))["refresh"]
        owners, thiefs = refresh_of(rotate(client, first)), refresh_of(rotate(client, first))
        third = refresh_of(rotate(client, owners))
        is_over(client, thiefs, third)


def test_the_two_families_of_a_login_do_not_trip_each_other(stack: Stack) -> None:
    with browser(stack) as client, browser(stack) as program:
        data = log_in_by_name(client, new_person(stack))
        second = refresh_of(rotate(program, data["refresh"]))
        rotate(program, second)
        is_over(program, data["refresh"])
        assert client.post(ROUTE).status_code == 200


def test_of_those_who_bring_a_token_at_once_one_line_goes_on(stack: Stack) -> None:
    with browser(stack) as client, ThreadPoolExecutor(8) as pool:
        data = log_in_by_name(client, new_person(stack))
        given = [refresh_of(one) for one in pool.map(lambda _: rotate(client, data["refresh"]), range(8))]
        assert len(set(given)) == len(given)
        used = list(pool.map(lambda token: rotate(client, token), given))
        assert sum(answer.status_code == 200 for answer in used) == 1
        is_over(client, *given)


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
