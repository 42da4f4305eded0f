"""Nobody learns by trying whether a name is known: every door answers alike, however the name is spelt."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, cycle, islice
from typing import Any

import httpx
import pytest
import redis

from api.accounts.limits import GUESSES_AT_ONE, REGISTRATIONS_OF_NAME, RESETS_FROM_ADDRESS
from api.limits.throttle import normalised_name
from core.passwords import hash_password
from tests.conftest import FIGURE
from tests.support.clients.callers import PASSWORD, browser, execute
from tests.support.clients.people import free_phone
from tests.support.processes.stack import Stack

FULLWIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
"""To the forms that NFKC makes plain again."""
ITS_OWN = ("date", "x-request-id", "retry-after", "content-length")
"""Headers that differ between any two answers. That there is a `Retry-After` is compared."""

Ask = Callable[[httpx.Client, str], httpx.Response]


def _sign_in(path: str, field: str) -> Ask:
    return lambda client, name: client.post(path, json={field: name, "password": "a guess"})


SIGN_INS: Mapping[str, Ask] = {
    f"{path} by {field}": _sign_in(path, field)
    for path, field in (
        ("/api/login/", "username"),
        ("/api/login/", "email"),
        ("/api/auth/login/", "username"),
        ("/api/auth/token/", "username"),
        ("/api/auth/token/", "email"),
    )
}
"""Every form that takes a name and a password."""


def spellings(name: str) -> list[str]:
    """One name as people, and people who guess, may write it."""
    plain = [name, name.upper(), f"{name} ", f"  {name}", f"\N{NO-BREAK SPACE}{name}", name.translate(FULLWIDTH)]
    if name.startswith("+1"):
        plain += [name[1:], f"+1 ({name[2:5]}) {name[5:8]}-{name[8:]}", f"+1 {name[2:5]} {name[5:]}"]
    return plain


def told(answer: httpx.Response) -> tuple[Any, ...]:
    """The whole answer, less what no two answers have in common."""
    headers = {name: value for name, value in answer.headers.items() if name not in ITS_OWN}
    body = re.sub(r"in \d+ seconds?", "in some seconds", answer.text)
    return answer.status_code, body, headers, "retry-after" in answer.headers


def known_by_email(stack: Stack) -> str:
    email = f"p{secrets.token_hex(6)}@example.com"
    _insert(stack, email, email)
    return email


def known_by_username(stack: Stack) -> str:
    name = f"u{secrets.token_hex(6)}"
    _insert(stack, name, None)
    return name


def known_by_phone(stack: Stack) -> str:
    phone = free_phone()
    _insert(stack, phone, None)
    return phone


def _insert(stack: Stack, username: str, email: str | None) -> None:
    statement = """
        INSERT INTO user_account (username, username_key, email, email_key, password_hash)
        VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
    """
    execute(stack, statement, username, normalised_name(username, stack.settings.phone_region), email, email, HASH)


HASH = hash_password(PASSWORD)
PEOPLE: Mapping[str, tuple[Callable[[Stack], str], Callable[[], str]]] = {
    "email": (known_by_email, lambda: f"q{secrets.token_hex(6)}@example.com"),
    "username": (known_by_username, lambda: f"v{secrets.token_hex(6)}"),
    "phone": (known_by_phone, free_phone),
}
"""By what they go: somebody who exists, and the name of somebody who does not."""


def guesses(stack: Stack, name: str) -> list[tuple[Any, ...]]:
    """What every door says while a name is guessed at, in all its spellings, and when that is over."""
    each = [(ask, spelt) for spelt in spellings(name) for ask in SIGN_INS.values()]
    some: Iterator[Any] = islice(cycle(each[:: len(SIGN_INS) + 1]), GUESSES_AT_ONE.amount)
    with browser(stack) as client:
        return [told(ask(client, spelt)) for ask, spelt in chain(some, each)]


@pytest.mark.parametrize("goes_by", PEOPLE)
def test_guessing_at_a_name_ends_alike_whether_it_is_known(
    stack: Stack, goes_by: str, record_property: Callable[[str, object], None]
) -> None:
    known, unknown = PEOPLE[goes_by]
    at_known, at_unknown = guesses(stack, known(stack)), guesses(stack, unknown())
    statuses = [status for status, *_ in at_unknown]
    assert statuses == [401] * GUESSES_AT_ONE.amount + [429] * (len(statuses) - GUESSES_AT_ONE.amount)
    assert at_known == at_unknown
    record_property(FIGURE, f"names by {goes_by}: {len(SIGN_INS)} doors, {len(spellings(unknown()))} spellings, alike")


def test_all_names_of_an_account_give_no_more_guesses_than_one(stack: Stack) -> None:
    """More guesses are answered as wrong, the right one too: a 429 would say that both names are one person's."""
    name, email = f"u{secrets.token_hex(6)}", f"p{secrets.token_hex(6)}@example.com"
    _insert(stack, name, email)
    half = GUESSES_AT_ONE.amount // 2
    with browser(stack) as client:
        for door, typed in (("/api/login/ by username", name), ("/api/login/ by email", email)):
            assert {SIGN_INS[door](client, typed).status_code for _ in range(half)} == {401}
        right = client.post("/api/login/", json={"email": email, "password": PASSWORD})
    assert (right.status_code, right.json()["code"]) == (401, "wrong_credentials")
    with browser(stack) as elsewhere:
        assert elsewhere.post("/api/login/", json={"email": email, "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize("route", ["/api/register/", "/api/auth/register/"])
@pytest.mark.parametrize("is_known", [True, False])
def test_an_address_may_be_asked_for_so_often_however_it_is_spelt(stack: Stack, route: str, *, is_known: bool) -> None:
    """Contracts have registration say that an address is taken: how often it may be asked is the protection."""
    email = known_by_email(stack) if is_known else f"n{secrets.token_hex(6)}@example.com"
    spelt = [email, email.upper(), f"{email} ", f" {email}", email.capitalize(), email]

    def ask(client: httpx.Client, address: str) -> int:
        body = {"email": address, "password": PASSWORD, "confirm_password": PASSWORD}
        if route == "/api/auth/register/":
            body = {"email": address, "password": PASSWORD, "username": f"w{secrets.token_hex(6)}"}
        return client.post(route, json=body).status_code

    with browser(stack) as client:
        statuses = [ask(client, one) for one in spelt]
    assert statuses == [400 if is_known else 201] + [400] * (REGISTRATIONS_OF_NAME.amount - 1) + [429]
    with browser(stack) as elsewhere:
        assert ask(elsewhere, email) == 400, "callers at other addresses are not kept out by it"


def test_a_username_may_be_asked_for_so_often_whatever_address_comes_along(stack: Stack) -> None:
    name = known_by_username(stack)
    statuses = []
    with browser(stack) as client:
        for spelt in spellings(name):
            body = {"username": spelt, "password": PASSWORD, "email": f"n{secrets.token_hex(6)}@example.com"}
            statuses.append(client.post("/api/auth/register/", json=body).status_code)
    assert statuses == [400] * REGISTRATIONS_OF_NAME.amount + [429]


def test_a_reset_is_answered_alike_whether_the_address_is_known(stack: Stack) -> None:
    def answers(name: str) -> list[tuple[Any, ...]]:
        asked = islice(cycle(spellings(name)), RESETS_FROM_ADDRESS.amount + 1)
        with browser(stack) as client:
            return [told(client.post("/api/auth/password/reset/", json={"email": spelt})) for spelt in asked]

    known, unknown = answers(known_by_email(stack)), answers("nobody.here@example.com")
    assert [status for status, *_ in unknown] == [200] * RESETS_FROM_ADDRESS.amount + [429]
    assert known == unknown


def test_no_counter_in_redis_is_called_by_a_name(stack: Stack) -> None:
    """They outlive a deleted account by an hour."""
    name, email = (f"zelda{secrets.token_hex(6)}" for _ in range(2))
    body = {"username": name, "password": PASSWORD, "email": f"{email}@example.com"}
    with browser(stack) as client, redis.Redis.from_url(stack.redis_url, decode_responses=True) as counters:
        assert client.post("/api/auth/register/", json=body).status_code == 201
        assert client.post("/api/login/", json={"username": name, "password": "a guess"}).status_code == 401
        assert client.post("/api/auth/password/reset/", json={"email": body["email"]}).status_code == 200
        keys = list(counters.scan_iter(count=1_000))
    assert any("registrations-of-name" in key for key in keys)
    assert [key for key in keys if name in key or email in key] == []
