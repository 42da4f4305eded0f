"""Every operation that is described turns away what its rule, its parameters and its path do not let in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any

import httpx
import psycopg
import pytest

from core.identity.credentials import agent_keys
from core.identity.credentials.agent_keys import NewKey
from tests.support.clients.http_client import Client
from tests.support.conformance.description import operations, path_with_unknown_ids
from tests.support.processes.stack import Stack

EVIL = {"Origin": "https://evil.example"}
FORGED = {"Authorization": "Bearer forged"}
MISSPELT = "no-id"


def naming(status: str, code: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The operations that name this refusal."""
    for method, path, described in operations():
        if code in described["responses"].get(status, {}).get("x-codes", ()):
            yield method, path, described


def misspelt(path: str, _described: Mapping[str, Any]) -> str:
    return re.sub(r"\{\w+\}", MISSPELT, path)


def refused(
    client: httpx.Client,
    status: str,
    code: str,
    *,
    spelt: Callable[[str, Mapping[str, Any]], str] = path_with_unknown_ids,
    query: str = "",
    headers: Mapping[str, str] = {},
    by: Callable[[Mapping[str, Any]], bool] = bool,
) -> None:
    """By every operation that names the refusal, and there are many."""
    asked = [(method, spelt(path, described)) for method, path, described in naming(status, code) if by(described)]
    assert len(asked) > 10
    for method, path in asked:
        answer = client.request(method, path + query, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (int(status), code), f"{method} {path}: {answer.text}"


@pytest.fixture
def key_from_elsewhere(stack: Stack) -> dict[str, str]:
    """Of an agent whose address this machine does not have."""

    async def make() -> Any:
        async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
            return await agent_keys.make(connection, NewKey("elsewhere", [ip_network("192.0.2.0/24")]), None)

    return {"Authorization": f"Token {asyncio.run(make())[1]}"}


def test_a_forged_credential_is_refused(client: Client) -> None:
    refused(client, "401", "bad_credential", headers=FORGED)


def test_an_agent_key_is_refused_from_an_address_that_is_not_its_own(
    client: Client, key_from_elsewhere: dict[str, str]
) -> None:
    refused(client, "403", "address_not_allowed", headers=key_from_elsewhere)


def test_a_sign_in_from_a_page_of_another_origin_is_refused(client: Client) -> None:
    refused(client, "403", "origin_not_allowed", headers=EVIL, by=lambda described: not described["security"])


def test_a_parameter_that_is_not_known_is_refused(staff: Client) -> None:
    """By a provider's sign-in too, where it is set up: tests/integration/accounts/test_oauth.py."""
    refused(staff, "400", "invalid", query="?no_such_parameter=1", by=lambda described: not is_oauth(described))


def is_oauth(described: Mapping[str, Any]) -> bool:
    return "provider_not_configured" in described["responses"].get("404", {}).get("x-codes", ())


def test_a_path_with_something_else_than_an_id_is_none(staff: Client) -> None:
    refused(staff, "404", "not_found", spelt=misspelt, by=has_an_id)


def has_an_id(described: Mapping[str, Any]) -> bool:
    return any(parameter["in"] == "path" for parameter in described.get("parameters", ()))
