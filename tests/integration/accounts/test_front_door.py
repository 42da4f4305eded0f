"""Accounts behind Caddy: cookies, origins and addresses as browsers meet them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.accounts.limits import GUESSES_AT_ONE
from tests.support.clients.callers import PASSWORD, csrf, log_in, new_person
from tests.support.processes.front_door import front_door
from tests.support.processes.stack import Stack


@pytest.fixture
def origin(stack: Stack, tmp_path: Path) -> Iterator[str]:
    """What browsers see."""
    with front_door(tmp_path / "caddy", api_port=stack.api_port, site_host="localhost") as door:
        yield door.url


def test_a_page_behind_the_front_door_can_log_in_write_and_log_out(origin: str) -> None:
    with httpx.Client(base_url=origin, headers={"Origin": origin}, timeout=30.0) as page:
        log_in(page, "user@example.com")
        assert page.get("/api/auth/user/").json()["id"] == 1
        assert page.post("/api/ws-ticket/", headers=csrf(page)).status_code == 200
        assert page.post("/api/token/refresh-cookie/").status_code == 200
        assert page.post("/api/auth/logout/", headers=csrf(page)).status_code == 200


def test_a_page_of_another_port_is_another_origin(origin: str) -> None:
    with httpx.Client(base_url=origin, headers={"Origin": "http://localhost:1"}, timeout=30.0) as page:
        answer = page.post("/api/login/", json={"email": "user@example.com", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")


def test_nobody_chooses_the_address_that_guesses_are_counted_under(origin: str, stack: Stack) -> None:
    email = new_person(stack)
    with httpx.Client(base_url=origin, timeout=30.0) as client:
        answers = [
            client.post(
                "/api/login/",
                json={"email": email, "password": "a guess"},
                headers={"X-Forwarded-For": f"203.0.113.{number}"},
            ).status_code
            for number in range(GUESSES_AT_ONE.amount + 1)
        ]
    assert answers[-1] == 429
