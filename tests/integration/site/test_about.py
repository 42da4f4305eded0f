"""`GET /api/site/`: what a page knows of the installation before anybody is signed in."""

from __future__ import annotations

import httpx

from core.identity.demo_accounts import ACCOUNTS
from tests.support.processes.stack import Stack


def test_the_demo_tells_its_accounts_with_their_roles(stack: Stack) -> None:
    told = httpx.get(f"{stack.api_url}/api/site/").raise_for_status().json()
    assert told["is_demo"] is True
    assert [(one["username"], one["password"]) for one in told["demo_accounts"]] == [
        (account.username, account.password) for account in ACCOUNTS
    ]
    assert {one["role"] for one in told["demo_accounts"]} == {"user", "staff", "practitioner", "superuser"}
    assert told["guests_may_book"] is True
