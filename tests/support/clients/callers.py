"""Callers for tests of accounts: browsers with cookies, programs with tokens, each from its own address."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from typing import Any, Protocol

import httpx
import psycopg

from core.identity.credentials import login_sessions
from core.identity.principals import issue_access_token
from tests.support.clients.http_client import Client
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

PASSWORD = "123456Long"
USER, STAFF, PRACTITIONER, ADMIN = 1, 2, 3, 4
"""Ids of the demo's accounts."""
_numbers = count(1)


def new_address() -> str:
    """A client address that no other test counts tries from."""
    number = next(_numbers)
    return f"10.77.{number // 250}.{number % 250 + 1}"


def browser(stack: Stack, address: str | None = None) -> Client:
    """Keeps cookies, as pages of our own origin do; the API trusts the proxy that names its address."""
    headers = {"X-Forwarded-For": address or new_address()}
    return Client(base_url=stack.api_url, headers=headers, timeout=35.0)


def signed_in(stack: Stack, user_id: int = USER) -> Client:
    """By an access token of a new login."""
    client = browser(stack)
    client.headers.update(bearer(access_for(stack, user_id)))
    return client


def csrf(client: httpx.Client) -> dict[str, str]:
    return {"X-CSRFToken": client.cookies["csrftoken"]}


def bearer(access: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access}"}


def new_person(stack: Stack) -> str:
    """Register somebody by email with `PASSWORD`; their address."""
    email = f"p{secrets.token_hex(6)}@example.com"
    body = {"email": email, "password": PASSWORD, "confirm_password": PASSWORD}
    with browser(stack) as client:
        assert client.post("/api/register/", json=body).status_code == 201
    return email


def log_in(client: httpx.Client, email: str, password: str = PASSWORD) -> Any:
    """By the rooms form; the answer's body."""
    answer = client.post("/api/login/", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    return answer.json()


def access_for(stack: Stack, user_id: int) -> str:
    """An access token of a new login, without the cost of a password."""

    async def begin() -> str:
        async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
            row = await (
                await connection.execute("SELECT auth_epoch FROM user_account WHERE id = %s", [user_id])
            ).fetchone()
            assert row is not None
            login = await login_sessions.begin(connection, user_id, row[0], "", with_body_family=False)
        assert login is not None
        return issue_access_token(stack.settings, login.claims, datetime.now(UTC))

    with ThreadPoolExecutor(1) as aside:  # a browser test has a loop of its own in this thread
        return aside.submit(lambda: asyncio.run(begin())).result()


def only_superuser(stack: Stack) -> None:
    """Others that tests made lose the role: the demo's is the last."""
    execute(stack, "UPDATE user_account SET is_superuser = false WHERE is_superuser AND id <> %s", ADMIN)


class HasDatabase(Protocol):
    """A stack, or something like one."""

    @property
    def database_url(self) -> str: ...


def execute(stack: HasDatabase, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run SQL behind the API's back; its rows."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []


ENDED_WITHIN_S = 5.0
"""What is promised of a login, a key or a token that has ended (`api/accounts/access/live_credentials.py`)."""


def wait_until_refused(client: httpx.Client, headers: dict[str, str] | None = None) -> None:
    """Until nobody gets in by that credential any more. How soon: `ENDED_WITHIN_S`, where a test is about it."""
    wait_until(lambda: client.get("/api/auth/user/", headers=headers).status_code == 401, "the login has ended")


def answers(stack: Stack) -> bool:
    """Whether the API serves."""
    try:
        return httpx.get(f"{stack.api_url}/healthz", timeout=2.0).status_code == 200
    except httpx.TransportError:
        return False
