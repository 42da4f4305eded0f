"""The harness itself: a booking's way works from the first canary on, and parts can be killed and started."""

from __future__ import annotations

import httpx

from tests.conftest import FreshStack
from tests.stack import PostgresServer, Stack


def test_a_new_database_is_migrated(postgres: PostgresServer, database_url: str) -> None:
    assert database_url.startswith("postgresql://")


def test_the_shared_stack_is_ready(stack: Stack) -> None:
    assert httpx.get(f"{stack.api_url}/readyz").status_code == 200


def test_a_killed_api_can_be_started_again(fresh_stack: FreshStack) -> None:
    stack = fresh_stack()
    stack.process("api").kill()
    stack.process("api").start()
    stack.wait_ready()
