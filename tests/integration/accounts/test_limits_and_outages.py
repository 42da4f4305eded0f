"""Every operation says so when somebody asks too often, and while the database is away."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from api.accounts.limits import (
    GUESSES_FROM_ADDRESS,
    OAUTH_STARTS,
    REFRESHES,
    RESET_CONFIRMATIONS,
    RESETS_FROM_ADDRESS,
    SETTINGS_CHANGES,
)
from api.limits.throttle import Limit, Throttle
from core.identity.credentials import agent_keys
from core.identity.credentials.agent_keys import NewKey
from tests.support.clients.callers import STAFF, USER, access_for, bearer, browser, new_address, signed_in
from tests.support.conformance.description import example_of, operations, path_with_unknown_ids
from tests.support.processes.own_api import api
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.sign_in.providers import providing
from tests.support.wait import wait_until

UNKNOWN = {"Authorization": "Token hft_unknown"}
"""Of nobody, as only the database can tell."""
WITHOUT_COOKIE = {"/api/token/refresh-cookie/": {"refresh": "unknown"}}
"""Where the example is for somebody who has one."""
BACK = {"code": "x", "state": "x"}
"""What a provider sends back."""


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """With both providers, so that every operation is there."""
    folder = tmp_path_factory.mktemp("refusing")
    with providing(folder, partial(api, postgres, folder)) as both:
        yield both.stack


def exhaust(stack: Stack, limit: Limit, *who: str) -> None:
    """Try as often as one may."""

    async def count() -> None:
        throttle = Throttle(stack.redis_url)
        while await throttle.count(limit, *who):
            pass
        await throttle.close()

    asyncio.run(count())


@pytest.mark.parametrize(
    ("limit", "asked"),
    [
        (GUESSES_FROM_ADDRESS, ["/api/login/", "/api/auth/login/", "/api/auth/token/"]),
        (RESETS_FROM_ADDRESS, ["/api/auth/password/reset/"]),
        (RESET_CONFIRMATIONS, ["/api/auth/password/reset/confirm/"]),
        (REFRESHES, ["/api/token/refresh-cookie/"]),
    ],
    ids=lambda one: one.name if isinstance(one, Limit) else "",
)
def test_a_client_that_tried_too_often_to_get_in_is_told_when_to_come_again(
    stack: Stack, limit: Limit, asked: list[str]
) -> None:
    address = new_address()
    exhaust(stack, limit, address)
    bodies = {
        path: example_of(described) for method, path, described in operations() if method == "POST" and path in asked
    }
    assert sorted(bodies) == sorted(asked)
    with browser(stack, address) as client:
        for path, body in bodies.items():
            told_to_wait(client.post(path, json=body), limit.window_s)


def test_guesses_at_a_password_to_change_are_bounded_like_those_at_login(stack: Stack) -> None:
    address = new_address()
    exhaust(stack, GUESSES_FROM_ADDRESS, address)
    body = {"current_password": "a guess", "password": "another password"}
    with browser(stack, address) as client:
        answer = client.post("/api/auth/password/change/", json=body, headers=bearer(access_for(stack, USER)))
    told_to_wait(answer, GUESSES_FROM_ADDRESS.window_s)


def test_guesses_at_a_password_that_proves_a_change_of_names_are_bounded_too(stack: Stack) -> None:
    address = new_address()
    exhaust(stack, GUESSES_FROM_ADDRESS, address)
    change = {"username": f"other{secrets.token_hex(4)}", "current_password": "a guess"}
    with browser(stack, address) as client:
        answer = client.put(f"/api/admin/users/{STAFF}/update/", json=change, headers=bearer(access_for(stack, STAFF)))
    told_to_wait(answer, GUESSES_FROM_ADDRESS.window_s)


@pytest.mark.parametrize("path", ["user/logins", f"user/logins/{UUID(int=1)}", "oauth/accounts/1"])
def test_somebody_who_ends_logins_all_the_time_is_told_to_wait(stack: Stack, path: str) -> None:
    exhaust(stack, SETTINGS_CHANGES, f"user:{STAFF}")
    with signed_in(stack, STAFF) as client:
        told_to_wait(client.delete(f"/api/{path}/"), SETTINGS_CHANGES.window_s)


@pytest.mark.parametrize("name", ["google", "github"])
def test_an_address_that_began_too_many_sign_ins_is_told_to_wait(stack: Stack, name: str) -> None:
    address = new_address()
    exhaust(stack, OAUTH_STARTS, address)
    with browser(stack, address) as client:
        told_to_wait(client.get(f"/oauth/{name}/login/"), OAUTH_STARTS.window_s)


def test_an_agent_s_quota_is_of_all_its_writes(stack: Stack) -> None:
    async def make() -> Any:
        async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
            return await agent_keys.make(connection, NewKey("busy", writes_per_minute=1), None)

    key = {"Authorization": f"Token {asyncio.run(make())[1]}"}

    def is_over() -> bool:
        """Once it is, unless the clock's minute ends meanwhile."""
        paths = ("/api/booking/create/", "/api/agent/booking/create/", "/api/agent/bookings/bulk/")
        answers = [client.post(path, json={}, headers=key) for path in paths for _ in range(2)]
        return [answer.status_code for answer in answers][1:] == [429] * 5

    with browser(stack) as client:
        wait_until(is_over, "the quota is over for all of them")


def told_to_wait(answer: httpx.Response, at_most_s: int) -> None:
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests"), answer.request.url
    assert 0 < int(answer.headers["Retry-After"]) <= at_most_s


def test_every_operation_says_when_to_come_again_while_the_database_is_away(
    stack: Stack, postgres: PostgresServer
) -> None:
    with away(stack, postgres):
        answers = asyncio.run(everything(stack))
    assert len(answers) == len(list(operations()))
    told = {
        f"{answer.request.method} {answer.request.url.path}": (answer.status_code, answer.json().get("code"))
        for answer in answers
    }
    assert told.pop("POST /api/auth/password/reset/") == (200, None), "it answers everybody alike, always"
    assert {asked: how for asked, how in told.items() if how != (503, "unavailable")} == {}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers if answer.status_code == 503)


async def everything(stack: Stack) -> list[httpx.Response]:
    """Each operation's answer, all asked at once: each waits as long for the database."""
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60.0, limits=httpx.Limits()) as client:
        asked = []
        for method, path, described in operations():
            signs_in = not described["security"]
            headers = {"X-Forwarded-For": new_address()} if signs_in else UNKNOWN
            query = BACK if path.endswith("/callback/") else None
            body = (example_of(described) or WITHOUT_COOKIE.get(path)) if signs_in else None
            asked.append(
                client.request(method, path_with_unknown_ids(path, described), headers=headers, params=query, json=body)
            )
        return await asyncio.gather(*asked)


@contextmanager
def away(stack: Stack, postgres: PostgresServer) -> Iterator[None]:
    """Nobody is let into the stack's database meanwhile."""
    name = stack.database_url.rsplit("/", 1)[1]
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        try:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
