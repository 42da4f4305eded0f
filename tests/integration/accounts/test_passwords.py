"""Passwords changed and reset, and what slows down those who guess them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from api.accounts.limits import GUESSES_AT_ONE, GUESSES_FROM_ADDRESS, GUESSES_FROM_UNKNOWN_ADDRESSES, RESETS_OF_ACCOUNT
from tests.benchmarks.cpu import Meter
from tests.support.clients.callers import (
    PASSWORD,
    bearer,
    browser,
    csrf,
    execute,
    log_in,
    new_address,
    new_person,
    wait_until_refused,
)
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

NEW = "another long password"
REFUSED = {400, 401}
LEAST_S = 0.15
"""Of 15 hashes of passwords."""
_MAIL = re.compile(r"--- mail to (\S+): A new password\n(.*?)\n---\n", re.DOTALL)


def mailed_tokens(stack: Stack, email: str) -> list[str]:
    """Of all reset mails to `email` that the demo's console has shown."""
    mails = [text for to, text in _MAIL.findall(stack.process("api").log) if to == email]
    return [found.group(1) for text in mails if (found := re.search(r"^    (\S+)$", text, re.MULTILINE))]


def ask_reset(stack: Stack, email: str) -> httpx.Response:
    with browser(stack) as client:
        return client.post("/api/auth/password/reset/", json={"email": email})


def reset_token(stack: Stack, email: str) -> str:
    before = len(mailed_tokens(stack, email))
    assert ask_reset(stack, email).status_code == 200
    wait_until(lambda: len(mailed_tokens(stack, email)) > before, "the mail came")
    return mailed_tokens(stack, email)[-1]


def confirm(stack: Stack, token: str, password: str = NEW) -> httpx.Response:
    with browser(stack) as client:
        return client.post("/api/auth/password/reset/confirm/", json={"token": token, "password": password})


def guess(client: httpx.Client, email: str, address: str) -> httpx.Response:
    body = {"email": email, "password": "a guess"}
    return client.post("/api/login/", json=body, headers={"X-Forwarded-For": address})


def test_a_change_ends_every_other_login_and_goes_on_with_a_fresh_one(stack: Stack) -> None:
    email = new_person(stack)
    with browser(stack) as client, browser(stack) as other:
        log_in(client, email)
        other_access = log_in(other, email)["access"]
        body = {"current_password": PASSWORD, "password": NEW}
        answer = client.post("/api/auth/password/change/", json=body, headers=csrf(client))
        assert answer.status_code == 200
        wait_until_refused(other)
        wait_until_refused(other, bearer(other_access))
        assert client.get("/api/auth/user/").status_code == 200
        assert client.get("/api/auth/user/", headers=bearer(answer.json()["access"])).status_code == 200
        log_in(other, email, NEW)


def test_a_change_wants_the_present_password(stack: Stack) -> None:
    with browser(stack) as client:
        log_in(client, new_person(stack))
        body = {"current_password": "not this one", "password": NEW}
        answer = client.post("/api/auth/password/change/", json=body, headers=csrf(client))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "current_password"


def test_a_user_whose_password_an_agent_set_can_do_nothing_but_change_it(stack: Stack) -> None:
    email = new_person(stack)
    execute(stack, "UPDATE user_account SET must_change_password = true WHERE email_key = %s", email)
    with browser(stack) as client:
        access = log_in(client, email)["access"]
        refused = client.post("/api/ws-ticket/", headers=bearer(access))
        assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
        body = {"current_password": PASSWORD, "password": NEW}
        changed = client.post("/api/auth/password/change/", json=body, headers=bearer(access))
        assert client.post("/api/ws-ticket/", headers=bearer(changed.json()["access"])).status_code == 200


def test_a_reset_goes_by_mail_and_ends_every_login(stack: Stack) -> None:
    email = new_person(stack)
    with browser(stack) as client:
        log_in(client, email)
        assert confirm(stack, reset_token(stack, email)).status_code == 200
        wait_until_refused(client)
        log_in(client, email, NEW)


def test_a_reset_token_is_good_once(stack: Stack) -> None:
    token = reset_token(stack, new_person(stack))
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: confirm(stack, token).status_code, range(5)))
    assert sorted(answers) == [200, 400, 400, 400, 400]


def test_a_used_reset_ends_the_other_ones(stack: Stack) -> None:
    email = new_person(stack)
    first, second = reset_token(stack, email), reset_token(stack, email)
    assert confirm(stack, second).status_code == 200
    assert confirm(stack, first).json()["code"] == "bad_reset_token"


def test_an_expired_reset_token_is_refused(stack: Stack) -> None:
    token = reset_token(stack, new_person(stack))
    execute(stack, "UPDATE password_reset SET expires_at = clock_timestamp() - interval '1 second'")
    assert confirm(stack, token).status_code == 400


def test_a_refused_new_password_does_not_cost_the_token(stack: Stack) -> None:
    token = reset_token(stack, new_person(stack))
    assert confirm(stack, token, "short").json()["errors"][0]["field"] == "password"
    assert confirm(stack, token).status_code == 200


def test_a_reset_token_is_kept_hashed(stack: Stack) -> None:
    token = reset_token(stack, new_person(stack))
    assert token.encode() not in {bytes(row[0]) for row in execute(stack, "SELECT token_hash FROM password_reset")}


