"""Accounts behind Caddy: cookies, origins and addresses as browsers meet them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.accounts.limits import GUESSES_AT_ONE
from ops.embedded import caddy
from ops.ports import accepts, free_ports
from tests.support.clients.callers import PASSWORD, csrf, log_in, new_person
from tests.support.processes.servers import Server
from tests.support.processes.stack import Stack


@pytest.fixture
def front_door(stack: Stack, tmp_path: Path) -> Iterator[str]:
    """The origin that browsers see."""
    port = free_ports(1)[0]
    placeholders = caddy.environment(site=f"http://localhost:{port}", api=stack.api_port, notifier=1, flower=1)
    server = Server(caddy.program(tmp_path / "caddy", placeholders, tmp_path / "caddy.log"), lambda: accepts(port))
    server.start()
    yield f"http://localhost:{port}"
    server.close()


def test_a_page_behind_the_front_door_can_log_in_write_and_log_out(front_door: str) -> None:
    with httpx.Client(base_url=front_door, headers={"Origin": front_door}, timeout=30.0) as page:
        log_in(page, "user@example.com")
        assert page.get("/api/auth/user/").json()["id"] == 1
        assert page.post("/api/ws-ticket/", headers=csrf(page)).status_code == 200
        assert page.post("/api/token/refresh-cookie/").status_code == 200
        assert page.post("/api/auth/logout/", headers=csrf(page)).status_code == 200


def test_a_page_of_another_port_is_another_origin(front_door: str) -> None:
    with httpx.Client(base_url=front_door, headers={"Origin": "http://localhost:1"}, timeout=30.0) as page:
        answer = page.post("/api/login/", json={"email": "user@example.com", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")


def test_nobody_chooses_the_address_that_guesses_are_counted_under(front_door: str, stack: Stack) -> None:
    email = new_person(stack)
    with httpx.Client(base_url=front_door, timeout=30.0) as client:
        answers = [
            client.post(
                "/api/login/",
                json={"email": email, "password": "a guess"},
                headers={"X-Forwarded-For": f"203.0.113.{number}"},
            ).status_code
            for number in range(GUESSES_AT_ONE.amount + 1)
        ]
    assert answers[-1] == 429