def test_an_address_that_an_agent_gave_is_no_reset_target_and_no_login(stack: Stack) -> None:
    execute(
        stack,
        "INSERT INTO user_account (username, username_key, phone, phone_key, contact_email) VALUES (%s, %s, %s, %s, %s)",
        *["5550001111"] * 4,
        "contact@example.com",
    )
    assert ask_reset(stack, "contact@example.com").json() == ask_reset(stack, "nobody@example.com").json()
    known = new_person(stack)
    reset_token(stack, known)  # mails go out in order: by now the other one would be out
    assert mailed_tokens(stack, "contact@example.com") == []


def test_a_reset_says_nothing_about_who_exists(stack: Stack) -> None:
    known, unknown = ask_reset(stack, new_person(stack)), ask_reset(stack, "nobody@example.com")
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())


def test_a_person_gets_only_so_many_reset_mails(stack: Stack) -> None:
    email, last = new_person(stack), new_person(stack)
    for _ in range(RESETS_OF_ACCOUNT.amount + 2):
        assert ask_reset(stack, email).status_code == 200
    reset_token(stack, last)
    assert len(mailed_tokens(stack, email)) == RESETS_OF_ACCOUNT.amount


def test_a_login_costs_as_much_for_nobody_as_for_somebody(stack: Stack) -> None:
    """So it takes as long. Told by the API's processor time, which a busy machine does not change."""
    meter = Meter({"api": stack.process("api").pid})

    def seconds(name: str) -> float:
        before = meter.read()["api"]
        for _ in range(15):
            with browser(stack) as client:  # from ever new addresses: guessing is not refused
                assert client.post("/api/login/", json={"email": name, "password": "a guess"}).status_code in REFUSED
        return meter.read()["api"] - before

    known, unknown = seconds(new_person(stack)), seconds("nobody.at.all@example.com")
    assert known > LEAST_S, "a password is hashed"
    assert abs(known - unknown) < 0.5 * max(known, unknown)


def test_guessing_at_one_account_from_one_address_stops(stack: Stack) -> None:
    email, address = new_person(stack), new_address()
    with browser(stack) as client:
        answers = [guess(client, email, address) for _ in range(GUESSES_AT_ONE.amount + 1)]
    assert [answer.status_code for answer in answers] == [401] * GUESSES_AT_ONE.amount + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= GUESSES_AT_ONE.window_s


def test_guesses_sent_at_once_are_counted_one_by_one(stack: Stack) -> None:
    email, address = new_person(stack), new_address()
    with browser(stack) as client, ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: guess(client, email, address).status_code, range(40)))
    processes = stack.settings.api_processes
    assert GUESSES_AT_ONE.amount <= answers.count(401) <= GUESSES_AT_ONE.amount + processes - 1


def test_an_unknown_name_is_refused_after_as_many_guesses(stack: Stack) -> None:
    address = new_address()
    with browser(stack) as client:
        answers = [guess(client, "no.such@example.com", address) for _ in range(GUESSES_AT_ONE.amount + 1)]
    assert [answer.status_code for answer in answers] == [401] * GUESSES_AT_ONE.amount + [429]


def test_guessing_at_many_accounts_from_one_address_stops(stack: Stack) -> None:
    address = new_address()
    with browser(stack) as client:
        names = (f"stuffed{number}@example.com" for number in range(GUESSES_FROM_ADDRESS.amount + 1))
        answers = [guess(client, name, address).status_code for name in names]
    assert answers == [401] * GUESSES_FROM_ADDRESS.amount + [429]


def test_guesses_from_everywhere_do_not_lock_the_owner_out(stack: Stack) -> None:
    email, home, elsewhere = new_person(stack), new_address(), new_address()
    body = {"email": email, "password": PASSWORD}
    with browser(stack) as client:
        assert client.post("/api/login/", json=body, headers={"X-Forwarded-For": home}).status_code == 200
        for _ in range(GUESSES_FROM_UNKNOWN_ADDRESSES.amount):
            guess(client, email, new_address())
        assert guess(client, email, new_address()).status_code == 429
        strange = client.post("/api/login/", json=body, headers={"X-Forwarded-For": elsewhere})
        assert (strange.status_code, int(strange.headers["Retry-After"]) <= 60) == (429, True)
        assert client.post("/api/login/", json=body, headers={"X-Forwarded-For": home}).status_code == 200


def test_logging_in_all_day_is_not_guessing(stack: Stack) -> None:
    email, address = new_person(stack), new_address()
    with browser(stack, address) as client, ThreadPoolExecutor(20) as pool:
        body = {"email": email, "password": PASSWORD}
        answers = list(pool.map(lambda _: client.post("/api/login/", json=body).status_code, range(80)))
    assert set(answers) == {200}


@pytest.mark.parametrize("route", ["/api/register/", "/api/auth/register/"])
def test_asking_again_and_again_whether_an_address_exists_stops(stack: Stack, route: str) -> None:
    email = new_person(stack)
    body = {"email": email, "password": PASSWORD, "confirm_password": PASSWORD}
    if route == "/api/auth/register/":
        body = {"email": email, "password": PASSWORD, "username": "whoever else"}
    with browser(stack) as client:
        answers = [client.post(route, json=body).status_code for _ in range(6)]
    assert answers[-1] == 429
    assert set(answers) == {400, 429}


def test_sign_in_goes_on_and_guesses_are_counted_while_redis_is_away(stack: Stack) -> None:
    email, address = new_person(stack), new_address()
    stack.valkey.freeze()
    try:
        with browser(stack) as client:
            log_in(client, email)
            tries = GUESSES_AT_ONE.amount * stack.settings.api_processes + 1
            answers = [guess(client, email, address).status_code for _ in range(tries)]
    finally:
        stack.valkey.thaw()
    assert answers.count(401) <= GUESSES_AT_ONE.amount * stack.settings.api_processes
    assert answers[-1] == 429
